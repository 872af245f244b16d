"""The simulated Slack as one thing: start it, point a client at `api_url`, let people talk, look at what was sent."""

from collections import deque
from time import monotonic, time
from types import TracebackType
from typing import Self

import gevent
from flask import Flask

from relay.http.server import HttpServer
from relay.http.websocket import SocketOptions
from relay.loops import Loop
from relay.report import Fact
from relay.simulator.alarm import Alarm
from relay.simulator.faults import Faults
from relay.simulator.line import Line
from relay.simulator.methods import Methods
from relay.simulator.options import SimulatorOptions
from relay.simulator.rtm import Rtm
from relay.simulator.socket_mode import SocketMode
from relay.simulator.stamps import Stamps
from relay.simulator.traffic import Traffic
from relay.simulator.web_api import api, doors
from relay.simulator.workspace import Event, found

TICK_S = 0.005
"""At high rates events go out in bursts, so far apart."""

LONGEST_SLEEP_S = 5.0
OUTBOX_BYTES = 1024 * 1024
PING_S = 10.0  # @slack/socket-mode gives up when Slack is silent for 30 s


class SimulatedSlack:
    """`with SimulatedSlack(options) as slack: …`, or `start` and `stop`."""

    def __init__(self, options: SimulatorOptions | None = None) -> None:
        self.options = options or SimulatorOptions()
        self.workspace = found(self.options.seed, people=self.options.people, channels=self.options.channels)
        self.emitted: deque[Event] = deque(maxlen=self.options.remembered)
        self.emitted_count = 0
        self.faults = Faults()
        self.stamps = Stamps()
        self._alarm = Alarm(self._report)
        self.rtm = Rtm(self.workspace, self.stamps, url_life_s=self.options.url_life_s, publish=self.emit)
        self.socket_mode = SocketMode(self.workspace, self.options, self._alarm)
        self._traffic = Traffic(self.workspace, seed=self.options.seed, stamps=self.stamps)
        self._people: Loop | None = None
        self._talking_since = 0.0
        self._talked = 0
        self._server = HttpServer(self._app(), self.options.host, self.options.port)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _fault: BaseException | None, _at: TracebackType | None
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
        """Listens, and lets people talk at `options.rate`. Raises CannotListen."""
        self._server.start()
        self._alarm.start()
        if self.options.rate > 0:
            self._talking_since, self._talked = monotonic(), 0
            self._people = Loop("simulated people", self._talk, self._report)
            self._people.start()

    def stop(self, *, within_s: float = 2.0) -> None:
        if self._people is not None:
            self._people.stop()
        self._alarm.stop()
        self.faults.release()
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

    def _talk(self) -> None:
        """One turn of the people: keeps the rate over the whole time, not from event to event."""
        due = int((monotonic() - self._talking_since) * self.options.rate)
        while self._talked < due:
            self._talked += 1
            self.happen()
        next_in_s = (due + 1) / self.options.rate - (monotonic() - self._talking_since)
        gevent.sleep(min(LONGEST_SLEEP_S, max(TICK_S, next_in_s)))

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
            publish=self.emit,
        )
        sockets = SocketOptions(outbox_bytes=OUTBOX_BYTES, ping_s=PING_S, deflate=self.options.compress, origins=None)
        app.register_blueprint(api(methods, self.faults, self.options.log))
        app.register_blueprint(doors(self.rtm, self.socket_mode, faults=self.faults, options=sockets))
        return app
