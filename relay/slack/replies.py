"""Says an endpoint's reply with the bot's token, by chat.postMessage."""

from collections.abc import Mapping
from contextlib import suppress

from relay.core import json_text
from relay.core.reply import Never, NotNow, Reply, Said
from relay.core.webhook import Json
from relay.slack.web_api import Denied, Granted, Limited, Unreachable, WebApi, part_of, word_in
from relay.store.connections import Connections
from relay.store.errors import StoreAway
from relay.store.voices import Voices

AGAIN_S = 10.0
"""After Slack, or Redis, could not be reached."""

HEALS = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"})
"""Words with which Slack refuses now and not for ever."""


class ReplyPost:
    """Called with a reply; see relay/deliver/reply.py."""

    __slots__ = ("_connections", "_voices", "_web")

    def __init__(self, connections: Connections, voices: Voices, web: WebApi) -> None:
        self._connections = connections
        self._voices = voices
        self._web = web

    def __call__(self, reply: Reply) -> Said | NotNow | Never:
        try:
            connection = self._connections.get(reply.connection)
            is_ours = self._voices.any_of(reply.authors)
        except StoreAway as away:
            return NotNow(wait_s=AGAIN_S, why=str(away))
        if connection is None:
            return Never(why="its connection has been removed")
        if is_ours:
            return Never(why="another bot of this relay wrote that, and they would talk for ever")
        if not connection.voice:
            return Never(why="its connection has no bot_token to speak with")
        match self._web.call("chat.postMessage", connection.voice, _arguments(reply)):
            case Granted(answer=answer):
                self._learn(part_of(answer, "message"))
                return Said()
            case Limited(retry_after_s=wait_s):
                return NotNow(wait_s=max(1.0, wait_s), why="ratelimited")
            case Denied(word=word) if word in HEALS:
                return NotNow(wait_s=AGAIN_S, why=word)
            case Denied(word=word, detail=detail):
                return Never(why=f"{word} {detail}".strip())
            case Unreachable(word=word, detail=detail):
                return NotNow(wait_s=AGAIN_S, why=f"{word}: {detail}")

    def _learn(self, message: Mapping[str, Json]) -> None:
        """As whom that was said."""
        with suppress(StoreAway):  # it is said all the same
            self._voices.learn({word_in(message, name) for name in ("user", "bot_id")} - {""})


def _arguments(reply: Reply) -> dict[str, str]:
    arguments = {"channel": reply.channel}
    if reply.text:
        arguments["text"] = reply.text
    if reply.blocks is not None:
        arguments["blocks"] = json_text.write(reply.blocks).decode()
    if reply.thread_ts is not None:
        arguments["thread_ts"] = reply.thread_ts
    return arguments
