"""The ways to a Redis: TLS as platforms have it, and who waits for whom."""

from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from redis.exceptions import RedisError

from relay.store.client import Client, StoreOptions
from relay.store.connect import _context
from relay.store.errors import StoreAway
from relay.store.server import look_at
from tests.constellations import HOST, Node, free_ports, speaking_tls
from tests.edges.certificates import make_authority
from tests.servers import RedisServer


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `redis.pem`, signed by nobody but itself, as Heroku's are, and `ca.pem`, which did not sign it."""
    folder = tmp_path_factory.mktemp("tls")
    authority = make_authority(folder)
    authority.serving("redis.example", signed=False)
    next(folder.glob("redis.example*")).rename(folder / "redis.pem")
    return folder


@pytest.fixture
def tls_redis(certificates: Path) -> Iterator[Node]:
    with speaking_tls(certificates / "redis.pem") as node:
        yield node


def test_a_self_signed_certificate_is_refused_unless_verification_is_off(tls_redis: Node) -> None:
    url = f"rediss://{HOST}:{tls_redis.port}/0"
    careful = Client(StoreOptions(url=url))
    with pytest.raises(StoreAway, match=r"(?i)certificate"):
        look_at(careful)
    careful.close()
    trusting = Client(StoreOptions(url=url, tls_verify=False))
    assert look_at(trusting).version
    trusting.close()


def test_a_certificate_can_be_trusted_by_name(tls_redis: Node, certificates: Path) -> None:
    url = f"rediss://{HOST}:{tls_redis.port}?ssl_ca_certs={certificates / 'redis.pem'}"
    unnamed = Client(StoreOptions(url=f"{url}&ssl_check_hostname=false"))
    assert look_at(unnamed).version
    unnamed.close()
    named = Client(StoreOptions(url=url))
    with pytest.raises(StoreAway, match=r"(?i)certificate"):  # it is redis.example's, and we asked for an address
        look_at(named)
    named.close()


def test_all_connections_share_one_tls_context(tls_redis: Node) -> None:
    _context.cache_clear()
    client = Client(StoreOptions(url=f"rediss://{HOST}:{tls_redis.port}", tls_verify=False, connections=8))
    gevent.joinall([gevent.spawn(client.block, "BLPOP", "relay:{g}:nothing", 0.2) for _ in range(20)], raise_error=True)
    gevent.joinall([gevent.spawn(client.redis.ping) for _ in range(20)], raise_error=True)
    connected = sum(int(line["db"]) == 0 for line in tls_redis.client.client_list())
    client.close()
    assert connected > 20
    assert _context.cache_info().misses == 1


def test_callers_wait_for_a_free_connection(redis_url: str) -> None:
    client = Client(StoreOptions(url=redis_url, connections=2))
    callers = [gevent.spawn(client.redis.incr, "relay:{g}:n") for _ in range(100)]
    gevent.joinall(callers, raise_error=True)
    assert int(client.redis.get("relay:{g}:n") or 0) == 100
    assert len(client.redis.client_list()) <= 2 + 1  # and the test session's own
    client.close()


def test_nobody_waits_for_a_silence_twice(own_redis: RedisServer) -> None:
    """Shown by what a frozen Redis finds when it goes on: what two asked who had a connection, and the others not."""
    client = Client(StoreOptions(url=own_redis.url, connections=2, timeout_s=0.3))
    gevent.joinall([gevent.spawn(client.redis.incr, "relay:{g}:n") for _ in range(10)], raise_error=True)
    own_redis.pause()
    callers = [gevent.spawn(client.redis.incr, "relay:{g}:n") for _ in range(10)]
    gevent.joinall(callers)
    own_redis.resume()
    assert all(isinstance(caller.exception, RedisError) for caller in callers)
    assert int(client.redis.get("relay:{g}:n") or 0) == 12
    client.close()


def test_a_redis_that_takes_its_time_is_waited_for(own_redis: RedisServer) -> None:
    client = Client(StoreOptions(url=own_redis.url, connections=2, timeout_s=2.0))
    own_redis.pause()
    callers = [gevent.spawn(client.redis.incr, "relay:{g}:n") for _ in range(10)]
    gevent.spawn_later(0.3, own_redis.resume).join()
    gevent.joinall(callers, raise_error=True)
    assert int(client.redis.get("relay:{g}:n") or 0) == 10
    client.close()


def test_a_redis_that_is_away_is_seen_by_the_first_call_and_not_before() -> None:
    (port,) = free_ports(1)
    for url in (
        f"redis://{HOST}:{port}",
        f"redis+cluster://{HOST}:{port}",
        f"redis+sentinel://{HOST}:{port}/master",
    ):
        client = Client(StoreOptions(url=url))
        with pytest.raises(StoreAway):
            look_at(client)
        with pytest.raises(StoreAway):
            client.block("BLPOP", "relay:{0}:bell", 1)
        client.close()
