"""What one read of an RTM socket brings comes to the journal in its order, whatever is among it."""

from collections.abc import Sequence

from relay.core.connection import Connection, Kind
from relay.core.envelope import Envelope
from relay.core.ids import ConnectionId
from relay.core.rtm_event import Identity, fingerprint
from relay.core.session import Happened
from relay.core.sighting import Sighting
from relay.core.webhook import Json
from relay.report import Fact
from relay.slack.dial import Dialer
from relay.slack.inbox import Inbox
from relay.slack.options import SlackOptions
from relay.slack.rooms import Rooms
from relay.slack.rtm import RtmReader
from relay.slack.web_api import WebApi

RTM = Connection(id=ConnectionId("con_1"), kind=Kind.RTM, token="xoxb-secret")
STAMP = "1355517599.000001"
UNLIKE = b"?"
"""A text that must be written anew from what was read."""
TYPING: dict[str, Json] = {"type": "user_typing", "channel": "C1", "user": "U1"}


def message(number: int, text: str = "hi") -> dict[str, Json]:
    stamp = f"1355517523.{number:06}"
    return {"type": "message", "channel": "C1", "text": text, "ts": stamp, "event_ts": stamp}


class Kept:
    """In place of Redis, and of Slack there is none."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.sightings: list[Sighting] = []
        options = SlackOptions(api_url="http://127.0.0.1:9/")
        self._inbox = Inbox(journal=self, occurrences=self, options=options, report=self._told)
        rooms = Rooms(WebApi(options, Dialer(options)), RTM.token, report=self._told)
        rooms.kinds["C1"] = "channel"
        self.reader = RtmReader(RTM, Identity(team="T1", bot_user="UBOT"), inbox=self._inbox, rooms=rooms)

    def append(self, envelopes: Sequence[Envelope]) -> list[bool]:
        self.envelopes += envelopes
        return [True] * len(envelopes)

    def stamp(self, sightings: Sequence[Sighting]) -> list[str]:
        self.sightings += sightings
        return [STAMP] * len(sightings)

    def take(self, *events: dict[str, Json]) -> int:
        """Of how many no envelope can be made; the others are kept."""
        happened = Happened(events=list(events), texts=[UNLIKE] * len(events), not_before=1.0)
        unmade = self.reader.take([happened], now=2.0)
        self._inbox.stop(1.0)
        return unmade

    def _told(self, _: Fact) -> None:
        pass


def test_mentions_and_events_without_a_time_keep_their_place_among_plain_messages() -> None:
    kept = Kept()
    assert kept.take(message(1), TYPING, message(2, "<@UBOT> hi"), TYPING, message(3), message(4)) == 0
    kinds = [envelope.kind for envelope in kept.envelopes]
    assert kinds == ["message", "user_typing", "message", "app_mention", "user_typing", "message", "message"]
    assert [(each.number, each.earliest, each.latest) for each in kept.sightings] == [(1, 1.0, 2.0), (2, 1.0, 2.0)]
    assert {each.fingerprint for each in kept.sightings} == {fingerprint("T1", TYPING)}


def test_what_cannot_be_written_costs_those_beside_it_nothing() -> None:
    deep: Json = []
    for _ in range(5000):
        deep = [deep]
    kept = Kept()
    assert kept.take(message(1), {**message(2), "deep": deep}, {**TYPING, "deep": deep}, TYPING, message(3)) == 2
    assert [envelope.kind for envelope in kept.envelopes] == ["message", "user_typing", "message"]
