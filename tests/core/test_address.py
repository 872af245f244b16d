"""The guard's table: which addresses are refused, and with which sentence."""

import ipaddress

import pytest
from hypothesis import given, strategies as st

from relay.core.address import NetworksUnreadable, read_networks, refusal, vet_answers

PUBLIC = ("1.1.1.1", "8.8.8.8", "93.184.215.14", "100.128.0.1", "172.32.0.1", "192.0.1.1", "223.255.255.255")
PUBLIC_V6 = ("2606:4700::1111", "2a00:1450:4001::200e", "2001:4860:4860::8888", "2003::1", "64:ff9b::8.8.8.8")

SPECIAL = {
    "0.0.0.0": "this host",  # noqa: S104  nothing is bound
    "0.1.2.3": "this host",
    "10.0.0.1": "private",
    "10.255.255.255": "private",
    "100.64.0.1": "shared",
    "100.127.255.255": "shared",
    "100.100.100.200": "metadata",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "168.63.129.16": "Azure",
    "169.254.0.1": "link-local",
    "169.254.169.254": "metadata",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.1": "protocols",
    "192.0.0.192": "metadata",
    "192.0.2.1": "documentation",
    "192.88.99.1": "6to4",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmarks",
    "198.19.255.255": "benchmarks",
    "198.51.100.1": "documentation",
    "203.0.113.1": "documentation",
    "224.0.0.1": "multicast",
    "239.255.255.255": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "broadcast",
    "::": "unspecified",
    "::1": "loopback",
    "::2": "IPv6 clothes",
    "::127.0.0.1": "IPv6 clothes",
    "::8.8.8.8": "IPv6 clothes",
    "::ffff:127.0.0.1": "IPv6 clothes",
    "::ffff:8.8.8.8": "IPv6 clothes",
    "::ffff:0:10.0.0.1": "not global unicast",
    "64:ff9b::10.0.0.1": "private",
    "64:ff9b::169.254.169.254": "metadata",
    "64:ff9b:1::1": "translation",
    "100::1": "discard",
    "2001::1": "Teredo",
    "2001:10::1": "protocols",
    "2001:20::1": "protocols",
    "2001:db8::1": "documentation",
    "2002:7f00:1::": "6to4",
    "2002:808:808::": "6to4",
    "2606:4700::5efe:10.0.0.1": "private",
    "2606:4700::200:5efe:127.0.0.1": "loopback",
    "3fff::1": "documentation",
    "4000::1": "not global unicast",
    "5f00::1": "not global unicast",
    "fc00::1": "private",
    "fd00:ec2::254": "metadata",
    "fd12:3456::1": "private",
    "fe80::1": "link-local",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
}


@pytest.mark.parametrize("address", [*PUBLIC, *PUBLIC_V6, "2606:4700::5efe:8.8.8.8"])
def test_a_public_address_passes(address: str) -> None:
    assert refusal(ipaddress.ip_address(address), ()) is None


@pytest.mark.parametrize(("address", "word"), SPECIAL.items())
def test_a_special_address_is_refused_in_a_sentence_that_says_what_it_is(address: str, word: str) -> None:
    rule = refusal(ipaddress.ip_address(address), ())

    assert rule is not None
    assert word in rule
    assert rule.startswith(str(ipaddress.ip_address(address)))


@pytest.mark.parametrize("address", SPECIAL)
def test_an_allowed_network_permits_what_is_in_it(address: str) -> None:
    assert refusal(ipaddress.ip_address(address), read_networks(address)) is None


def test_an_allowed_network_permits_nothing_beside_it() -> None:
    allowed = read_networks("10.1.0.0/16, fd00::/8")

    assert refusal(ipaddress.ip_address("10.1.255.255"), allowed) is None
    assert refusal(ipaddress.ip_address("10.2.0.0"), allowed)
    assert refusal(ipaddress.ip_address("::ffff:10.1.0.1"), allowed)
    assert refusal(ipaddress.ip_address("fd00:ec2::254"), allowed) is None
    assert refusal(ipaddress.ip_address("fc00::1"), allowed)


def test_an_address_that_names_an_interface_is_refused_even_where_allowed() -> None:
    assert "interface" in (refusal(ipaddress.ip_address("fe80::1%eth0"), read_networks("fe80::/10")) or "")


def test_whoever_allows_loopback_allows_it_in_both_families() -> None:
    assert refusal(ipaddress.ip_address("::1"), read_networks("127.0.0.0/8")) is None
    assert refusal(ipaddress.ip_address("::1"), read_networks("127.0.0.1/32"))


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "everything", "10.0.0.0/8;fd00::/8"])
def test_a_network_that_is_none_is_named(text: str) -> None:
    with pytest.raises(NetworksUnreadable, match=text.split(";", maxsplit=1)[0][:6]):
        read_networks(text)


def test_networks_are_split_by_commas_and_blanks() -> None:
    assert len(read_networks(" 10.0.0.0/8,fd00::/8  192.168.0.0/16,, ")) == 3
    assert read_networks("") == ()


def test_one_bad_address_among_good_ones_refuses_the_name() -> None:
    refused = vet_answers("mixed.example", ["8.8.8.8", "10.0.0.1", "1.1.1.1"], ())

    assert refused is not None
    assert "mixed.example leads to 10.0.0.1" in refused.rule
    assert vet_answers("fine.example", ["8.8.8.8", "2606:4700::1111"], ()) is None


def test_an_answer_that_is_no_address_refuses_the_name() -> None:
    assert vet_answers("odd.example", ["8.8.8.8", "localhost"], ()) is not None


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_passes_that_python_calls_private(address: ipaddress.IPv4Address) -> None:
    if (
        address.is_private
        or address.is_multicast
        or address.is_reserved
        or address.is_loopback
        or address.is_link_local
    ):
        assert refusal(address, ())


@given(st.ip_addresses(v=6))
def test_no_ipv6_address_passes_that_python_calls_other_than_global(address: ipaddress.IPv6Address) -> None:
    if not address.is_global or address.is_multicast or address.is_site_local:
        assert refusal(address, ())


@given(st.ip_addresses(v=4))
def test_ipv6_never_opens_what_ipv4_closes(inner: ipaddress.IPv4Address) -> None:
    if refusal(inner, ()) is None:
        return
    bits = int(inner)
    for prefix in ("::", "::ffff:0:0", "64:ff9b::", "64:ff9b:1::", "2606:4700::5efe:0:0", "2606:4700::200:5efe:0:0"):
        assert refusal(ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | bits), ())
    assert refusal(ipaddress.IPv6Address((0x2002 << 112) | bits << 80), ())
