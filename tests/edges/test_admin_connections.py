"""Connections over the API: made, shown, changed, removed; a token is never shown."""

from collections.abc import Iterator

import pytest

from relay.core.connection import ConnectionState, ConnectionStatus
from relay.core.ids import ConnectionId
from relay.core.webhook import Json
from tests.edges.desk import Desk, open_desk


@pytest.fixture
def desk(redis_url: str) -> Iterator[Desk]:
    with open_desk(redis_url) as desk:
        yield desk


def test_a_connection_is_made_changed_asked_for_a_new_socket_and_removed_and_its_token_never_shown(desk: Desk) -> None:
    token = "xoxb-hush-hush"
    made = desk.ask(
        "POST", "/v1/connections", {"kind": "rtm", "token": token, "name": "one", "options": {"presence_sub": ["U1"]}}
    )
    assert (made.status, made.body["status"], made.body["error"]) == (201, "connecting", None)
    path = made.headers["location"]
    id = ConnectionId(str(made.body["id"]))
    state = ConnectionState(
        status=ConnectionStatus.FAILED, since=1700000000, error="invalid_auth", explanation="It is."
    )
    desk.worker_says(id, state)
    shown = desk.ask("GET", path)
    assert (shown.body["status"], shown.body["error"], shown.body["explanation"]) == (
        "failed",
        "invalid_auth",
        "It is.",
    )
    changed = desk.ask("PATCH", path, {"name": "two", "options": {"batch_presence_aware": True}})
    assert changed.body["options"] == {"presence_sub": ["U1"], "batch_presence_aware": True}
    assert (changed.body["name"], changed.body["paused"]) == ("two", False)
    assert desk.ask("POST", f"{path}/reconnect").status == 202
    assert desk.notices.wait("0-0").renew == {id}
    kept = desk.connections.get(id)
    assert kept is not None
    assert kept.token == token
    listed = desk.ask("GET", "/v1/connections")
    assert [row["id"] for row in listed.rows] == [id]
    for said in (made, shown, changed, listed):
        assert token.encode() not in said.raw
    assert desk.ask("PATCH", path, {"name": "x"}, headers={"If-Match": '"0"'}).status == 412
    assert desk.ask("DELETE", path).status == 204
    assert desk.ask("GET", path).status == 404
    assert desk.ask("DELETE", path).status == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "carrier_pigeon"}, "kind"),
        ({"token": ""}, "token"),
        ({"token": "xoxb a"}, "token"),
        ({"token": "xapp-1"}, ""),
        ({"kind": "socket_mode"}, ""),
        ({"bot_token": "xoxb-2"}, ""),
        ({"kind": "socket_mode", "token": "xapp-1", "bot_token": "xapp-2"}, ""),
        ({"options": {"presence_sub": ["me"]}}, "options.presence_sub.0"),
        ({"options": {"colour": "red"}}, "options.colour"),
    ],
    ids=str,
)
def test_a_wrong_connection_is_refused(desk: Desk, wrong: dict[str, Json], field: str) -> None:
    said = desk.ask("POST", "/v1/connections", {"kind": "rtm", "token": "xoxb-1", **wrong})
    assert (said.status, list(said.wrong)) == (422, [field])
    assert desk.ask("GET", "/v1/connections").rows == []


def test_a_socket_mode_connection_may_have_a_bot_token_which_is_never_shown(desk: Desk) -> None:
    made = desk.ask("POST", "/v1/connections", {"kind": "socket_mode", "token": "xapp-1"})
    path = made.headers["location"]
    given = desk.ask("PATCH", path, {"bot_token": "xoxb-hush"})
    kept = desk.connections.get(ConnectionId(str(made.body["id"])))
    assert kept is not None
    assert (kept.token, kept.bot_token) == ("xapp-1", "xoxb-hush")
    taken = desk.ask("PATCH", path, {"bot_token": None})
    assert [said.body["can_post"] for said in (made, given, taken)] == [False, True, False]
    assert b"hush" not in given.raw + desk.ask("GET", path).raw
    wrong = desk.ask("PATCH", path, {"bot_token": "xapp-2"})
    assert (wrong.status, list(wrong.wrong)) == (422, ["bot_token"])


def test_a_webhook_may_name_a_connection_that_is_there(desk: Desk) -> None:
    made = desk.ask("POST", "/v1/connections", {"kind": "rtm", "token": "xoxb-1"})
    assert desk.made(connections=[made.body["id"]])["connections"] == [made.body["id"]]
