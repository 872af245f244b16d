"""RTM: rtm.connect opens a socket, whose events lack what the Events API has; here they are passed on to be
completed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from operator import attrgetter
from secrets import token_hex
from time import monotonic, time

from msgspec.structs import replace

from relay.core.complaints import complaint
from relay.core.connection import Connection
from relay.core.envelope import Envelope
from relay.core.rtm_envelopes import Row, RtmEnvelopes
from relay.core.rtm_event import Identity
from relay.core.rtm_session import RtmSession
from relay.core.session import Frame, Happened, Step
from relay.core.sighting import Sighting
from relay.core.webhook import Json
from relay.slack.buffer import Arrival, Untimed
from relay.slack.dialect import NoTicket, Ticket, refusal
from relay.slack.inbox import Inbox
from relay.slack.rooms import Rooms
from relay.slack.web_api import Denied, Granted, Limited, Said, Unreachable, WebApi, part_of, word_in
from relay.store.errors import StoreAway
from relay.store.turns import Turns

BODY = attrgetter("body")


class Rtm:
    """The dialect of one RTM connection."""

    __slots__ = ("_app", "_dice", "_inbox", "_rooms", "_turns", "_web", "connection")

    def __init__(
        self, connection: Connection, *, web: WebApi, turns: Turns, inbox: Inbox, rooms: Rooms, dice: float = 0.0
    ) -> None:
        self.connection = connection
        self._rooms = rooms
        self._web = web
        self._turns = turns
        self._inbox = inbox
        self._dice = dice
        self._app: str | None = None  # None: not known whether it can be known

    def ticket(self) -> Ticket | NoTicket:
        """rtm.connect; the first time also who the app is, where the token may ask that."""
        if wait_s := self._wait_s():
            return NoTicket(complaint=complaint("ratelimited", "the relay's own count"), retry_after_s=wait_s)
        if self._app is None:
            self._app = self._ask_app()
            self._rooms.read()
        arguments = {"presence_sub": "1"}
        if self.connection.batch_presence_aware:
            arguments["batch_presence_aware"] = "1"
        asked_at = monotonic()
        said = self._web.call("rtm.connect", self.connection.token, arguments)
        if isinstance(said, Granted) and (url := word_in(said.answer, "url")):
            return Ticket(url=url, asked_at=asked_at, identity=_identity(said.answer, self._app or ""))
        self._settle_turn(said)
        return refusal(said)

    def session(self, *, asked_at: float, opened_at: float) -> RtmSession:
        return RtmSession(asked_at=asked_at, opened_at=opened_at, dice=self._dice)

    def reader(self, identity: Identity, send: Callable[[bytes], None]) -> "RtmReader":  # noqa: ARG002  # RTM acknowledges nothing
        return RtmReader(self.connection, identity, inbox=self._inbox, rooms=self._rooms)

    def first_words(self) -> list[Frame]:
        """The presence that is asked for: Slack forgets it with the socket."""
        return [_presence_sub(self.connection)] if self.connection.presence_sub else []

    def follow(self, connection: Connection) -> list[Frame]:
        was, self.connection = self.connection, connection
        return [_presence_sub(connection)] if connection.presence_sub != was.presence_sub else []

    def _wait_s(self) -> float:
        """Slack's budget is one for all processes; with Redis away each goes by what Slack itself says."""
        try:
            return self._turns.take(self.connection.token)
        except StoreAway:
            return 0.0

    def _settle_turn(self, said: Said) -> None:
        """All should know of Slack's limit; and a call that did not reach Slack has cost nothing."""
        with suppress(StoreAway):
            match said:
                case Limited(retry_after_s=retry_after_s):
                    self._turns.limited(self.connection.token, retry_after_s)
                case Unreachable(word="unreachable"):
                    self._turns.give_back(self.connection.token)
                case _:
                    pass

    def _ask_app(self) -> str | None:
        """The app's id by auth.test and bots.info; "" where that is not to be had, None to ask again next time."""
        bot = ""
        match self._web.call("auth.test", self.connection.token):
            case Granted(answer=answer):
                bot = word_in(answer, "bot_id")
            case Denied():
                pass
            case _:
                return None
        if not bot:
            return ""
        match self._web.call("bots.info", self.connection.token, {"bot": bot}):
            case Granted(answer=answer):
                return word_in(part_of(answer, "bot"), "app_id")
            case Denied():  # the token lacks users:read
                return ""
            case _:
                return None


class RtmReader:
    """Turns one socket's events into arrivals."""

    __slots__ = ("_inbox", "_maker", "_numbered", "_rooms", "_socket", "_source")

    def __init__(self, connection: Connection, identity: Identity, *, inbox: Inbox, rooms: Rooms) -> None:
        self._rooms = rooms
        self._source = connection.id
        self._maker = RtmEnvelopes(connection.id, identity)
        self._socket = token_hex(6)
        self._inbox = inbox
        self._numbered = 0

    def take(self, steps: Sequence[Step], *, now: float) -> int:
        unmade = 0
        for step in steps:
            if isinstance(step, Happened):
                arrivals: list[Arrival | Untimed] = []
                unmade += self._read(step, now, into=arrivals)
                self._inbox.put(arrivals)
        return unmade

    def _read(self, happened: Happened, now: float, *, into: list[Arrival | Untimed]) -> int:
        """Of how many events no envelope can be made. One that cannot be written must not spoil the others."""
        events, texts = happened.events, happened.texts
        try:
            rows = zip(events, texts, self._maker.ids(events), strict=True)
        except (ValueError, RecursionError):
            if len(events) == 1:
                return 1
            each = [replace(happened, events=[event], texts=[text]) for event, text in zip(events, texts, strict=True)]
            return sum([self._read(alone, now, into=into) for alone in each])
        return self._read_rows(rows, happened.not_before, now, into=into)

    def _read_rows(self, rows: Iterator[Row], not_before: float, now: float, *, into: list[Arrival | Untimed]) -> int:
        received_at = time()
        together: list[Envelope] = []
        unmade = 0
        maker, rooms = self._maker, self._rooms
        while True:
            try:
                row = maker.make_plain(rows, received_at, rooms=rooms.kinds, into=together)
                if row is None:
                    break
                event, text, id = row
                if made := maker.make(event, received_at, channel_type=rooms.kind(event), text=text, event_id=id):
                    together += made
                else:
                    into += (*self._arrival(together), self._untimed(row, received_at, not_before=not_before, now=now))
                    together = []
            except (ValueError, RecursionError):
                unmade += 1
        into += self._arrival(together)
        return unmade

    def _arrival(self, envelopes: Sequence[Envelope]) -> Sequence[Arrival]:
        """Of nothing, nothing."""
        if not envelopes:
            return ()
        size_bytes = sum(map(len, map(BODY, envelopes)))
        return (Arrival(source=self._source, envelopes=envelopes, size_bytes=size_bytes),)

    def _untimed(self, row: Row, received_at: float, *, not_before: float, now: float) -> Untimed:
        event, text, id = row
        self._numbered += 1
        sighting = Sighting(
            fingerprint=id.removeprefix("Ev"),
            socket=self._socket,
            number=self._numbered,
            earliest=not_before,
            latest=now,
        )
        return Untimed(
            source=self._source,
            event=event,
            sighting=sighting,
            maker=self._maker,
            size_bytes=len(text),
            received_at=received_at,
        )


def _presence_sub(connection: Connection) -> Frame:
    """Each list replaces the one before."""
    return {"type": "presence_sub", "ids": list(connection.presence_sub)}


def _identity(answer: Mapping[str, Json], app: str) -> Identity:
    team, itself = part_of(answer, "team"), part_of(answer, "self")
    return Identity(
        team=word_in(team, "id"), enterprise=word_in(team, "enterprise_id"), bot_user=word_in(itself, "id"), app=app
    )
