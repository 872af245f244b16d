"""Programs around Slack's own clients: each says on stdout what it hears, and leaves when its stdin ends."""
