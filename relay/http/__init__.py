"""Our side of HTTP and WebSocket: strangers connect here, within limits."""
