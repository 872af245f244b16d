"""The ground that tests stand on holds: what a test leaves behind is found, and the Redis for tests obeys."""

import socket
import subprocess
import threading
from pathlib import Path

import gevent
import pytest
import redis

from tests.leftovers import alive
from tests.servers import RedisServer
from tests.waiting import until


def test_a_greenlet_left_behind_is_seen() -> None:
    before = alive()
    left = gevent.spawn(gevent.sleep, 60)
    assert any("sleep" in thing for thing in alive() - before)
    left.kill()
    assert not alive() - before


def test_a_raw_greenlet_left_behind_is_seen() -> None:
    before = alive()
    left = gevent.spawn_raw(gevent.sleep, 60)
    assert until(lambda: alive() - before, saying="the greenlet has begun")
    gevent.kill(left)
    until(lambda: not alive() - before, saying="the killed greenlet is gone")


def test_a_thread_left_behind_is_seen() -> None:
    before = alive()
    done = threading.Event()
    left = threading.Thread(target=done.wait)
    left.start()
    assert alive() - before
    done.set()
    left.join()
    until(lambda: not alive() - before, saying="the thread is gone")


def test_a_native_thread_left_behind_is_seen() -> None:
    pool = gevent.get_hub().threadpool
    before = alive()
    with gevent.threadpool.ThreadPoolExecutor(1) as one:
        one.submit(int).result()
        assert any(thing.startswith("thread") for thing in alive() - before)
    assert pool.size == pool.maxsize
    until(lambda: not alive() - before, saying="the thread is gone")


def test_a_child_left_behind_is_seen() -> None:
    before = alive()
    left = subprocess.Popen(["sleep", "60"])
    assert f"process {left.pid}" in alive() - before
    left.kill()
    left.wait()
    assert not alive() - before


def test_a_listening_socket_left_behind_is_seen() -> None:
    before = alive()
    with socket.socket() as left:
        left.bind(("127.0.0.1", 0))
        assert not alive() - before
        left.listen()
        assert "listening socket" in str(alive() - before)
    assert not alive() - before


def test_until_gives_what_it_saw() -> None:
    answers = iter([0, None, "", "here"])
    assert until(lambda: next(answers)) == "here"


def test_until_says_what_it_waited_for_and_what_it_saw_last() -> None:
    with pytest.raises(AssertionError, match=r"^waited 0.01 s until the cow comes home; last seen: \[\]$"):
        until(list, 0.01, saying="the cow comes home")


def test_redis_url_is_empty_each_time(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


test_redis_url_is_empty_each_time_again = test_redis_url_is_empty_each_time


def test_redis_keeps_its_data_over_a_kill_unless_told_otherwise(own_redis: RedisServer) -> None:
    own_redis.client.set("kept", "yes")
    own_redis.restart()
    assert own_redis.client.get("kept") == b"yes"
    own_redis.restart(empty=True)
    assert own_redis.client.get("kept") is None


def test_redis_can_be_stopped_and_started(own_redis: RedisServer) -> None:
    own_redis.client.set("kept", "yes")
    own_redis.stop()
    assert not own_redis.answers()
    own_redis.start()
    assert own_redis.client.get("kept") == b"yes"


def test_a_paused_redis_says_nothing_until_it_is_resumed(own_redis: RedisServer) -> None:
    own_redis.pause()
    with (
        redis.Redis.from_url(own_redis.url, socket_timeout=0.1, retry=None) as client,
        pytest.raises(redis.TimeoutError),
    ):
        client.ping()
    own_redis.resume()
    assert own_redis.answers()


@pytest.mark.timeout(400)
def test_slacks_own_node_clients_can_be_asked(witness: Path) -> None:
    script = "for (const name of Object.keys(require('./package.json').dependencies)) require(name)"
    subprocess.run(["node", "--eval", script], cwd=witness, check=True, timeout=60)
