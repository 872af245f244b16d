"""Slack's Web API, as much of it as a bot needs: a table of methods, each from a call to its answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import time

from relay.simulator import shapes
from relay.simulator.census import Census
from relay.simulator.options import SimulatorOptions
from relay.simulator.quota import Quota
from relay.simulator.refusal import Refused
from relay.simulator.rtm import Rtm
from relay.simulator.socket_mode import SocketMode
from relay.simulator.stamps import Stamps
from relay.simulator.workspace import Event, Workspace

ERRORS = frozenset(
    """
    access_denied accesslimited account_inactive deprecated_endpoint ekm_access_denied enterprise_is_restricted
    fatal_error forbidden_team insecure_request internal_error invalid_arg_name invalid_array_arg invalid_auth
    invalid_charset invalid_form_data invalid_json invalid_post_type is_bot json_not_object method_deprecated
    migration_in_progress missing_args missing_post_type missing_scope no_permission not_allowed_token_type not_authed
    org_login_required ratelimited request_timeout service_unavailable team_added_to_org team_disabled token_expired
    token_revoked two_factor_setup_required unknown_method upgrade_required user_removed_from_team
    """.split()  # noqa: SIM905  # one block of words reads better than forty quoted ones
)
"""Words that a token may end in: `xoxb-token_revoked` is answered with `token_revoked`."""

LIMITED_FOR_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    method: str
    posted: bool
    arguments: Mapping[str, str]  # query, form and JSON in one; without the token
    token: str = field(repr=False)
    token_in_header: bool
    origin: str  # "ws://host:port", as the client sees us


class Methods:
    """`publish` is called with each event that a call causes."""

    def __init__(
        self, workspace: Workspace, options: SimulatorOptions, *, rtm: Rtm, socket_mode: SocketMode,
        stamps: Stamps, connect_quota: Quota, publish: Callable[[Event], None],
    ) -> None:  # fmt: skip
        self._workspace = workspace
        self._census = Census(workspace)
        self._options = options
        self._rtm = rtm
        self._socket_mode = socket_mode
        self._stamps = stamps
        self._publish = publish
        self._connect_quota = connect_quota
        self._table: dict[str, Callable[[Call], Event]] = {
            "api.test": self._test,
            "apps.connections.open": self._open_connection,
            "auth.test": self._who_am_i,
            "chat.postMessage": self._post_message,
            "rtm.connect": self._connect,
            "rtm.start": self._connect,  # since 2022 the same answer
        }

    def answer(self, call: Call) -> Event:
        """The answer. Raises Refused."""
        if call.method in self._census.methods:
            self._bot(call)
            return {"ok": True, **self._census.methods[call.method](call.arguments)}
        method = self._table.get(call.method)
        if method is None:
            raise Refused("unknown_method")
        return {"ok": True, **method(call)}

    def _test(self, call: Call) -> Event:
        if "error" in call.arguments:
            raise Refused(call.arguments["error"])
        return {"args": dict(call.arguments)}

    def _connect(self, call: Call) -> Event:
        self._bot(call)
        if call.token in self._options.granular_tokens:
            raise Refused("not_allowed_token_type")
        retry_after_s = self._connect_quota.spend(call.token, time())
        if retry_after_s is not None:
            raise Refused("ratelimited", retry_after_s=retry_after_s)
        workspace = self._workspace
        ticket = self._rtm.tickets.issue(
            call.token,
            time(),
            batch_presence_aware=_flag(call, "batch_presence_aware", default=False),
            presence_by_subscription=_flag(call, "presence_sub", default=True),
        )
        return {
            "url": f"{call.origin}/websocket/{ticket.id}?svn_rev=simulated",
            "self": {"id": workspace.bot_user, "name": workspace.bot_name},
            "team": {"id": workspace.team, "name": workspace.team_name, "domain": workspace.domain},
        }

    def _open_connection(self, call: Call) -> Event:
        if not call.posted:
            raise Refused("insecure_request")
        self._app(call)
        short_lived = _flag(call, "debug_reconnects", default=False)
        ticket = self._socket_mode.tickets.issue(call.token, time())
        suffix = "&debug_reconnects=true" if short_lived else ""
        return {"url": f"{call.origin}/link/?ticket={ticket.id}&app_id={self._workspace.app}{suffix}"}

    def _who_am_i(self, call: Call) -> Event:
        self._bot(call)
        workspace = self._workspace
        return {
            "url": f"https://{workspace.domain}.slack.com/",
            "team": workspace.team_name,
            "user": workspace.bot_name,
            "team_id": workspace.team,
            "user_id": workspace.bot_user,
            "bot_id": workspace.bot,
            "is_enterprise_install": False,
        }

    def _post_message(self, call: Call) -> Event:
        self._bot(call)
        channel = self._census.channel(call.arguments).id
        text = call.arguments.get("text", "")
        if not text and not call.arguments.get("blocks"):
            raise Refused("no_text")
        ts = self._stamps.next(time())
        extra: Event = {"thread_ts": call.arguments["thread_ts"]} if call.arguments.get("thread_ts") else {}
        said = shapes.bot_message(self._workspace, channel=channel, text=text, ts=ts, extra=extra)
        self._publish(said)
        return {
            "channel": channel,
            "ts": ts,
            "message": {key: said[key] for key in ("type", "user", "text", "bot_id", "ts")},
        }

    def _bot(self, call: Call) -> None:
        _admit(call, (*self._options.bot_tokens, *self._options.granular_tokens), wrong_kind="xapp-")

    def _app(self, call: Call) -> None:
        if not call.token_in_header:
            raise Refused("not_authed")
        _admit(call, self._options.app_tokens, wrong_kind="xox")


def _admit(call: Call, tokens: tuple[str, ...], *, wrong_kind: str) -> None:
    if not call.token:
        raise Refused("not_authed")
    if call.token in tokens:
        return
    word = call.token.rpartition("-")[2]
    if word in ERRORS:
        raise Refused(word, retry_after_s=LIMITED_FOR_S if word == "ratelimited" else None)
    raise Refused("not_allowed_token_type" if call.token.startswith(wrong_kind) else "invalid_auth")


def _flag(call: Call, name: str, *, default: bool) -> bool:
    """Clients spell booleans in many ways."""
    spelt = call.arguments.get(name)
    return default if spelt is None else spelt.lower() in ("1", "true", "t", "yes")
