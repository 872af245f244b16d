"""URLs that a webhook may have: http or https, one spelling of each, and nothing hidden in them.

Our reading and libcurl's must never differ, so the URL is taken apart by strict rules and put together anew; only
that spelling goes on. Everything here is text: what a name's addresses are is judged by `core.address`.
"""

import ipaddress
import re
from collections.abc import Collection

from msgspec import Struct

from relay.core.address import Address, Network, refusal
from relay.core.outcome import Refused

URL_CHARS = 2048
"""Longest URL. Stripe and Svix cut at 2,048 or 4,096 too; every proxy on the way takes this much."""

HOST_CHARS = 253

PORTS = {"http": 80, "https": 443}

# Any port passes, as people run receivers on every port, except those at which something other than HTTP listens and
# could be fooled by a POST: the list that browsers keep (fetch.spec.whatwg.org, "port blocking"), Redis and memcached.
# fmt: off
BAD_PORTS = frozenset((
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
    110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531,
    532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060,
    5061, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080, 11211,
))
# fmt: on

LOCAL_SUFFIXES = frozenset(
    {"localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "private"}
)
"""Last labels that never stand in the public DNS: who uses them reaches the inside of somebody's network."""

DEVIATIONS = frozenset("\u00df\u03c2\u200c\u200d")
"""Characters that IDNA 2003 and 2008 turn into different names."""

_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<authority>[^/?]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")


class VettedUrl(Struct, frozen=True, kw_only=True):
    """A URL that may be posted to, if its addresses may: spelt in one way only."""

    url: str
    scheme: str
    host: str  # lower case, punycode, no trailing dot; an IPv6 literal without brackets
    port: int
    literal: Address | None  # the host, where it is an address and not a name

    @property
    def place(self) -> tuple[str, int]:
        """Whom to ask the DNS for."""
        return self.host, self.port


class _UrlRefused(Exception):
    """A rule said no; its sentence is the message. Never leaves this module."""


def vet_url(url: str, allowed: Collection[Network]) -> VettedUrl | Refused:
    """The one spelling of `url`, or the rule that it breaks. Asks no DNS; `core.address.vet_answers` does the rest."""
    try:
        return _vet(url, allowed)
    except _UrlRefused as refused:
        return Refused(rule=str(refused))


def _vet(url: str, allowed: Collection[Network]) -> VettedUrl:
    scheme, authority, rest = _split(url)
    shape = _AUTHORITY.fullmatch(authority)
    if shape is None:
        raise _UrlRefused("the URL's host and port cannot be read")
    host, literal = _host(shape["host"])
    port = _port(shape["port"], scheme)
    if literal is not None:
        if rule := refusal(literal, allowed):
            raise _UrlRefused(rule)
    elif not allowed and _is_local(host):
        raise _UrlRefused(f"{host} is a name inside a private network, and no network is allowed")
    spelt = f"[{host}]" if ":" in host else host
    if port != PORTS[scheme]:
        spelt += f":{port}"
    if not rest.startswith("/"):
        rest = "/" + rest
    return VettedUrl(url=f"{scheme}://{spelt}{rest}", scheme=scheme, host=host, port=port, literal=literal)


def _split(url: str) -> tuple[str, str, str]:
    if len(url) > URL_CHARS:
        raise _UrlRefused(f"the URL is longer than {URL_CHARS} characters")
    if _FORBIDDEN.search(url):
        raise _UrlRefused("the URL holds a blank, a backslash or a control character")
    shape = _URL.fullmatch(url)
    if shape is None or shape["scheme"].lower() not in PORTS:
        raise _UrlRefused("the URL does not begin with https:// or http://")
    if "@" in shape["authority"]:
        raise _UrlRefused("the URL holds a user name or a password; use a header for that")
    if "#" in url:
        raise _UrlRefused("the URL holds a fragment (#), which is never sent")
    if not shape["rest"].isascii():
        raise _UrlRefused("the URL's path or query is not ASCII; percent-encode it")
    return shape["scheme"].lower(), shape["authority"], shape["rest"]


def _host(text: str) -> tuple[str, Address | None]:
    if text.startswith("["):
        try:
            address = ipaddress.IPv6Address(text[1:-1])
        except ValueError:
            raise _UrlRefused(f"{text} is not an IPv6 address") from None
        return str(address), address
    host = _ascii_host(text).lower().removesuffix(".")
    labels = host.split(".")
    if not host or len(host) > HOST_CHARS or not all(_LABEL.fullmatch(label) for label in labels):
        raise _UrlRefused("the URL has no host that can be read")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return host, ipaddress.IPv4Address(host)
        except ValueError:
            raise _UrlRefused(f"{host} is an odd spelling of an IPv4 address; write four decimal numbers") from None
    return host, None


def _ascii_host(text: str) -> str:
    if text.isascii():
        return text
    if DEVIATIONS.intersection(text):
        raise _UrlRefused(f"{text} can be read as two different names; write the one you mean as xn--…")
    try:
        return text.encode("idna").decode("ascii")
    except UnicodeError:
        raise _UrlRefused(f"{text!r} is not an international host name") from None


def _port(text: str | None, scheme: str) -> int:
    if text is None:
        return PORTS[scheme]
    port = int(text)
    if port > 65535:
        raise _UrlRefused(f"{port} is not a port")
    if port in BAD_PORTS:
        raise _UrlRefused(f"port {port} belongs to something that is not HTTP")
    return port


def _is_local(host: str) -> bool:
    last = host.rpartition(".")[2]
    return last in LOCAL_SUFFIXES or "." not in host or host.endswith(".home.arpa")
