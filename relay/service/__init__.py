"""The one place that constructs: settings in, a running relay out."""

from relay.service.relay import Parts, Relay, Running

__all__ = ["Parts", "Relay", "Running"]
