"""The events of RTM in the shapes that Slack gives them (captures and pages: slack-wire.md, sections 2.5 and 7.1).

Pure: whoever calls brings the time stamp and all that is by chance.
"""

from relay.core.webhook import Json
from relay.simulator.workspace import Channel, Event, Workspace


def message(
    workspace: Workspace, *, channel: str, user: str, text: str, ts: str, client_msg_id: str, thread_ts: str = ""
) -> Event:
    event: Event = {
        "client_msg_id": client_msg_id,
        "suppress_notification": False,
        "type": "message",
        "text": text,
        "user": user,
        "team": workspace.team,
        "user_team": workspace.team,
        "source_team": workspace.team,
        "blocks": rich_text(text),
        "channel": channel,
        "event_ts": ts,
        "ts": ts,
    }
    if thread_ts:
        event["thread_ts"] = thread_ts
    return event


def bot_message(workspace: Workspace, *, channel: str, text: str, ts: str, extra: Event | None = None) -> Event:
    """What our bot said."""
    profile: Event = {
        "id": workspace.bot,
        "app_id": workspace.app,
        "name": workspace.bot_name,
        "team_id": workspace.team,
    }
    return {
        "suppress_notification": False,
        "type": "message",
        "text": text,
        "user": workspace.bot_user,
        "team": workspace.team,
        "source_team": workspace.team,
        "bot_id": workspace.bot,
        "bot_profile": profile,
        "blocks": rich_text(text),
        **(extra or {}),
        "channel": channel,
        "event_ts": ts,
        "ts": ts,
    }


def rich_text(text: str) -> list[Json]:
    section: Event = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return [{"type": "rich_text", "block_id": "b1", "elements": [section]}]


def edited(original: Event, *, text: str, ts: str) -> Event:
    """`message_changed`: the outer stamp is the change's, the truth is inside."""
    before = _inner(original)
    marker: Event = {"user": original["user"], "ts": ts}
    after = {**before, "text": text, "blocks": rich_text(text), "edited": marker}
    return _hidden("message_changed", original, ts) | {"message": after, "previous_message": before}


def deleted(original: Event, *, ts: str) -> Event:
    return _hidden("message_deleted", original, ts) | {
        "deleted_ts": original["ts"],
        "previous_message": _inner(original),
    }


def replied(original: Event, reply: Event, *, ts: str) -> Event:
    """`message_replied`: what the head of a thread looks like after a reply."""
    replies: list[Json] = [{"user": reply["user"], "ts": reply["ts"]}]
    head = _inner(original) | {"thread_ts": original["ts"], "reply_count": 1, "replies": replies}
    return _hidden("message_replied", original, ts) | {"message": head}


def file_share(said: Event, *, file: str, name: str) -> Event:
    files: list[Json] = [{"id": file, "name": name, "mimetype": "text/plain", "filetype": "text", "mode": "hosted"}]
    return said | {"subtype": "file_share", "files": files, "upload": False}


def reaction(kind: str, original: Event, *, user: str, name: str, ts: str) -> Event:
    """`reaction_added` or `reaction_removed`."""
    return {
        "type": kind,
        "user": user,
        "reaction": name,
        "item_user": original["user"],
        "item": _pointer(original),
        "event_ts": ts,
    }


def pin(kind: str, original: Event, *, user: str, ts: str) -> Event:
    """`pin_added` or `pin_removed`."""
    pinned: Event = {"type": "message", "channel": original["channel"], "message": _inner(original), "created_by": user}
    return {"type": kind, "user": user, "channel_id": original["channel"], "item": pinned, "event_ts": ts}


def membership(kind: str, channel: Channel, *, user: str, team: str, ts: str) -> Event:
    """`member_joined_channel` or `member_left_channel`; the letter is Slack's own, in both APIs."""
    letter = channel.id[0]
    return {"type": kind, "user": user, "channel": channel.id, "channel_type": letter, "team": team, "event_ts": ts}


def channel_join(channel: Channel, *, user: str, ts: str) -> Event:
    return {
        "type": "message",
        "subtype": "channel_join",
        "user": user,
        "text": f"<@{user}> has joined the channel",
        "channel": channel.id,
        "event_ts": ts,
        "ts": ts,
    }


def typing(channel: str, user: str) -> Event:
    return {"type": "user_typing", "channel": channel, "user": user}


def presence(user: str, state: str) -> Event:
    return {"type": "presence_change", "user": user, "presence": state}


def _hidden(subtype: str, original: Event, ts: str) -> Event:
    return {
        "type": "message",
        "subtype": subtype,
        "hidden": True,
        "channel": original["channel"],
        "event_ts": ts,
        "ts": ts,
    }


def _pointer(original: Event) -> Event:
    return {"type": "message", "channel": original["channel"], "ts": original["ts"]}


def _inner(original: Event) -> Event:
    """A message as it is quoted inside another event."""
    return {
        key: value for key, value in original.items() if key not in ("channel", "event_ts", "suppress_notification")
    }
