"""What the Slack side wants to know; settings.py makes it from the environment."""

import ssl

from msgspec import Struct, field

from relay.core.proxy import Proxies

API_URL = "https://slack.com/api/"


class SlackOptions(Struct, frozen=True, kw_only=True):
    api_url: str = API_URL  # ends with a slash
    proxies: Proxies = field(default_factory=Proxies)
    call_s: float = 10.0  # for one Web API call, all of it
    open_s: float = 10.0  # for a WebSocket to open, all of it
    buffer_events: int = 50_000  # between the sockets and Redis, for the whole process
    buffer_bytes: int = 64 * 1024 * 1024


def tls_context() -> ssl.SSLContext:
    """One for the process: it reads the whole CA bundle, 40 ms each time."""
    return ssl.create_default_context()
