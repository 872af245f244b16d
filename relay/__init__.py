"""Slack's events, held on one socket and sent on as signed webhooks."""

__version__ = "0.1.0"
