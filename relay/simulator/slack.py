"""The simulated Slack as one thing: start it, point a client at `api_url`, let people talk, look at what was sent."""

from collections import deque
from time import monotonic, time
from types import TracebackType
from typing import Self

import gevent
from flask import Flask

from relay.http.server import HttpServer
from relay.http.websocket import SocketOptions
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
        self._alarm = Alarm()
        self.rtm = Rtm(self.workspace, self.stamps, url_life_s=self.options.url_life_s, publish=self.emit)
        self.socket_mode = SocketMode(self.workspace, self.options, self._alarm)
        self._traffic = Traffic(self.workspace, seed=self.options.seed, stamps=self.stamps)
        self._people: gevent.Greenlet[[], None] | None = None
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
            self._people = gevent.spawn(self._talk)

    def stop(self, *, within_s: float = 2.0) -> None:
        if self._people is not None:
            self._people.kill()
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
        """Keeps the rate over the whole time, not from event to event."""
        begun, done = monotonic(), 0
        while True:
            due = int((monotonic() - begun) * self.options.rate)
            for _ in range(due - done):
                self.happen()
            done = max(done, due)
            gevent.sleep(max(TICK_S, (done + 1) / self.options.rate - (monotonic() - begun)))

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
