"""Which proxy a POST goes through, by the environment's customs (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY).

A proxy is only ever asked for a tunnel to an address that was vetted here: it sees no names and no requests.
"""

import base64
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from relay.core.errors import RelayError
from relay.core.url import VettedUrl


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """The proxy for each scheme, and those who are reached without."""

    http: Proxy | None = None
    https: Proxy | None = None
    without: tuple[str, ...] = ()  # NO_PROXY's words

    def choose(self, target: VettedUrl) -> Proxy | None:
        """The proxy on the way to that target, if there is one."""
        proxy = self.https if target.scheme == "https" else self.http
        return None if proxy and any(_matches(word, target) for word in self.without) else proxy


def read_proxies(environ: Mapping[str, str]) -> Proxies:
    """What the environment says; lower case goes before upper case, as everywhere. Raises ProxyUnreadable."""

    def read(name: str) -> str:
        return (environ.get(name.lower()) or environ.get(name.upper()) or "").strip()

    everything = read("all_proxy")
    return Proxies(
        http=read_proxy(read("http_proxy") or everything),
        https=read_proxy(read("https_proxy") or everything),
        without=tuple(read("no_proxy").lower().replace(",", " ").split()),
    )


def read_proxy(url: str) -> Proxy | None:
    """None for "". Raises ProxyUnreadable, without the URL: it may hold a password."""
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


def _matches(word: str, target: VettedUrl) -> bool:
    """NO_PROXY as curl and Go read it: `*`, a name and all below it, with a port or without, an address, a network."""
    if word == "*":
        return True
    try:
        network = ipaddress.ip_network(word.strip("[]"), strict=False)
    except ValueError:
        name, _, port = word.partition(":")
        name = name.strip(".")
        return bool(name) and port in ("", str(target.port)) and f".{target.host}".endswith(f".{name}")
    return target.literal is not None and target.literal in network
