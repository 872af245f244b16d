"""What people do in a workspace, by dice that a seed makes: the same seed, the same story."""

import random
import uuid
from collections import deque
from collections.abc import Callable

from relay.simulator import shapes
from relay.simulator.stamps import Stamps
from relay.simulator.workspace import Channel, ChannelKind, Event, Workspace

REMEMBERED = 200
"""Messages that people may still edit, answer, react to."""

SENTENCES = (
    "Good morning!",
    "Deploy of the web app is out, watching the graphs.",
    "Can somebody look at the failing build?",
    "It's green again, a flaky test.",
    "Lunch at the noodle place?",
    "I have put the numbers in the sheet: <https://example.com/numbers|numbers>",
    "The customer wrote back, they are happy now.",
    "Grüße aus Köln ☔",
    "ありがとう、確認します",
    "Who is on call this week?",
    "5 &lt; 7 &amp; 7 &gt; 5, said the filter",
    "Reviewed, two small remarks.",
    "Postponed to Thursday 🗓️",
    "`SELECT count(*) FROM orders` says 1,204",
)
REACTIONS = ("+1", "eyes", "tada", "white_check_mark", "heart", "joy")
FILES = ("notes.txt", "trace.log", "minutes.md")


class Traffic:
    """`next(now)` is what happens next. A message is sometimes followed by what Slack itself adds: those come first."""

    def __init__(self, workspace: Workspace, *, seed: int, stamps: Stamps) -> None:
        self._workspace = workspace
        self._dice = random.Random(seed)
        self._stamps = stamps
        self._said: deque[Event] = deque(maxlen=REMEMBERED)
        self._following: deque[Callable[[str], Event]] = deque()
        self._public = [channel for channel in workspace.channels if channel.kind is ChannelKind.PUBLIC]
        self._deeds: dict[Callable[[str], Event], float] = {
            self._speak: 40,
            self._type: 15,
            self._react: 14,
            self._answer_in_thread: 8,
            self._edit: 6,
            self._come_or_go: 5,
            self._mention_the_bot: 4,
            self._change_presence: 3,
            self._share_a_file: 2,
            self._delete: 2,
            self._pin: 1,
        }

    def next(self, now: float) -> Event:
        ts = self._stamps.next(now)
        if self._following:
            return self._following.popleft()(ts)
        (deed,) = self._dice.choices(list(self._deeds), list(self._deeds.values()))
        return deed(ts)

    def _speak(self, ts: str) -> Event:
        channel = self._dice.choice(self._workspace.channels)
        return self._say(channel.id, self._member(channel), text=self._dice.choice(SENTENCES), ts=ts)

    def _mention_the_bot(self, ts: str) -> Event:
        channel = self._dice.choice(self._public)
        return self._say(
            channel.id, self._member(channel), text=f"<@{self._workspace.bot_user}> what is the status?", ts=ts
        )

    def _answer_in_thread(self, ts: str) -> Event:
        original = self._pick()
        if original is None:
            return self._speak(ts)
        head = str(original.get("thread_ts") or original["ts"])
        channel = self._channel_of(original)
        reply = self._say(channel.id, self._member(channel), text=self._dice.choice(SENTENCES), ts=ts, thread_ts=head)
        if head == original["ts"]:
            self._following.append(lambda then: shapes.replied(original, reply, ts=then))
        return reply

    def _share_a_file(self, ts: str) -> Event:
        name = self._dice.choice(FILES)
        return shapes.file_share(self._speak(ts), file=f"F0{self._dice.randrange(16**8):08X}", name=name)

    def _edit(self, ts: str) -> Event:
        original = self._pick()
        if original is None:
            return self._speak(ts)
        return shapes.edited(original, text=f"{original['text']} (edited)", ts=ts)

    def _delete(self, ts: str) -> Event:
        original = self._pick()
        if original is None:
            return self._speak(ts)
        self._said.remove(original)
        return shapes.deleted(original, ts=ts)

    def _react(self, ts: str) -> Event:
        original = self._pick()
        if original is None:
            return self._speak(ts)
        kind = "reaction_added" if self._dice.random() < 0.8 else "reaction_removed"
        who = self._member(self._channel_of(original))
        return shapes.reaction(kind, original, user=who, name=self._dice.choice(REACTIONS), ts=ts)

    def _pin(self, ts: str) -> Event:
        original = self._pick()
        if original is None:
            return self._speak(ts)
        kind = "pin_added" if self._dice.random() < 0.7 else "pin_removed"
        return shapes.pin(kind, original, user=self._member(self._channel_of(original)), ts=ts)

    def _come_or_go(self, ts: str) -> Event:
        channel = self._dice.choice(self._public)
        user = self._member(channel)
        team = self._workspace.team
        if self._dice.random() < 0.4:
            return shapes.membership("member_left_channel", channel, user=user, team=team, ts=ts)
        self._following.append(lambda then: shapes.channel_join(channel, user=user, ts=then))
        return shapes.membership("member_joined_channel", channel, user=user, team=team, ts=ts)

    def _type(self, _ts: str) -> Event:
        channel = self._dice.choice(self._workspace.channels)
        return shapes.typing(channel.id, self._member(channel))

    def _change_presence(self, _ts: str) -> Event:
        return shapes.presence(self._dice.choice(self._workspace.people).id, self._dice.choice(("active", "away")))

    def _say(self, channel: str, user: str, *, text: str, ts: str, thread_ts: str = "") -> Event:
        client_msg_id = str(uuid.UUID(int=self._dice.getrandbits(128), version=4))
        said = shapes.message(
            self._workspace,
            channel=channel,
            user=user,
            text=text,
            ts=ts,
            client_msg_id=client_msg_id,
            thread_ts=thread_ts,
        )
        self._said.append(said)
        return said

    def _pick(self) -> Event | None:
        return self._dice.choice(self._said) if self._said else None

    def _channel_of(self, said: Event) -> Channel:
        return self._workspace.channel(str(said["channel"])) or self._workspace.channels[0]

    def _member(self, channel: Channel) -> str:
        return self._dice.choice(channel.members[:-1])
