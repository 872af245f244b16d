"""Which proxy a POST goes through."""

import pytest

from relay.core.proxy import Proxies, Proxy, ProxyUnreadable, read_proxies, read_proxy
from relay.core.url import VettedUrl, vet_url

URL = "http://proxy.example:3128"
PROXY = Proxy(host="proxy.example", port=3128)


def target(url: str) -> VettedUrl:
    vetted = vet_url(url, ())
    assert isinstance(vetted, VettedUrl)
    return vetted


def test_no_variable_means_no_proxy() -> None:
    assert read_proxies({}) == Proxies()
    assert Proxies().choose(target("https://example.com/")) is None


def test_each_scheme_has_its_proxy() -> None:
    proxies = read_proxies({"HTTPS_PROXY": URL, "http_proxy": "http://other.example:80"})

    assert proxies.choose(target("https://example.com/")) == PROXY
    assert proxies.choose(target("http://example.com/")) == Proxy(host="other.example", port=80)


def test_lower_case_goes_first_and_all_proxy_last() -> None:
    proxies = read_proxies(
        {"HTTPS_PROXY": "http://upper.example", "https_proxy": URL, "ALL_PROXY": "http://all.example"}
    )

    assert proxies == Proxies(http=Proxy(host="all.example", port=80), https=PROXY)


@pytest.mark.parametrize(
    "words",
    ["*", "example.com", ".example.com", "EXAMPLE.COM", "other.org, hooks.example.com", "com", "example.com:8443"],
)
def test_no_proxy_names_hosts_and_all_below_them(words: str) -> None:
    proxies = read_proxies({"https_proxy": URL, "no_proxy": words})

    assert proxies.choose(target("https://hooks.example.com:8443/")) is None


@pytest.mark.parametrize("words", ["ample.com", "hooks.example.com.evil", "example.com:443", "10.0.0.0/8", ","])
def test_and_no_others(words: str) -> None:
    proxies = read_proxies({"https_proxy": URL, "no_proxy": words})

    assert proxies.choose(target("https://hooks.example.com:8443/")) == PROXY


@pytest.mark.parametrize(
    ("words", "url"), [("8.8.8.0/24", "https://8.8.8.8/"), ("2606:4700::/32", "https://[2606:4700::1]/")]
)
def test_no_proxy_names_networks(words: str, url: str) -> None:
    assert read_proxies({"https_proxy": URL, "no_proxy": words}).choose(target(url)) is None


def test_a_proxy_s_password_is_not_shown() -> None:
    proxies = Proxies(https=read_proxy("http://user:s%65cret@proxy.example"))

    assert proxies.https == Proxy(host="proxy.example", port=80, login="Basic dXNlcjpzZWNyZXQ=")
    assert "dXNlcjpzZWNyZXQ" not in repr(proxies)


@pytest.mark.parametrize(
    "url", ["https://proxy.example", "socks5://proxy.example", "http://:80", "http://a:b", "http://[::1"]
)
def test_a_proxy_that_we_do_not_speak_with_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ProxyUnreadable, match="must look like") as refused:
        read_proxy(url)

    assert url not in str(refused.value)
