"""The simulated Slack as one thing: start it, point a client at `api_url`, let people talk, look at what was sent."""

from collections import deque
from collections.abc import Iterable
from functools import partial
from time import time
from types import TracebackType
from typing import Self

import gevent
from flask import Flask

from relay.http.limits import Limits
from relay.http.server import HttpServer
from relay.http.websocket import SocketOptions
from relay.loops import once
from relay.report import Fact
from relay.simulator import mischief
from relay.simulator.alarm import Alarm
from relay.simulator.control import control
from relay.simulator.faults import Faults
from relay.simulator.line import Line
from relay.simulator.methods import Methods
from relay.simulator.mischief import Mischief
from relay.simulator.options import SimulatorOptions
from relay.simulator.people import People
from relay.simulator.quota import Quota
from relay.simulator.rtm import Rtm
from relay.simulator.socket_mode import SocketMode
from relay.simulator.stamps import Stamps
from relay.simulator.traffic import Traffic
from relay.simulator.web_api import api, doors
from relay.simulator.workspace import Event, found

MANY_CLIENTS = 20_000
OUTBOX_BYTES = 1024 * 1024
PING_S = 10.0  # @slack/socket-mode gives up when Slack is silent for 30 s


class SimulatedSlack:
    """`with SimulatedSlack(options) as slack: …`, or `start` and `stop`, again and again.

    Its parts are there to be looked at and played with: `workspace`, `people` (their rate), `faults` of the Web API and
    of upgrades, `connect_quota`, `rtm`, `socket_mode`, and `emitted`, the events that were sent (`emitted_count` counts
    them all). Presence among them reaches only connections that asked for it.
    """

    def __init__(self, options: SimulatorOptions | None = None) -> None:
        self.options = options or SimulatorOptions()
        self.workspace = found(self.options.seed, people=self.options.people, channels=self.options.channels)
        self.stamps = Stamps()
        self.emitted: deque[Event] = deque(maxlen=self.options.remembered)
        self.emitted_count = 0
        self.faults = Faults()
        self.connect_quota = Quota(self.options.connects_per_minute)
        self.people = People(self.happen, self._report)
        self.people.rate = self.options.rate
        self.rtm = Rtm(self.workspace, self.stamps, url_life_s=self.options.url_life_s, publish=self.emit)
        self._alarm = Alarm(self._report)
        self.socket_mode = SocketMode(self.workspace, self.options, self._alarm)
        self._traffic = Traffic(self.workspace, seed=self.options.seed, stamps=self.stamps)
        self._drips: list[gevent.Greenlet[[], None]] = []
        limits = Limits(peers=MANY_CLIENTS)
        self._server = HttpServer(self._app(), self.options.host, self.options.port, limits=limits)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _fault: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def api_url(self) -> str:
        """For `SLACK_API_URL`, and for the `base_url` of Slack's own clients."""
        return f"{self._server.url}/api/"

    @property
    def lines(self) -> list[Line]:
        """Every open socket of a client, RTM's first."""
        return [connection.line for connection in self.rtm.connections] + self.socket_mode.lines

    def start(self) -> None:
        """Listens, and lets people talk. Raises CannotListen."""
        self._server.start()
        self._alarm.start()
        self.people.start()

    def stop(self, *, within_s: float = 2.0) -> None:
        self.people.stop()
        self._alarm.stop()
        self.faults.release()
        gevent.killall(self._drips)
        for line in self.lines:
            if not line.speaks:
                line.reset()
        self._server.stop(within_s=within_s)

    def emit(self, event: Event) -> None:
        """Sends `event` to everybody, now."""
        self.emitted.append(event)
        self.emitted_count += 1
        self.rtm.broadcast(event)
        self.socket_mode.broadcast(event)

    def happen(self) -> Event:
        """Lets the people do the next thing, sends it, and says what it was."""
        event = self._traffic.next(time())
        self.emit(event)
        return event

    def play(self, kind: Mischief, lines: Iterable[Line] | None = None) -> None:
        """Does this to the clients on `lines`, or to all of them. Does not wait."""
        for line in list(self.lines if lines is None else lines):
            if kind in mischief.DISCONNECTS:
                self.socket_mode.disconnect(kind.value, line)
            elif kind is Mischief.DRIP:
                self._drips.append(once("drip", partial(self._drip, line), self._report))
            else:
                mischief.play(kind, line, self._traffic.next(time()))

    def _drip(self, line: Line) -> None:
        mischief.drip(line, self._traffic.next(time()), pause_s=self.options.drip_s)

    def _report(self, fact: Fact) -> None:
        self.options.log(str(fact))

    def _app(self) -> Flask:
        app = Flask("simulated-slack", static_folder=None)
        methods = Methods(
            self.workspace,
            self.options,
            rtm=self.rtm,
            socket_mode=self.socket_mode,
            stamps=self.stamps,
            connect_quota=self.connect_quota,
            publish=self.emit,
        )
        sockets = SocketOptions(outbox_bytes=OUTBOX_BYTES, ping_s=PING_S, deflate=self.options.compress, origins=None)
        app.register_blueprint(api(methods, self.faults, self.options.log))
        app.register_blueprint(doors(self.rtm, self.socket_mode, faults=self.faults, options=sockets))
        app.register_blueprint(control(self))
        return app
