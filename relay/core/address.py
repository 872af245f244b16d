"""Addresses that we never POST to. One guard for registration, test, verification and delivery, in two halves:

- `core.url.vet_url` reads a URL as text and refuses what can be refused without asking the DNS;
- `vet_answers` here judges all addresses that a name has, and refuses the name if any of them is not to be reached.

Only global unicast addresses pass, and what `RELAY_ALLOWED_NETWORKS` names. The table follows IANA's special-purpose
registries (RFC 6890 and its updates); an IPv6 address that carries an IPv4 address within it is judged by both.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import cache

from relay.core.errors import RelayError
from relay.core.outcome import Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK_V4 = ipaddress.ip_network("127.0.0.0/8")
LOOPBACK_V6 = ipaddress.ip_network("::1/128")
GLOBAL_V6 = ipaddress.ip_network("2000::/3")
NAT64 = ipaddress.ip_network("64:ff9b::/96")
ISATAP = (0x00005EFE, 0x02005EFE)
"""The third 32 bits of an address whose last 32 bits are an IPv4 address (RFC 5214, section 6.1)."""

SPECIAL: tuple[tuple[Network, str], ...] = tuple(
    (ipaddress.ip_network(network), what)
    for network, what in (
        # Narrow ones first: the first that holds an address gives the sentence its name.
        ("169.254.169.254/32", "the cloud's metadata service"),
        ("168.63.129.16/32", "Azure's host service"),
        ("100.100.100.200/32", "the cloud's metadata service"),
        ("192.0.0.192/32", "the cloud's metadata service"),
        ("255.255.255.255/32", "the broadcast address"),
        ("0.0.0.0/8", "this host (0.0.0.0/8)"),
        ("10.0.0.0/8", "private (10.0.0.0/8)"),
        ("100.64.0.0/10", "a carrier's shared space (100.64.0.0/10)"),
        ("127.0.0.0/8", "loopback (127.0.0.0/8)"),
        ("169.254.0.0/16", "link-local (169.254.0.0/16)"),
        ("172.16.0.0/12", "private (172.16.0.0/12)"),
        ("192.0.0.0/24", "reserved for protocols (192.0.0.0/24)"),
        ("192.0.2.0/24", "documentation (192.0.2.0/24)"),
        ("192.88.99.0/24", "the old 6to4 relay (192.88.99.0/24)"),
        ("192.168.0.0/16", "private (192.168.0.0/16)"),
        ("198.18.0.0/15", "for benchmarks (198.18.0.0/15)"),
        ("198.51.100.0/24", "documentation (198.51.100.0/24)"),
        ("203.0.113.0/24", "documentation (203.0.113.0/24)"),
        ("224.0.0.0/4", "multicast (224.0.0.0/4)"),
        ("240.0.0.0/4", "reserved (240.0.0.0/4)"),
        ("fd00:ec2::254/128", "the cloud's metadata service"),
        ("fd20:ce::254/128", "the cloud's metadata service"),
        ("::/128", "the unspecified address"),
        ("::1/128", "loopback (::1)"),
        ("::ffff:0:0/96", "an IPv4 address in IPv6 clothes (::ffff:0:0/96)"),
        ("::/96", "an IPv4 address in IPv6 clothes (::/96)"),
        ("64:ff9b:1::/48", "a local translation to IPv4 (64:ff9b:1::/48)"),
        ("100::/64", "the discard prefix (100::/64)"),
        ("2001::/32", "a Teredo tunnel (2001::/32)"),
        ("2001::/23", "reserved for protocols (2001::/23)"),
        ("2001:db8::/32", "documentation (2001:db8::/32)"),
        ("2002::/16", "a 6to4 tunnel (2002::/16)"),
        ("3fff::/20", "documentation (3fff::/20)"),
        ("fc00::/7", "private (fc00::/7)"),
        ("fe80::/10", "link-local (fe80::/10)"),
        ("fec0::/10", "site-local (fec0::/10)"),
        ("ff00::/8", "multicast (ff00::/8)"),
    )
)


class NetworksUnreadable(RelayError):
    """`RELAY_ALLOWED_NETWORKS` holds something that is not a network."""


def read_networks(text: str) -> tuple[Network, ...]:
    """CIDRs split by commas or blanks. Raises NetworksUnreadable, naming the one that is none.

    Whoever allows all of 127.0.0.0/8 means loopback, which `localhost` also spells ::1.
    """
    networks: list[Network] = []
    for word in text.replace(",", " ").split():
        try:
            networks.append(ipaddress.ip_network(word))
        except ValueError as error:
            raise NetworksUnreadable(f"{word!r} is not a network such as 10.0.0.0/8: {error}") from None
    if LOOPBACK_V4 in networks:
        networks.append(LOOPBACK_V6)
    return tuple(networks)


def refusal(address: Address, allowed: Iterable[Network]) -> str | None:
    """Why `address` is not one that we POST to, in a plain sentence; None if it is one."""
    if getattr(address, "scope_id", None):
        return f"{address} names a network interface"
    if any(address in network for network in allowed):
        return None
    if address.version == 6:
        return _refusal_v6(address)
    return _special(address)


def vet_answers(host: str, answers: Sequence[str], allowed: Iterable[Network]) -> Refused | None:
    """Refused if any of a name's addresses is not one that we POST to: a name with one of each may give us either."""
    networks = tuple(allowed)
    for answer in answers:
        try:
            address = ipaddress.ip_address(answer)
        except ValueError:
            return Refused(rule=f"{host} has something that is not an address: {answer!r}")
        if rule := refusal(address, networks):
            return Refused(rule=rule if answer == host else f"{host} leads to {answer}: {rule}")
    return None


def _refusal_v6(address: ipaddress.IPv6Address) -> str | None:
    bits = int(address)
    inner = ipaddress.IPv4Address(bits & 0xFFFFFFFF)
    if address in NAT64:
        # DNS64 gives every IPv4-only name such an address, so the IPv4 address decides.
        return (rule := _special(inner)) and f"{address} leads to {inner}: {rule}"
    if rule := _special(address):
        return rule
    if address not in GLOBAL_V6:
        return f"{address} is not global unicast"
    if bits >> 32 & 0xFFFFFFFF in ISATAP and (rule := _special(inner)):
        return f"{address} leads to {inner}: {rule}"
    return None


@cache
def _by_version(version: int) -> tuple[tuple[Network, str], ...]:
    return tuple((network, what) for network, what in SPECIAL if network.version == version)


def _special(address: Address) -> str | None:
    for network, what in _by_version(address.version):
        if address in network:
            return f"{address} is {what}, not public"
    return None
