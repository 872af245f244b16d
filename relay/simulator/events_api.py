"""An event of RTM as the Events API has it: what differs inside, and the envelope around it (slack-wire.md, 4.2, 7)."""

from relay.simulator.workspace import Event, Workspace

RTM_ONLY = frozenset({"user_typing", "presence_change", "goodbye", "hello", "reconnect_url", "pref_change"})
LEFT_OUT = frozenset({"suppress_notification", "source_team", "user_team"})
MENTION_KEYS = ("user", "text", "ts", "client_msg_id", "team", "blocks", "thread_ts", "channel", "event_ts")


def inner_events(event: Event, workspace: Workspace) -> list[Event]:
    """What a subscribed app gets for it: none, one, or a message and the mention in it."""
    if event.get("type") in RTM_ONLY:
        return []
    plain = {key: value for key, value in event.items() if key not in LEFT_OUT}
    if event.get("type") != "message":
        return [plain]
    channel = workspace.channel(str(event.get("channel", "")))
    if channel is not None:
        plain["channel_type"] = channel.kind.value
    if _mentions_bot(event, workspace):
        return [plain, {"type": "app_mention", **{key: event[key] for key in MENTION_KEYS if key in event}}]
    return [plain]


def envelope(event: Event, workspace: Workspace, *, number: int, now: float) -> Event:
    """The body of an Events API request; `number` makes its `event_id` unique."""
    authorization: Event = {
        "enterprise_id": None,
        "team_id": workspace.team,
        "user_id": workspace.bot_user,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    return {
        "token": "simulated-verification-token",
        "team_id": workspace.team,
        "context_team_id": workspace.team,
        "context_enterprise_id": None,
        "api_app_id": workspace.app,
        "event": event,
        "type": "event_callback",
        "event_id": f"Ev0{number:08X}",
        "event_time": int(now),
        "authorizations": [authorization],
        "is_ext_shared_channel": False,
        "event_context": f"1-{event.get('type')}-{workspace.team}-{event.get('channel', '')}",
    }


def _mentions_bot(event: Event, workspace: Workspace) -> bool:
    said_by_a_person = event.get("subtype") in (None, "file_share", "thread_broadcast") and "bot_id" not in event
    in_channel = not str(event.get("channel", "")).startswith("D")
    return said_by_a_person and in_channel and f"<@{workspace.bot_user}" in str(event.get("text", ""))
