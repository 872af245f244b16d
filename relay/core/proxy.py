"""Which proxy the way out goes through, to Slack and to endpoints: HTTPS_PROXY, HTTP_PROXY and NO_PROXY, as curl and Go
read them.
"""

import base64
import ipaddress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from relay.core.errors import RelayError


class ProxyUnreadable(RelayError):
    """A proxy's URL that is none, or not of a kind that we speak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    host: str
    port: int
    login: str = field(default="", repr=False)  # its Proxy-Authorization

    @property
    def place(self) -> tuple[str, int]:
        return self.host, self.port


class Proxies(Struct, frozen=True, kw_only=True):
    """The proxy for each kind of way, and those who are reached without."""

    http: Proxy | None = None
    https: Proxy | None = None
    without: tuple[str, ...] = ()  # NO_PROXY's words, in lower case

    def choose(self, host: str, port: int, *, secure: bool) -> Proxy | None:
        """The proxy on the way there, if there is one: never to this machine itself. `host`: in lower case; an IPv6
        address without brackets.
        """
        proxy = self.https if secure else self.http
        if proxy is None or _is_loopback(host) or any(_matches(word, host, port) for word in self.without):
            return None
        return proxy


def read_words(no_proxy: str) -> tuple[str, ...]:
    return tuple(no_proxy.lower().replace(",", " ").split())


def read_proxy(url: str) -> Proxy | None:
    """None for "". Raises ProxyUnreadable, without the URL: it may hold a password."""
    url = url.strip()
    if not url:
        return None
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        parts, host, port = None, None, 0
    if not parts or not host or parts.scheme != "http":
        raise ProxyUnreadable("a proxy's URL must look like http://proxy.example:3128, with user:password@ if need be")
    login = ""
    if parts.username is not None:
        words = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        login = "Basic " + base64.b64encode(words.encode()).decode()
    return Proxy(host=host, port=port, login=login)


def _matches(word: str, host: str, port: int) -> bool:
    """`*`, a name and all below it, with a port or without, an address, a network."""
    if word == "*":
        return True
    try:
        network = ipaddress.ip_network(word.strip("[]"), strict=False)
    except ValueError:
        name, _, its_port = word.partition(":")
        name = name.strip(".")
        return bool(name) and its_port in ("", str(port)) and f".{host}".endswith(f".{name}")
    address = _address(host)
    return address is not None and address in network


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
