"""Connections: one Redis' face for one server, a master behind Sentinels, or a Redis Cluster.

Whatever it is, a call that finds no free connection waits for one, but not for a server that is silent; no command is
ever repeated by itself; and all connections of the process that want the same TLS share one context, because making one
takes 40 ms of CPU, and redis-py makes one for each connection.
"""

import ssl
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from socket import socket

from hiredis import pack_command
from redis import Redis, UnixDomainSocketConnection
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool, SentinelManagedConnection

from relay.store.cluster import Cluster, Slots
from relay.store.location import Address, Kind, Location
from relay.store.pool import Brisk, Line, Pool

CONNECT_S = 3.0
SENTINEL_S = 1.0
"""What a Sentinel may take to answer before the next is asked."""

Asked = Mapping[str, object]


class Connector:
    """Makes clients that know the same: who is the master, who has which slot."""

    def __init__(self, location: Location, *, tls_verify: bool) -> None:
        self._location = location
        self._tls: Asked = {} if tls_verify or not location.tls else {"ssl_cert_reqs": "none"}
        self._open = self._opener()

    def client(self, *, connections: int, answer_s: float) -> Redis:
        """Says nothing to a server yet: that it is away is seen by the first command.

        `connections`: to one server, made when they are wanted; `answer_s`: what one command may take, and the wait for
        a free connection.
        """
        return self._open(self._asked(connections, answer_s))

    def _opener(self) -> Callable[[Asked], Redis]:
        location = self._location
        match location.kind:
            case Kind.SERVER:
                return self._open_server
            case Kind.SENTINEL:
                sentinels = self._sentinels()
                return lambda asked: Redis.from_pool(_MasterPool(location, sentinels, asked))
            case Kind.CLUSTER:
                slots = Slots(location.nodes, self._node_maker(self._asked(1, CONNECT_S)))
                return lambda asked: Cluster(slots, self._node_maker(asked))

    def _open_server(self, asked: Asked) -> Redis:
        plain = _Local if "path" in asked else _Plain
        made = _BriskTls if self._location.tls else plain
        return Redis.from_pool(Pool(connection_class=made, **asked))

    def _asked(self, connections: int, answer_s: float) -> Asked:
        return {
            **self._location.options,
            **self._tls,
            "max_connections": connections,
            "timeout": answer_s,  # for a free connection
            "queue_class": Line,
            "socket_timeout": answer_s,
            "socket_connect_timeout": CONNECT_S,
            "retry": _never(),
            "command_packer": _Packer(),
        }

    def _node_maker(self, asked: Asked) -> Callable[[Address], Redis]:
        made = _BriskTls if self._location.tls else _Plain

        def make(address: Address) -> Redis:
            host, port = address
            return Redis.from_pool(Pool(connection_class=made, host=host, port=port, **asked))

        return make

    def _sentinels(self) -> "_Sentinels":
        location = self._location
        limits = {"socket_timeout": SENTINEL_S, "socket_connect_timeout": SENTINEL_S, "retry": _never()}
        tls = {name: value for name, value in location.options.items() if name.startswith("ssl_")}
        options = {**limits, **location.sentinel_options, **({"ssl": True, **tls, **self._tls} if location.tls else {})}
        return _Sentinels(location.nodes, options)


def _never() -> Retry:
    """An answer that was lost says nothing about the write."""
    return Retry(NoBackoff(), 0)


class _Packer:
    """A command as bytes. redis-py would look at every word before hiredis does."""

    def pack(self, name: str, *words: str | bytes | float) -> list[bytes]:
        return [pack_command((*name.split(), *words))]  # type: ignore[arg-type]  # its stub knows one word only


class _Plain(Brisk, Connection):
    pass


class _Local(Brisk, UnixDomainSocketConnection):
    pass


class _Tls(SSLConnection):
    def _wrap_socket_with_ssl(self, sock: socket) -> ssl.SSLSocket:
        context = _context(
            verify=self.cert_reqs,
            check_hostname=self.check_hostname,
            authorities=(self.ca_certs, self.ca_path, self.ca_data),
            certificate=(self.certfile, self.keyfile, self.certificate_password) if self.certfile else None,
            oldest=self.ssl_min_version,
            ciphers=self.ssl_ciphers,
        )
        return context.wrap_socket(sock, server_hostname=self.host)


class _BriskTls(Brisk, _Tls):
    pass


class _TlsMaster(SentinelManagedConnection, _Tls):
    pass


class _Sentinels(Sentinel):
    """Remembers whom they named last, for all pools."""

    def __init__(self, nodes: Sequence[Address], options: Asked) -> None:
        super().__init__(nodes, sentinel_kwargs=options)  # type: ignore[no-untyped-call]  # redis-py
        self.master: Address | None = None

    def discover_master(self, service_name: str) -> Address:
        self.master = super().discover_master(service_name)  # type: ignore[no-untyped-call]  # redis-py
        return self.master


class _MasterPool(Pool, SentinelConnectionPool):
    """The one's patience, the other's address: asked of a Sentinel for each new connection."""

    def __init__(self, location: Location, sentinels: _Sentinels, asked: Asked) -> None:
        self._sentinels = sentinels
        made = _TlsMaster if location.tls else SentinelManagedConnection
        super().__init__(service_name=location.service, sentinel_manager=sentinels, connection_class=made, **asked)

    def get_connection(self, *_: object, **__: object) -> Connection:
        connection = super().get_connection()
        if (connection.host, connection.port) != self._sentinels.master:  # another pool has heard of a new one
            try:
                connection.disconnect()
                connection.connect()
            except BaseException:
                self.release(connection)
                raise
        return connection


Text = str | bytes | None


@lru_cache(maxsize=8)
def _context(
    *,
    verify: ssl.VerifyMode,
    check_hostname: bool,
    authorities: tuple[Text, Text, Text],
    certificate: tuple[str, str | None, str | None] | None,
    oldest: ssl.TLSVersion | None,
    ciphers: str | None,
) -> ssl.SSLContext:
    file, folder, text = authorities
    context = ssl.create_default_context(cafile=file, capath=folder, cadata=text)
    context.check_hostname = check_hostname
    context.verify_mode = verify
    if certificate is not None:
        context.load_cert_chain(*certificate)
    if oldest is not None:
        context.minimum_version = oldest
    if ciphers:
        context.set_ciphers(ciphers)
    return context
