"""Which proxy the way out goes through."""

import pytest

from relay.core.proxy import Proxies, Proxy, ProxyUnreadable, read_proxy, read_words

PROXY = Proxy(host="proxy.example", port=3128)
BOTH = Proxies(http=Proxy(host="other.example", port=80), https=PROXY)


def is_proxied(host: str, no_proxy: str, port: int = 8443) -> bool:
    return Proxies(https=PROXY, without=read_words(no_proxy)).choose(host, port, secure=True) == PROXY


def test_no_proxy_is_asked_for_what_has_none() -> None:
    assert read_proxy("") is None
    assert Proxies().choose("example.com", 443, secure=True) is None


def test_each_kind_of_way_has_its_proxy() -> None:
    assert BOTH.choose("example.com", 443, secure=True) == read_proxy("http://proxy.example:3128")
    assert BOTH.choose("example.com", 80, secure=False) == read_proxy(" other.example ")


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("hooks.example.com", "*"),
        ("hooks.example.com", "example.com"),
        ("hooks.example.com", ".example.com"),
        ("hooks.example.com", "EXAMPLE.COM"),
        ("hooks.example.com", "other.org, hooks.example.com"),
        ("hooks.example.com", "com"),
        ("hooks.example.com", "example.com:8443"),
        ("slack.com", "slack.com"),
        ("wss-primary.slack.com", ".slack.com"),
        ("8.8.8.8", "8.8.8.8"),
        ("8.8.8.8", "8.8.8.0/24"),
        ("2606:4700::1", "2606:4700::/32"),
        ("2606:4700::1", "[2606:4700::1]"),
    ],
)
def test_no_proxy_names_hosts_and_all_below_them_addresses_and_networks(host: str, words: str) -> None:
    assert not is_proxied(host, words)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("hooks.example.com", ""),
        ("hooks.example.com", ","),
        ("hooks.example.com", "ample.com"),
        ("hooks.example.com", "hooks.example.com.evil"),
        ("hooks.example.com", "example.com:443"),
        ("hooks.example.com", "10.0.0.0/8"),
        ("notslack.com", "slack.com"),
        ("9.8.8.8", "8.8.8.0/24"),
    ],
)
def test_and_no_others(host: str, words: str) -> None:
    assert is_proxied(host, words)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.10", "::1"])
def test_this_machine_itself_is_reached_without(host: str) -> None:
    assert not is_proxied(host, "")


def test_a_proxy_s_password_is_not_shown() -> None:
    proxy = read_proxy("http://user:s%65cret@proxy.example")
    assert proxy == Proxy(host="proxy.example", port=80, login="Basic dXNlcjpzZWNyZXQ=")
    assert "dXNlcjpzZWNyZXQ" not in repr(Proxies(https=proxy))


@pytest.mark.parametrize(
    "url", ["https://proxy.example", "socks5://proxy.example", "http://:80", "http://a:b", "http://[::1"]
)
def test_a_proxy_that_we_do_not_speak_with_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ProxyUnreadable, match="must look like") as refused:
        read_proxy(url)

    assert url not in str(refused.value)
