"""What Slack's Web API says when it says no: whether waiting heals it, and a plain sentence for the person who can.

The words are from the pages of rtm.connect, apps.connections.open and auth.test, and from what official clients stop
on (slack-wire.md, 1.5).
"""

from enum import StrEnum

from msgspec import Struct


class Cure(StrEnum):
    WAIT = "wait"  # seconds
    WAIT_LONG = "wait_long"  # minutes, and worth a loud line
    PERSON = "person"  # waiting does not heal it


class Complaint(Struct, frozen=True, kw_only=True):
    word: str  # Slack's own, or one of ours
    sentence: str
    cure: Cure


_USE_SOCKET_MODE = (
    "Slack opens RTM only to classic bots; this token belongs to an app with granular scopes."
    " Use Socket Mode instead: an app-level token (xapp-…) in SLACK_APP_TOKEN or a connection of kind socket_mode."
)
_OUR_FAULT = "Slack could not read our request: a fault of the relay, or of a proxy that rewrites requests."

_PERSON = {
    "not_authed": "No token reached Slack. Set the connection's token; if it is set, a proxy may drop the header.",
    "invalid_auth": "Slack does not know this token, or refuses this network address. Check both.",
    "account_inactive": "The bot or its workspace has been removed. Install the app again and set the new token.",
    "token_revoked": "The token was revoked or the app uninstalled. Install the app again and set the new token.",
    "token_expired": "The token has run out. Set a new one, or switch token rotation off in the app.",
    "missing_scope": _USE_SOCKET_MODE,
    "not_allowed_token_type": _USE_SOCKET_MODE,
    "no_permission": "This token lacks the permission for the call. Ask an administrator of the workspace.",
    "is_bot": "Slack closes this call to this kind of bot.",
    "access_denied": "An administrator or a network restriction of the workspace refuses the call.",
    "accesslimited": "An administrator or a network restriction of the workspace refuses the call.",
    "ekm_access_denied": "The workspace's administrators have suspended access by their encryption keys.",
    "enterprise_is_restricted": "The token belongs to an organisation; the call wants one of a workspace.",
    "two_factor_setup_required": "The account must set up two-factor authentication first.",
    "forbidden_team": "The app is not allowed in this workspace.",
    "user_removed_from_team": "The bot user was removed from the workspace. Install the app again.",
    "team_disabled": "The workspace is disabled.",
    "deprecated_endpoint": "Slack has switched this call off. If it is rtm.connect, RTM is gone: use Socket Mode.",
    "method_deprecated": "Slack has switched this call off. If it is rtm.connect, RTM is gone: use Socket Mode.",
    "unknown_method": "Slack does not know this call. Check SLACK_API_URL.",
    "upgrade_required": "Slack asks for something newer than this call; it does not say what.",
    "link_disabled": "Socket Mode was switched off in the app's settings. Switch it on again, then reconnect.",
    "insecure_request": _OUR_FAULT,
    "missing_args": _OUR_FAULT,
    "invalid_arguments": _OUR_FAULT,
    "invalid_arg_name": _OUR_FAULT,
    "invalid_array_arg": _OUR_FAULT,
    "invalid_charset": _OUR_FAULT,
    "invalid_form_data": _OUR_FAULT,
    "invalid_post_type": _OUR_FAULT,
    "missing_post_type": _OUR_FAULT,
    "invalid_json": _OUR_FAULT,
    "json_not_object": _OUR_FAULT,
}

_WAIT = {
    "ratelimited": "Slack limits how often this call may be made; the relay waits as long as Slack asks.",
    "rate_limited": "Slack limits how often this call may be made; the relay waits as long as Slack asks.",
    "migration_in_progress": "The workspace is moving to another server at Slack; the relay keeps trying.",
    "service_unavailable": "Slack is not available at the moment; the relay keeps trying.",
    "fatal_error": "Slack had a fault of its own; the relay keeps trying.",
    "internal_error": "Slack had a fault of its own; the relay keeps trying.",
    "request_timeout": "The request was cut short on its way to Slack; the relay keeps trying. Look at the proxy.",
    "silent": "Slack stopped answering on an open connection; a new one is being opened.",
    "closed": "The connection to Slack ended; a new one is being opened.",
    "url_expired": "The address that Slack gave was used too late; a new one is being asked for.",
    "unreachable": "Slack can't be reached from here; the relay keeps trying.",
    "unreadable": "What answered is not Slack's Web API; the relay keeps trying. Look at SLACK_API_URL and the proxy.",
}

_WAIT_LONG = {
    "org_login_required": "The workspace is moving into an organisation; the relay keeps trying, slowly.",
    "team_added_to_org": "The workspace is joining an organisation; the relay keeps trying, slowly.",
    "too_many_websockets": "The app has more sockets open than Slack allows (ten). Stop other programs that use it.",
}


def complaint(word: str, detail: str = "") -> Complaint:
    """What to think of Slack's `word`. An unknown one is taken as healing, slowly, and named as it is."""
    for sentences, cure in ((_PERSON, Cure.PERSON), (_WAIT, Cure.WAIT), (_WAIT_LONG, Cure.WAIT_LONG)):
        if word in sentences:
            return Complaint(word=word, sentence=_joined(sentences[word], detail), cure=cure)
    unknown = f"Slack said `{word}`, which the relay does not know; it keeps trying, slowly."
    return Complaint(word=word, sentence=_joined(unknown, detail), cure=Cure.WAIT_LONG)


def _joined(sentence: str, detail: str) -> str:
    return f"{sentence} ({detail})" if detail else sentence
