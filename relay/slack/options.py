"""What the Slack side wants to know; settings.py makes it from the environment."""

import ssl
from dataclasses import dataclass, field
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed lacks it

API_URL = "https://slack.com/api/"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackOptions:
    api_url: str = API_URL  # ends with a slash
    https_proxy: str = field(default="", repr=False)  # may hold a password
    http_proxy: str = field(default="", repr=False)
    no_proxy: str = ""
    call_s: float = 10.0  # for one Web API call, all of it
    open_s: float = 10.0  # for a WebSocket to open, all of it
    buffer_events: int = 50_000  # between the sockets and Redis, for the whole process
    buffer_bytes: int = 64 * 1024 * 1024

    def proxy_for(self, host: str, *, secure: bool) -> str:
        """The proxy's URL, "" for none: the rules of curl and Python, as in HTTPS_PROXY, HTTP_PROXY and NO_PROXY."""
        proxy = self.https_proxy if secure else self.http_proxy
        return "" if not proxy or proxy_bypass_environment(host, {"no": self.no_proxy}) else proxy


def tls_context() -> ssl.SSLContext:
    """One for the process: it reads the whole CA bundle, 40 ms each time."""
    return ssl.create_default_context()
