"""Event selectors: the words in a webhook's `events`, and which kinds of event each one means.

| selector | means |
|---|---|
| `message` | that type, with every subtype |
| `message.message_changed` | that subtype alone |
| `channel_*` | a star stands for any letters; compared with the type |
| `message.channel_*` | with a dot, compared with type and subtype |
| `*` | every event that Slack's Events API also has |
| `**` | those, and what only RTM has: typing, presence, the bot's own markers and preferences |

A star does not *name* anything. Three families come only to those who name them: what only RTM has (`user_*` does not
bring `user_typing`), the relay's own events (`relay.connection_down`, or `relay.*`), and what people do in Slack's
dialogs (`slash_commands`, `interactive`, `interactive.block_*`), because those bodies are forms, may carry a trigger
that expires in three seconds, and may be answered: a receiver of events must not be surprised by one, `**` or not.
"""

import re
from functools import lru_cache

from relay.core.errors import RelayError
from relay.core.wildcard import Wildcard, read_wildcard

EVERYTHING_COMMON = "*"
EVERYTHING = "**"
SELECTOR_CHARS = 128

OWN_FAMILY = "relay"
DIALOG_FAMILIES = frozenset({"slash_commands", "interactive"})
_NAMED_FAMILIES = DIALOG_FAMILIES | {OWN_FAMILY}

# Frames that keep a session alive: never events (slack-wire, 3.2, "control").
CONTROL = frozenset({"hello", "goodbye", "reconnect_url", "team_migration_started", "error", "pong", "ping"})

# What RTM sends and the Events API does not have (slack-wire, 3.2).
RTM_ONLY = frozenset(
    {
        "accounts_changed",
        "activity",
        "apps_uninstalled",
        "badge_counts_updated",
        "bot_added",
        "bot_changed",
        "channel_joined",
        "channel_marked",
        "channel_updated",
        "commands_changed",
        "desktop_notification",
        "external_org_migration_finished",
        "external_org_migration_started",
        "file_private",
        "group_joined",
        "group_marked",
        "im_marked",
        "manual_presence_change",
        "mobile_in_app_notification",
        "mpim_close",
        "mpim_history_changed",
        "mpim_joined",
        "mpim_open",
        "pref_change",
        "presence_change",
        "sh_room_join",
        "sh_room_leave",
        "sh_room_update",
        "team_plan_change",
        "team_pref_change",
        "team_profile_change",
        "team_profile_delete",
        "team_profile_reorder",
        "thread_marked",
        "thread_subscribed",
        "thread_unsubscribed",
        "update_thread_state",
        "user_typing",
    }
)

# What the Events API calls its subscriptions to messages; on the wire each is a plain `message`.
_SUBSCRIPTIONS = {
    "message.app_home": "app_home",
    "message.channels": "channel",
    "message.groups": "group",
    "message.im": "im",
    "message.mpim": "mpim",
}
_SHAPE = re.compile(r"[a-z0-9_*]+(\.[a-z0-9_*]+)?", re.ASCII)


class InvalidSelector(RelayError):
    """A word in `events` that selects nothing."""


def check_selector(selector: str) -> None:
    """Raises InvalidSelector with a sentence for people, if `selector` can never mean an event."""
    if selector == EVERYTHING:
        return
    if len(selector) > SELECTOR_CHARS or not _SHAPE.fullmatch(selector) or "**" in selector:
        raise InvalidSelector(
            "a selector is an event's type such as message or message.bot_message (small letters, digits, _), "
            f"with * for any letters, or * or ** alone; at most {SELECTOR_CHARS} characters"
        )
    if selector in CONTROL:
        raise InvalidSelector(f"{selector} keeps a session alive and is never sent on")
    if selector in _SUBSCRIPTIONS:
        raise InvalidSelector(
            f"{selector} is the name of a subscription; its events are of type message: select message, "
            f'with the filter {{"event": {{"channel_type": ["{_SUBSCRIPTIONS[selector]}"]}}}}'
        )


def is_glob(selector: str) -> bool:
    """Whether only a look at the kind tells if `selector` means it; `*` and `**` are words of their own."""
    return "*" in selector and selector not in {EVERYTHING_COMMON, EVERYTHING}


def plain_selectors(kind: str) -> tuple[str, ...]:
    """Every selector that means `kind`, but for globs."""
    words = dict.fromkeys((kind, event_type(kind), EVERYTHING_COMMON, EVERYTHING))
    return tuple(word for word in words if selects(word, kind))


def selects(selector: str, kind: str) -> bool:
    """Whether `selector` means events of `kind`, an envelope's `type` or `type.subtype`."""
    type_ = event_type(kind)
    if type_ in CONTROL:
        return False
    if selector in {kind, type_}:
        return True
    if type_ in _NAMED_FAMILIES:
        return selector.startswith(f"{type_}.") and is_glob(selector) and _glob(selector).passes(kind)
    if selector == EVERYTHING:
        return True
    if "*" not in selector or type_ in RTM_ONLY:
        return False
    return selector == EVERYTHING_COMMON or _glob(selector).passes(kind if "." in selector else type_)


def event_type(kind: str) -> str:
    """`message` for `message.message_changed`."""
    return kind.partition(".")[0]


def is_own(kind: str) -> bool:
    """Whether `kind` is one of the relay's own events: they belong to no channel."""
    return event_type(kind) == OWN_FAMILY


@lru_cache(maxsize=4096)
def _glob(selector: str) -> Wildcard:
    return read_wildcard(selector)
