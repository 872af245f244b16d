"""What the environment may say."""

import pytest

from relay.core.proxy import Proxies, Proxy
from relay.settings import BadSettings, read_duration, read_settings


def test_nothing_set_means_loopback_and_an_embedded_redis() -> None:
    settings = read_settings({})
    assert (settings.host, settings.port, settings.redis, settings.retention_s) == ("127.0.0.1", 8000, "", 259200)


def test_a_port_given_by_a_platform_means_all_addresses() -> None:
    assert read_settings({"PORT": "5000"}).host == "0.0.0.0"  # noqa: S104
    assert read_settings({"PORT": "5000", "HOST": "127.0.0.1"}).host == "127.0.0.1"


@pytest.mark.parametrize(("text", "seconds"), [("20s", 20), ("5m", 300), ("72h", 259200), ("3d", 259200), ("1.5", 1.5)])
def test_durations(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RELAY_RETENTION", "soon"),
        ("RELAY_RETENTION", "1s"),
        ("PORT", "http"),
        ("RELAY_LOG_LEVEL", "loud"),
        ("RELAY_ALLOWED_NETWORKS", "10.0.0.0/33"),
        ("RELAY_REDIS_TLS_VERIFY", "perhaps"),
        ("REDIS_URL", "cache:6379"),
        ("REDIS_TLS_URL", "rediss+sentinel://one"),
        ("SLACK_API_URL", "slack.com/api"),
        ("RELAY_COLOUR", "blue"),
        ("SLACK_BOT_TOKEN", "hello"),
        ("SLACK_BOT_TOKEN", "xapp-1"),
        ("SLACK_APP_TOKEN", "xoxb-1"),
        ("HTTPS_PROXY", "socks5://user:hush@proxy.example"),
    ],
)
def test_what_cannot_be_read_is_named_in_one_line(name: str, value: str) -> None:
    with pytest.raises(BadSettings) as caught:
        read_settings({name: value})
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["RELAY_ADMIN_TOKEN", "RELAY_SECRET_KEY", "REDIS_URL"])
def test_a_bind_that_others_can_reach_needs_a_token_a_key_and_a_redis(missing: str) -> None:
    given = {"HOST": "0.0.0.0", "RELAY_ADMIN_TOKEN": "t", "RELAY_SECRET_KEY": "k", "REDIS_URL": "redis://r"}  # noqa: S104
    read_settings(given).check_bind()
    del given[missing]
    with pytest.raises(BadSettings, match=missing):
        read_settings(given).check_bind()


def test_secrets_are_not_shown() -> None:
    settings = read_settings(
        {
            "RELAY_ADMIN_TOKEN": "hush",
            "SLACK_BOT_TOKEN": "xoxb-hush",
            "RELAY_SECRET_KEY": "hush,hush2",
            "REDIS_URL": "redis://:hush@cache",
        }
    )
    assert "hush" not in repr(settings)
    assert settings.secret_keys == ("hush", "hush2")


def test_a_proxy_is_for_the_way_to_slack_and_to_webhooks_and_its_lower_case_name_goes_first() -> None:
    settings = read_settings(
        {
            "HTTPS_PROXY": "http://upper.example",
            "https_proxy": "http://lower.example:3128",
            "no_proxy": "A.test, b.test",
        }
    )
    wanted = Proxies(https=Proxy(host="lower.example", port=3128), without=("a.test", "b.test"))
    assert settings.slack_options().proxies == settings.post_options().proxies == wanted
