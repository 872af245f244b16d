"""An exchange: a command gets its own answer or none, and the next one begins clean."""

from collections.abc import Iterator

import gevent
import pytest
from redis.exceptions import ResponseError

from relay.store.client import Client, Script, StoreOptions
from relay.store.errors import StoreAway
from relay.store.pool import exchange_with
from tests.servers import RedisServer
from tests.waiting import until


@pytest.fixture
def client(own_redis: RedisServer) -> Iterator[Client]:
    client = Client(StoreOptions(url=own_redis.url, connections=1, timeout_s=5.0))
    yield client
    client.close()


def test_a_command_s_own_error_is_its_answer_and_spoils_no_other(client: Client) -> None:
    exchange = exchange_with(client.redis)
    assert exchange(("INCR", "n")) == 1
    with pytest.raises(ResponseError):
        exchange(("LPUSH", "n", b"\xff"))
    assert exchange(("INCR", "n")) == 2


def test_who_is_killed_while_he_waits_leaves_no_half_read_connection(client: Client, own_redis: RedisServer) -> None:
    assert exchange_with(client.redis)(("SET", "k", 1)) == b"OK"
    own_redis.pause()
    waiting = gevent.spawn(exchange_with(client.redis), ("APPEND", "k", "x" * 10_000_000))
    gevent.idle()
    waiting.kill()
    own_redis.resume()
    assert exchange_with(client.redis)(("ECHO", "mine")) == b"mine"


def test_a_connection_that_the_server_has_closed_is_made_anew(client: Client, own_redis: RedisServer) -> None:
    for _ in range(3):
        name = exchange_with(client.redis)(("CLIENT", "ID"))
        assert own_redis.client.client_kill_filter(_id=str(name)) == 1
    assert exchange_with(client.redis)(("PING",)) == b"PONG"


def test_what_does_not_go_out_in_one_write_is_whole_all_the_same(client: Client, own_redis: RedisServer) -> None:
    exchange = exchange_with(client.redis)
    exchange(("PING",))
    own_redis.pause()
    sending = gevent.spawn(exchange, ("SET", "k", bytes(range(256)) * 40_000))
    gevent.idle()
    assert not sending.ready()
    own_redis.resume()
    assert sending.get() == b"OK"
    assert client.redis.get("k") == bytes(range(256)) * 40_000


def test_what_redis_says_unasked_is_nobody_s_answer(client: Client) -> None:
    connection = client.redis.connection_pool.get_connection()
    connection.send_command("ECHO", "late")
    until(connection.can_read)
    client.redis.connection_pool.release(connection)
    assert exchange_with(client.redis)(("ECHO", "mine")) == b"mine"


def test_who_finds_no_free_connection_in_time_is_told(own_redis: RedisServer) -> None:
    client = Client(StoreOptions(url=own_redis.url, connections=1, timeout_s=0.05))
    connection = client.redis.connection_pool.get_connection()
    with pytest.raises(StoreAway, match="No connection"):
        client.shards()
    client.redis.connection_pool.release(connection)
    assert client.shards() == 1
    client.close()


def test_who_comes_after_its_end_finds_a_pool_that_opens_nothing(redis_url: str) -> None:
    """A loop that is still on its way when the process ends would leave a connection behind that nobody closes."""
    client = Client(StoreOptions(url=redis_url))
    pool = client.redis.connection_pool
    lent = pool.get_connection()
    client.close()
    lent.connect()  # by whoever was opening it just then
    pool.release(lent)
    assert not lent.is_connected
    with pytest.raises(StoreAway, match="closed"):
        client.run(Script("tend"), 0, ())
    with pytest.raises(StoreAway, match="closed"):
        client.block("BLPOP", "nothing", 1)
