"""A URL that is posted to again and again: what is the same in each request, and the ways that lead there."""

from relay.core.proxy import Proxy
from relay.core.url import PORTS, VettedUrl
from relay.deliver.request import Request
from relay.deliver.way import Way, Ways

ADDRESSES = 64
"""How many of a name's addresses are remembered with their ways; some names have new ones all the time."""


class Target:
    __slots__ = ("_by_address", "_head", "_vetted", "_ways", "literal", "place", "proxy")

    def __init__(self, vetted: VettedUrl, proxy: Proxy | None, ways: Ways) -> None:
        self.proxy = proxy
        self.place = (vetted.host, vetted.port)
        self.literal = None if vetted.literal is None else (vetted.host,)
        self._vetted = vetted
        self._ways = ways
        self._by_address: dict[str, Way] = {}
        host = f"[{vetted.host}]" if ":" in vetted.host else vetted.host
        if vetted.port != PORTS[vetted.scheme]:
            host += f":{vetted.port}"
        path = vetted.url.removeprefix(f"{vetted.scheme}://{host}")
        self._head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n"

    def write(self, request: Request) -> bytes:
        """The whole request."""
        body = request.body
        return f"{self._head}{request.headers}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def way(self, address: str, proxy_address: str | None = None) -> Way:
        """The way there by that address, through the proxy at the other."""
        way = self._by_address.get(address)
        if way is None or (way.proxy and way.proxy[0] != proxy_address):
            if len(self._by_address) >= ADDRESSES:
                self._by_address.clear()
            way = self._by_address[address] = self._ways.the(self._new_way(address, proxy_address))
        return way

    def _new_way(self, address: str, proxy_address: str | None) -> Way:
        host, port = self.place
        secure = self._vetted.scheme == "https"
        if self.proxy is None or proxy_address is None:
            return Way(host=host, address=address, port=port, secure=secure)
        proxy = (proxy_address, self.proxy.port)
        return Way(host=host, address=address, port=port, secure=secure, proxy=proxy, login=self.proxy.login)
