"""What kind of conversation each is, as the Events API says it with every message and RTM does not.

An id alone says it of direct messages only (slack-wire.md, 7.3). The rest is asked of Slack: all that the bot is in
before the first socket opens, and one by one those that are met later. What is not known is not said.
"""

from collections.abc import Mapping
from functools import partial

import gevent
from gevent.lock import BoundedSemaphore

from relay.core.rtm_event import Event
from relay.core.webhook import Json
from relay.loops import once
from relay.report import Reporter
from relay.slack.web_api import Denied, Granted, Limited, Unreachable, WebApi, part_of, word_in

PAGE = "999"
PAGES = 5
"""A bot in more conversations than that asks for the others when it meets them."""

FLAGS = (
    ("is_im", "im"),
    ("is_mpim", "mpim"),
    ("is_private", "group"),
    ("is_group", "group"),
    ("is_channel", "channel"),
)
"""In this order: a group message is private too, and a private channel is a channel."""

CONVERSIONS = ("channel_convert_to_private", "channel_convert_to_public")


class Rooms:
    """Of one connection."""

    __slots__ = ("_asking", "_report", "_token", "_web", "kinds")

    def __init__(self, web: WebApi, token: str, *, report: Reporter) -> None:
        self._web = web
        self._token = token
        self._report = report
        self.kinds: dict[str, str] = {}  # "" of those that are asked for, or that nobody tells of
        self._asking = BoundedSemaphore()

    def __repr__(self) -> str:
        return f"<Rooms known={sum(map(bool, self.kinds.values()))}>"

    def read(self) -> None:
        """Learn of all that the bot is in, as far as the token may."""
        cursor = ""
        for _ in range(PAGES):
            wanted = {"types": "public_channel,private_channel,mpim,im", "exclude_archived": "true", "limit": PAGE}
            said = self._web.call("users.conversations", self._token, wanted | ({"cursor": cursor} if cursor else {}))
            if not isinstance(said, Granted):
                return
            rooms = said.answer.get("channels")
            for room in rooms if isinstance(rooms, list) else []:
                if isinstance(room, dict):
                    self._learn(room)
            cursor = word_in(part_of(said.answer, "response_metadata"), "next_cursor")
            if not cursor:
                return

    def kind(self, event: Event) -> str:
        """The `channel_type` of a message, "" while it is not known; then it is asked for beside everything else.

        Other events are learnt from, where they bring a conversation with them: channel_joined, group_joined.
        """
        channel = event.get("channel")
        if not isinstance(channel, str):
            if isinstance(channel, dict):
                self._learn(channel)
            return ""
        if not channel or event.get("type") != "message":
            return ""
        if event.get("subtype") in CONVERSIONS:
            self.kinds.pop(channel, None)
        if channel not in self.kinds:
            self.kinds[channel] = kind = "im" if channel[0] == "D" else ""
            if not kind:
                once(f"kind of {channel}", partial(self._ask, channel), self._report)
        return self.kinds[channel]

    def _ask(self, channel: str) -> None:
        with self._asking:
            match self._web.call("conversations.info", self._token, {"channel": channel}):
                case Granted(answer=answer):
                    self._learn({"id": channel, **part_of(answer, "channel")})
                case Limited(retry_after_s=retry_after_s):
                    gevent.sleep(retry_after_s)
                    self._ask_again(channel)
                case Unreachable():
                    self._ask_again(channel)
                case Denied():
                    pass  # the token may not, or the bot is not in it: it stays unknown

    def _ask_again(self, channel: str) -> None:
        """When it is met next, if it is not known by then."""
        if not self.kinds.get(channel):
            self.kinds.pop(channel, None)

    def _learn(self, room: Mapping[str, Json]) -> None:
        name = word_in(room, "id")
        kind = next((kind for flag, kind in FLAGS if room.get(flag) is True), "")
        if name and kind:
            self.kinds[name] = "im" if name[0] == "D" else kind
