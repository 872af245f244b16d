"""Connections: one Redis' face for one server, a master behind Sentinels, or a Redis Cluster.

Whatever it is, a call that finds no free connection waits for one; no command is ever repeated by itself; and all
connections of the process that want the same TLS share one context, because making one takes 40 ms of CPU, and redis-py
makes one for each connection.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from socket import socket

from redis import BlockingConnectionPool, ConnectionPool, Redis, UnixDomainSocketConnection
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool, SentinelManagedConnection

from relay.store.cluster import Cluster
from relay.store.location import Address, Kind, Location

SENTINEL_S = 1.0
"""What a Sentinel may take to answer before the next is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectOptions:
    tls_verify: bool
    connections: int  # to one server
    connect_s: float
    answer_s: float  # what one command may take


def connect(location: Location, options: ConnectOptions) -> Redis:
    """Says nothing to a server yet: that it is away is seen by the first command."""
    asked = _asked(location, options)
    match location.kind:
        case Kind.SERVER:
            made = UnixDomainSocketConnection if "path" in asked else _Tls if location.tls else Connection
            return Redis.from_pool(BlockingConnectionPool(connection_class=made, **asked))
        case Kind.SENTINEL:
            return Redis.from_pool(_master_pool(location, options, asked))
        case Kind.CLUSTER:
            return Cluster(location.nodes, partial(_node_pool, location, asked))


def _asked(location: Location, options: ConnectOptions) -> dict[str, object]:
    return {
        **location.options,
        **_tls(location, options),
        "max_connections": options.connections,
        "timeout": options.answer_s,  # for a free connection
        "socket_timeout": options.answer_s,
        "socket_connect_timeout": options.connect_s,
        "retry": _never(),
    }


def _tls(location: Location, options: ConnectOptions) -> Mapping[str, object]:
    if options.tls_verify or not location.tls:
        return {}
    return {"ssl_cert_reqs": "none", "ssl_check_hostname": False}


def _never() -> Retry:
    """An answer that was lost says nothing about the write."""
    return Retry(NoBackoff(), 0)


def _node_pool(location: Location, asked: Mapping[str, object], address: Address) -> ConnectionPool:
    host, port = address
    made = _Tls if location.tls else Connection
    return BlockingConnectionPool(connection_class=made, host=host, port=port, **asked)


def _master_pool(location: Location, options: ConnectOptions, asked: Mapping[str, object]) -> ConnectionPool:
    limits = {"socket_timeout": SENTINEL_S, "socket_connect_timeout": SENTINEL_S, "retry": _never()}
    tls = {"ssl": True, **_tls_options(location), **_tls(location, options)} if location.tls else {}
    sentinel = Sentinel(location.nodes, sentinel_kwargs={**limits, **location.sentinel_options, **tls})
    made = _TlsMaster if location.tls else SentinelManagedConnection
    return _MasterPool(location.service, sentinel, connection_class=made, **asked)


def _tls_options(location: Location) -> Mapping[str, object]:
    return {name: value for name, value in location.options.items() if name.startswith("ssl_")}


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


class _TlsMaster(SentinelManagedConnection, _Tls):
    pass


class _MasterPool(BlockingConnectionPool, SentinelConnectionPool):
    """The one's patience, the other's address: asked of a Sentinel for each new connection."""

    def __init__(self, service: str, sentinel: Sentinel, **asked: object) -> None:
        super().__init__(service_name=service, sentinel_manager=sentinel, **asked)  # type: ignore[no-untyped-call]  # redis-py


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
