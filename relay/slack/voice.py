"""The way back: what people want to say on a connection, at Slack's pace and within its limits.

RTM takes text messages, typing and questions about presence on the socket; a message with blocks or attachments, and
any message of a Socket Mode connection, goes by chat.postMessage.
"""

from collections.abc import Mapping
from time import monotonic, time

import gevent

from relay.core import json_text
from relay.core.connection import Connection, Kind
from relay.core.rtm_session import FRAME_LIMIT_BYTES
from relay.core.webhook import Json
from relay.slack.keeper import Keeper
from relay.slack.web_api import Denied, Granted, Limited, Unreachable, WebApi
from relay.store.notices import Wish

PACE_S = 1.0
"""Slack takes one frame a second (slack-wire.md, 2.4)."""
RICH = ("blocks", "attachments")

Answer = Mapping[str, Json]


class Voice:
    """Of one connection."""

    __slots__ = ("_free_at", "_keeper", "_web")

    def __init__(self, keeper: Keeper, web: WebApi) -> None:
        self._keeper = keeper
        self._web = web
        self._free_at = 0.0

    @property
    def is_up(self) -> bool:
        return self._keeper.is_up

    def grant(self, wish: Wish) -> Answer:
        """Say it; takes until the wish's end at most."""
        connection = self._keeper.connection
        posts = wish.frame.get("type") == "message"
        if connection.kind is not Kind.RTM and not posts:
            return _no("not_supported", "Typing and presence go over RTM only.")
        if not connection.voice:
            return _no("not_supported", "A Socket Mode connection posts with a bot token: give it a bot_token.")
        if len(json_text.write_short(dict(wish.frame))) > FRAME_LIMIT_BYTES - 64:  # the id is to come
            return _no("msg_too_long", "Slack takes frames of 16 KB at most.")
        if not self._wait_for_our_turn(wish.until):
            return _no("ratelimited", "Slack takes one frame a second; too many wait already.")
        if connection.kind is not Kind.RTM or any(wish.frame.get(name) for name in RICH):
            return self._post(connection, wish.frame)
        return self._say(wish)

    def _wait_for_our_turn(self, until: float) -> bool:
        now = monotonic()
        starts_at = max(now, self._free_at)
        if time() + (starts_at - now) > until:
            return False
        self._free_at = starts_at + PACE_S
        gevent.sleep(starts_at - now)
        return True

    def _say(self, wish: Wish) -> Answer:
        lines = self._keeper.lines
        if wish.frame.get("type") != "message":
            return {"ok": True} if any(line.say(wish.frame) for line in lines) else _not_connected()
        for line in lines:
            if line.is_up:
                answer = line.ask(wish.frame, within_s=max(0.0, wish.until - time()))
                return (
                    _read(answer) if answer is not None else _no("no_answer", "Slack has not said whether it took it.")
                )
        return _not_connected()

    def _post(self, connection: Connection, frame: Mapping[str, Json]) -> Answer:
        arguments = {name: _argument(value) for name, value in frame.items() if name != "type"}
        match self._web.call("chat.postMessage", connection.voice, arguments):
            case Granted(answer=answer):
                return {name: answer[name] for name in ("ok", "ts", "channel") if name in answer}
            case Denied(word=word, detail=detail) | Unreachable(word=word, detail=detail):
                return _no(word, detail)
            case Limited(retry_after_s=retry_after_s):
                return {**_no("ratelimited", "Slack asks to wait."), "retry_after": retry_after_s}


def _argument(value: Json) -> str:
    return value if isinstance(value, str) else json_text.write(value).decode()


def _read(answer: Answer) -> Answer:
    """Slack's acknowledgement, without its number."""
    error = answer.get("error")
    if answer.get("ok") is True or not isinstance(error, dict):
        return {name: value for name, value in answer.items() if name != "reply_to"}
    return _no("ratelimited" if error.get("code") == -1 else "refused", str(error.get("msg", "")))


def _not_connected() -> Answer:
    return _no("not_connected", "The connection is not up at the moment.")


def _no(word: str, sentence: str) -> Answer:
    return {"ok": False, "error": word, "explanation": sentence}
