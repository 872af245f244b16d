"""What REDIS_URL may say."""

import pytest
from hypothesis import given, strategies as st

from relay.store.location import CLUSTER_SHARDS, BadLocation, Kind, read_location


def test_one_server_is_read_as_redis_py_reads_it() -> None:
    location = read_location("redis://anna:s%40cret@cache:6380/2?protocol=3")
    assert location.kind is Kind.SERVER
    assert not location.tls
    assert location.shards == 1
    assert location.options == {
        "username": "anna",
        "password": "s@cret",
        "host": "cache",
        "port": 6380,
        "db": 2,
        "protocol": 3,
    }


def test_a_unix_socket_has_a_path() -> None:
    assert read_location("unix:///run/a%20b/redis.sock").options == {"path": "/run/a b/redis.sock"}


def test_sentinels_are_named_with_the_master_that_they_know() -> None:
    url = "redis+sentinel://:secret@one:26379,two,[::1]:5/my%20master/1?sentinel_password=other"
    location = read_location(url)
    assert location.kind is Kind.SENTINEL
    assert location.nodes == (("one", 26379), ("two", 26379), ("::1", 5))
    assert location.service == "my master"
    assert location.options == {"password": "secret", "db": 1}
    assert location.sentinel_options == {"password": "other"}


def test_a_cluster_is_named_by_some_of_its_nodes() -> None:
    location = read_location("rediss+cluster://:secret@one:7000,two?shards=32&ssl_ca_certs=/etc/ca.pem")
    assert location.kind is Kind.CLUSTER
    assert location.tls
    assert location.nodes == (("one", 7000), ("two", 6379))
    assert location.shards == 32
    assert location.options == {"password": "secret", "ssl_ca_certs": "/etc/ca.pem"}


def test_a_cluster_has_several_shards_without_being_told() -> None:
    assert read_location("redis+cluster://one").shards == CLUSTER_SHARDS


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://cache", "must begin with"),
        ("redis+magic://cache", "must begin with"),
        ("cache:6379", "must begin with"),
        ("redis+sentinel://one:26379", "name that they give the master"),
        ("redis+cluster://one/3", "no databases"),
        ("redis+cluster://", "names no server"),
        ("redis+cluster://one:many", "[Pp]ort"),
        ("redis://cache?shards=0", "from 1 to 1024"),
        ("redis://cache?shards=many", "from 1 to 1024"),
        ("redis://cache?socket_timeout=soon", "socket_timeout"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(BadLocation, match=why):
        read_location(url)


def test_a_location_shows_no_password() -> None:
    url = "redis+sentinel://:secret@one/master?sentinel_password=other"
    assert "secret" not in repr(read_location(url))
    assert "other" not in repr(read_location(url))


SCHEMES = st.sampled_from(["", "redis://", "unix://", "rediss+cluster://", "redis+sentinel://"])


@given(SCHEMES, st.text(st.sampled_from("a1@:/?#[]=&,%;é ")) | st.text())
def test_any_text_is_a_location_or_is_refused(scheme: str, text: str) -> None:
    try:
        read_location(scheme + text)
    except BadLocation:
        pass
