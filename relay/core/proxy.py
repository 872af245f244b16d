"""Which proxy a POST goes through, by the environment's customs (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY).

A proxy is only ever asked for a tunnel to an address that was vetted here: it sees no names and no requests.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

from relay.core.url import VettedUrl


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """A proxy's URL for each scheme, "" for none; `without`: NO_PROXY's words."""

    http: str = field(default="", repr=False)  # a proxy's URL may hold a password
    https: str = field(default="", repr=False)
    without: tuple[str, ...] = ()

    def choose(self, target: VettedUrl) -> str:
        """The proxy's URL for that target, or ""."""
        proxy = self.https if target.scheme == "https" else self.http
        return "" if proxy and any(_matches(word, target) for word in self.without) else proxy


def read_proxies(environ: Mapping[str, str]) -> Proxies:
    """What the environment says; lower case goes before upper case, as everywhere."""

    def read(name: str) -> str:
        return (environ.get(name.lower()) or environ.get(name.upper()) or "").strip()

    everything = read("all_proxy")
    return Proxies(
        http=read("http_proxy") or everything,
        https=read("https_proxy") or everything,
        without=tuple(read("no_proxy").lower().replace(",", " ").split()),
    )


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
