"""The methods that read the workspace: who is there, in which conversations."""

from collections.abc import Callable, Mapping, Sequence

from relay.core.webhook import Json
from relay.simulator.refusal import Refused
from relay.simulator.workspace import Channel, ChannelKind, Event, Person, Workspace

Arguments = Mapping[str, str]

TYPES = {
    ChannelKind.PUBLIC: "public_channel",
    ChannelKind.PRIVATE: "private_channel",
    ChannelKind.DIRECT: "im",
    ChannelKind.GROUP_DIRECT: "mpim",
}
"""As `types` spells them (docs.slack.dev/reference/methods/users.conversations)."""

PAGE = 100
LARGEST_PAGE = 1000


class Census:
    """Each method: from the call's arguments to the answer. Raises Refused."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.methods: dict[str, Callable[[Arguments], Event]] = {
            "bots.info": self._show_bot,
            "conversations.info": self._show_channel,
            "conversations.list": self._list_channels,
            "conversations.members": self._list_members,
            "users.conversations": self._list_own_channels,
            "users.info": self._show_user,
            "users.list": self._list_users,
        }

    def channel(self, arguments: Arguments) -> Channel:
        """The one that is named."""
        channel = self._workspace.channel(arguments.get("channel", ""))
        if channel is None:
            raise Refused("channel_not_found")
        return channel

    def _show_channel(self, arguments: Arguments) -> Event:
        return {"channel": _channel(self.channel(arguments))}

    def _list_channels(self, arguments: Arguments) -> Event:
        return self._channels(self._workspace.channels, arguments)

    def _list_own_channels(self, arguments: Arguments) -> Event:
        """Of `user`, or our bot's."""
        user = arguments.get("user", self._workspace.bot_user)
        return self._channels([each for each in self._workspace.channels if user in each.members], arguments)

    def _channels(self, channels: Sequence[Channel], arguments: Arguments) -> Event:
        types = arguments.get("types", "public_channel").replace(" ", "").split(",")
        if not set(types) <= set(TYPES.values()):
            raise Refused("invalid_types")
        wanted = [channel for channel in channels if TYPES[channel.kind] in types]
        return _page("channels", [_channel(channel) for channel in wanted], arguments)

    def _list_members(self, arguments: Arguments) -> Event:
        return _page("members", list(self.channel(arguments).members), arguments)

    def _list_users(self, arguments: Arguments) -> Event:
        users = [_person(person, self._workspace.team) for person in self._workspace.people]
        return _page("members", [*users, self._bot_user()], arguments)

    def _show_user(self, arguments: Arguments) -> Event:
        wanted = arguments.get("user", "")
        if wanted == self._workspace.bot_user:
            return {"user": self._bot_user()}
        person = self._workspace.person(wanted)
        if person is None:
            raise Refused("user_not_found")
        return {"user": _person(person, self._workspace.team)}

    def _show_bot(self, arguments: Arguments) -> Event:
        workspace = self._workspace
        if arguments.get("bot", workspace.bot) != workspace.bot:
            raise Refused("bot_not_found")
        bot: Event = {
            "id": workspace.bot,
            "app_id": workspace.app,
            "user_id": workspace.bot_user,
            "name": workspace.bot_name,
            "deleted": False,
        }
        return {"bot": bot}

    def _bot_user(self) -> Event:
        workspace = self._workspace
        return {"id": workspace.bot_user, "name": workspace.bot_name, "team_id": workspace.team, "is_bot": True}


def _page(name: str, rows: Sequence[Json], arguments: Arguments) -> Event:
    """As Slack pages: `limit`, and a cursor that says nothing to anybody else."""
    limit, cursor = arguments.get("limit", str(PAGE)), arguments.get("cursor", "") or "0"
    if not (limit.isdecimal() and 0 < int(limit) <= LARGEST_PAGE):
        raise Refused("invalid_limit")
    if not cursor.isdecimal():
        raise Refused("invalid_cursor")
    start, end = int(cursor), int(cursor) + int(limit)
    return {
        name: list(rows[start:end]),
        "response_metadata": {"next_cursor": str(end) if end < len(rows) else ""},
    }


def _channel(channel: Channel) -> Event:
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": channel.kind is ChannelKind.PUBLIC,
        "is_group": channel.kind is ChannelKind.PRIVATE,
        "is_im": channel.kind is ChannelKind.DIRECT,
        "is_mpim": channel.kind is ChannelKind.GROUP_DIRECT,
        "is_private": channel.kind is not ChannelKind.PUBLIC,
        "is_archived": False,
        "is_member": True,
        "num_members": len(channel.members),
    }


def _person(person: Person, team: str) -> Event:
    profile: Event = {"real_name": person.real_name, "display_name": person.name}
    return {
        "id": person.id,
        "name": person.name,
        "team_id": team,
        "is_bot": False,
        "deleted": False,
        "profile": profile,
    }
