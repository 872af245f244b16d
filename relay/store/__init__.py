"""Redis, and nothing but Redis: what the relay remembers."""
