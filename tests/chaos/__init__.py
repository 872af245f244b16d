"""Chaos: a relay under attack, its history checked by somebody who knows nothing of it. See `python -m tests.chaos`."""
