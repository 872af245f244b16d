"""URLs that a webhook may have, and the one spelling that each has."""

import pytest
from hypothesis import given, strategies as st

from relay.core.address import read_networks
from relay.core.outcome import Refused
from relay.core.url import URL_CHARS, VettedUrl, vet_url

LOOPBACK = read_networks("127.0.0.0/8")

SPELT = {
    "https://example.com": "https://example.com/",
    "HTTPS://Example.COM/Path?Q=1": "https://example.com/Path?Q=1",
    "https://example.com:443/a": "https://example.com/a",
    "http://example.com:80": "http://example.com/",
    "http://example.com:8080?x": "http://example.com:8080/?x",
    "https://example.com./a": "https://example.com/a",
    "https://bücher.example/%C3%BC": "https://xn--bcher-kva.example/%C3%BC",
    "https://8.8.8.8/": "https://8.8.8.8/",
    "https://[2606:4700:0:0::1111]/": "https://[2606:4700::1111]/",
    "https://a_b.example.com/": "https://a_b.example.com/",
    "https://example.com/a/../b/./c": "https://example.com/a/../b/./c",
    "https://example.com/?next=http://10.0.0.1/@x": "https://example.com/?next=http://10.0.0.1/@x",
}

REFUSED = {
    "": "does not begin",
    "example.com/hook": "does not begin",
    "//example.com/": "does not begin",
    "ftp://example.com/": "does not begin",
    "file:///etc/passwd": "does not begin",
    "gopher://example.com/": "does not begin",
    "javascript:alert(1)": "does not begin",
    "https:/example.com": "does not begin",
    "https://": "no host",
    "https:///path": "no host",
    "https://user@example.com/": "user name",
    "https://user:secret@example.com/": "user name",
    "https://example.com@10.0.0.1/": "user name",
    "https://10.0.0.1\\@example.com/": "backslash",
    "https://example.com/#part": "fragment",
    "https://example.com/a b": "blank",
    "https://example.com/\r\nHost: evil": "blank",
    "https://example.com/\x00": "blank",
    " https://example.com/": "blank",
    "https://exa mple.com/": "blank",
    "https://example.com:/": "cannot be read",
    "https://example.com:99999/": "not a port",
    "https://example.com:0/": "belongs to something",
    "https://example.com:22/": "belongs to something",
    "https://example.com:25/": "belongs to something",
    "https://example.com:6379/": "belongs to something",
    "https://example.com:-1/": "cannot be read",
    "https://example.com:80:80/": "cannot be read",
    "https://a..example.com/": "no host",
    "https://example.com../": "no host",
    "https://-a.example.com/": "no host",
    "https://exa%6dple.com/": "no host",
    "https://example.com%2f.evil.com/": "no host",
    "https://[::1/": "cannot be read",
    "https://[fe80::1%25eth0]/": "interface",
    "https://[1.2.3.4]/": "not an IPv6",
    "https://" + "a" * 64 + ".com/": "no host",
    "https://" + ".".join(["a" * 60] * 5) + "/": "no host",
    "https://127.0.0.1/": "loopback",
    "https://127.1/": "odd spelling",
    "https://2130706433/": "odd spelling",
    "https://0x7f000001/": "odd spelling",
    "https://0x7f.0.0.1/": "odd spelling",
    "https://0177.0.0.1/": "odd spelling",
    "https://127.0.0.01/": "odd spelling",
    "https://8.8.8/": "odd spelling",
    "https://example.0x1f/": "odd spelling",
    "https://127.0.0.1./": "loopback",
    "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/": "loopback",
    "https://127\u30020\u30020\u30021/": "loopback",
    "https://[::ffff:127.0.0.1]/": "IPv6 clothes",
    "https://[::1]/": "loopback",
    "https://169.254.169.254/latest/meta-data": "metadata",
    "https://0.0.0.0/": "this host",
    "https://0x7f.1/": "odd spelling",
    "https://100.64.0.1/": "shared space",
    "https://[64:ff9b::7f00:1]/": "loopback",
    "https://[2002:7f00:1::]/": "6to4",
    "https://[fe80::1]/": "link-local",
    "https://[fe80::%25eth0]/": "interface",
    "https://localhost/": "private network",
    "https://localhost\u3002/": "private network",
    "https://localhost../": "no host",
    "https://LOCALHOST./": "private network",
    "https://a.localhost/": "private network",
    "https://backend/": "private network",
    "https://redis.internal/": "private network",
    "https://metadata.google.internal/": "private network",
    "https://printer.local/": "private network",
    "https://router.home.arpa/": "private network",
    "https://faß.example/": "two different names",
    "https://\ud800.example/": "host name",
    "https://example.com/é": "percent-encode",
}


@pytest.mark.parametrize(("url", "spelling"), SPELT.items())
def test_a_url_has_one_spelling(url: str, spelling: str) -> None:
    vetted = vet_url(url, ())

    assert isinstance(vetted, VettedUrl)
    assert vetted.url == spelling
    assert vet_url(spelling, ()) == vetted


@pytest.mark.parametrize(("url", "rule"), REFUSED.items())
def test_a_url_that_hides_something_is_refused_by_name(url: str, rule: str) -> None:
    refused = vet_url(url, ())

    assert isinstance(refused, Refused)
    assert rule in refused.rule


def test_a_url_has_an_end() -> None:
    start = "https://example.com/"

    assert isinstance(vet_url(start + "a" * (URL_CHARS - len(start)), ()), VettedUrl)
    assert isinstance(vet_url(start + "a" * (URL_CHARS - len(start) + 1), ()), Refused)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:3000/hook", "http://[::1]:3000/", "http://localhost:3000/", "http://backend/"]
)
def test_whoever_allows_a_network_may_name_what_is_in_it(url: str) -> None:
    assert isinstance(vet_url(url, LOOPBACK), VettedUrl)


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://127.1/", "http://127.0.0.1:22/", "http://u@127.0.0.1/"])
def test_and_nothing_else(url: str) -> None:
    assert isinstance(vet_url(url, LOOPBACK), Refused)


@given(st.text(max_size=60))
def test_no_text_is_more_than_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}/", f"https://example.com{text}"):
        vetted = vet_url(url, ())
        if isinstance(vetted, VettedUrl):
            assert vet_url(vetted.url, ()) == vetted
            assert vetted.url.isascii()
            assert vetted.url.isprintable()
            assert " " not in vetted.url


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{}", "0x{:x}", "0{:o}"]))
def test_no_address_hides_in_a_number(number: int, spelling: str) -> None:
    assert isinstance(vet_url(f"https://{spelling.format(number)}/", ()), Refused)
