"""Where Redis is and how to speak to it: REDIS_URL, read.

One server: `redis://` and `rediss://` (TLS), `unix://`. A master that Sentinels know, and a Redis Cluster, are named by
several of their nodes:

    redis+sentinel://[user:password@]sentinel:26379,sentinel2:26379/service[/db][?sentinel_password=…]
    redis+cluster://[user:password@]node:6379,node2:6379[?shards=32]

Each of these two with `rediss` in front speaks TLS. What is asked for behind the `?` is redis-py's (`ssl_ca_certs`,
`ssl_certfile`, …), but for what is named here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from redis.connection import parse_url

from relay.core.errors import RelayError

PORT, SENTINEL_PORT = 6379, 26379

MOST_SHARDS = 1024
"""A delivery's id has two characters for its shard."""
CLUSTER_SHARDS = 16
"""Without a word: enough to use five or six masters evenly, few enough that an idle process costs little."""

Address = tuple[str, int]
Options = Mapping[str, object]


class BadLocation(RelayError):
    """It is no address of a Redis that we know how to reach, and why."""


class Kind(StrEnum):
    SERVER = "server"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    kind: Kind
    nodes: tuple[Address, ...]  # Sentinels, or some nodes of a cluster; none for one server
    service: str  # what Sentinels call the master
    shards: int  # how many, where this relay is the first on its Redis
    tls: bool
    options: Options = field(repr=False)  # for each connection to a Redis, as redis-py names them
    sentinel_options: Options = field(repr=False)  # for each connection to a Sentinel


def read_location(url: str) -> Location:
    """Raises BadLocation."""
    try:
        return _read(url)
    except ValueError as error:
        raise BadLocation(str(error)) from None


def _read(url: str) -> Location:
    """Raises BadLocation; ValueError for what urllib or redis-py can't read."""
    parts = urlsplit(url)
    transport, _, word = parts.scheme.partition("+")
    if transport not in {"redis", "rediss", "unix"} or word not in {"", Kind.SENTINEL, Kind.CLUSTER}:
        raise BadLocation(
            "it must begin with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster:// "
            "(rediss+… for the two with TLS)"
        )
    kind = Kind(word) if word else Kind.SERVER
    asked = dict(parse_qsl(parts.query))
    shards = _shards(asked.pop("shards", None), kind)
    sentinel = {name: asked.pop(f"sentinel_{name}") for name in ("username", "password") if f"sentinel_{name}" in asked}
    service, path = _service_of(parts.path, kind)
    one = f"{transport}://{_first(parts.netloc, kind)}{path}" + (f"?{urlencode(asked)}" if asked else "")
    return Location(
        kind=kind,
        nodes=() if kind is Kind.SERVER else _nodes(parts.netloc, kind),
        service=service,
        shards=shards,
        tls=transport == "rediss",
        options=_options(one, kind),
        sentinel_options=sentinel,
    )


def _options(url: str, kind: Kind) -> Options:
    """`url`: of one server, as redis-py reads it."""
    options: dict[str, object] = parse_url(url)
    if kind is not Kind.SERVER:
        for name in ("host", "port"):
            options.pop(name, None)
    if kind is Kind.CLUSTER and options.pop("db", 0):
        raise BadLocation("a Redis Cluster has no databases but 0")
    options.pop("connection_class", None)  # store/connect.py chooses
    return options


def _shards(asked: str | None, kind: Kind) -> int:
    if asked is None:
        return CLUSTER_SHARDS if kind is Kind.CLUSTER else 1
    if not asked.isdecimal() or not 1 <= int(asked) <= MOST_SHARDS:
        raise BadLocation(f"shards is a number from 1 to {MOST_SHARDS}")
    return int(asked)


def _service_of(path: str, kind: Kind) -> tuple[str, str]:
    """The service's name, and what is left of the path."""
    if kind is not Kind.SENTINEL:
        return "", path
    service, _, db = path.lstrip("/").partition("/")
    if not service:
        raise BadLocation("behind the Sentinels' addresses stands the name that they give the master: …:26379/mymaster")
    return unquote(service), f"/{db}" if db else ""


def _nodes(netloc: str, kind: Kind) -> tuple[Address, ...]:
    default = SENTINEL_PORT if kind is Kind.SENTINEL else PORT
    hosts = netloc.rpartition("@")[2].split(",")
    found = [urlsplit(f"//{host.strip()}") for host in hosts if host.strip()]
    nodes = tuple((one.hostname or "", one.port or default) for one in found)
    if not nodes or not all(host for host, _ in nodes):
        raise BadLocation("it names no server")
    return nodes


def _first(netloc: str, kind: Kind) -> str:
    """With the first host alone: what redis-py can read."""
    user, at, hosts = netloc.rpartition("@")
    return netloc if kind is Kind.SERVER else user + at + hosts.split(",")[0]
