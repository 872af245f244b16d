"""The command line as a client of the API: what it asks, what it shows, and what it says when it can't."""

import json
import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner, Result

from relay.cli import relay
from relay.core.connection import Connection, Kind
from relay.core.ids import ConnectionId
from relay.core.matching import Match
from relay.core.webhook import Json
from tests.edges.desk import TOKEN, Desk, open_desk
from tests.receivers import Answer, Got, Receiver

HERE = {"RELAY_ADMIN_TOKEN": TOKEN, "COLUMNS": "200"}


@pytest.fixture
def desk(redis_url: str) -> Iterator[Desk]:
    with open_desk(redis_url) as desk:
        yield desk


def typed(command: str, desk: Desk | None = None, *, answers: str = "", **env: str) -> Result:
    around = HERE | ({"RELAY_URL": desk.url} if desk else {}) | env
    return CliRunner().invoke(relay, command.split(), input=answers, env=around, prog_name="relay")


def said(command: str, desk: Desk) -> str:
    done = typed(command, desk)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def parsed(command: str, desk: Desk) -> dict[str, Json]:
    return dict(json.loads(said(f"{command} --json", desk)))


def commands(group: click.Group = relay, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(commands())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_and_each_of_its_options_is_explained(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    assert f"relay {name}" in str(command.epilog)
    assert [one.name for one in command.params if isinstance(one, click.Option) and not one.help] == []


def test_the_same_thing_has_the_same_name_everywhere() -> None:
    taken: dict[str, set[tuple[bool, str | None]]] = {}
    for command in COMMANDS.values():
        for one in command.params:
            if isinstance(one, click.Option):
                for word in one.opts:
                    taken.setdefault(word, set()).add((one.multiple, one.metavar))
    assert {word: shapes for word, shapes in taken.items() if len(shapes) > 1} == {}
    several = {word for word, shapes in taken.items() for multiple, _ in shapes if multiple}
    assert several == {"--events", "-e", "--channels", "--connections", "--webhooks", "--set"}


def test_every_command_of_webhooks_answers_in_json(desk: Desk) -> None:
    with Receiver(lambda got: Answer(body=got.body)) as receiver:  # an echo passes for an answer to the challenge
        made = parsed(f"webhooks add {receiver.url} -e message,reaction_* -e app_mention --channels C1,C2", desk)
        assert (made["events"], made["channels"]) == (["message", "reaction_*", "app_mention"], ["C1", "C2"])
        id = made["id"]
        assert parsed(f"webhooks secret {id}", desk)["secret"] == made["secret"]
        changed = parsed(f"webhooks update {id} --set order=channel --set timeout=5 --set reply=true", desk)
        assert (changed["order"], changed["timeout"], changed["reply"]) == ("channel", 5, True)
        assert parsed(f"webhooks show {id}", desk) == changed
        assert parsed(f"webhooks test {id}", desk)["status"] == 200
        assert parsed(f"webhooks verify {id}", desk)["verified"] is True
        assert parsed(f"webhooks rotate {id} --overlap 1h", desk)["old_secrets"]
        assert parsed(f"webhooks disable {id}", desk)["status"] == "disabled"
        assert parsed(f"webhooks enable {id}", desk)["status"] == "enabled"
        assert parsed(f"webhooks replay {id} --since 2020-01-01T00:00:00Z --no-wait", desk)["status"] == "running"
        assert len(parsed("webhooks list", desk)["data"]) == 1  # type: ignore[arg-type]  # a list
        assert parsed(f"webhooks remove {id} --yes", desk) == {}


def test_every_command_of_the_others_answers_in_json(desk: Desk) -> None:
    id = parsed("connections add --kind rtm --name acme --slack-token xoxb-1", desk)["id"]
    assert parsed("connections list", desk)["data"]
    for verb in ("show", "pause", "resume", "reconnect"):
        assert parsed(f"connections {verb} {id}", desk)["id"] == id
    assert parsed(f"connections remove {id} --yes", desk) == {}
    webhook = desk.made()["id"]
    key = parsed(f"keys add ci --scope owner --webhooks {webhook}", desk)
    assert (key["webhooks"], len(parsed("keys list", desk)["data"])) == ([webhook], 1)  # type: ignore[arg-type]  # a list
    assert parsed(f"keys remove {key['id']}", desk) == {}
    desk.store.append("Ev1")
    assert desk.store.fan_out(Match(webhook=webhook)) == "done"  # type: ignore[arg-type]  # its id
    assert parsed("events list --type message", desk)["data"]
    assert parsed("events show Ev1", desk)["id"] == "Ev1"
    delivery = parsed(f"deliveries list --webhook {webhook} --event Ev1", desk)["data"][0]["id"]  # type: ignore[index,call-overload]
    assert parsed(f"deliveries show {delivery}", desk)["id"] == delivery
    assert parsed(f"deliveries cancel {delivery}", desk)["status"] == "cancelled"
    assert parsed(f"deliveries retry {delivery}", desk)["status"] == "pending"
    assert parsed("events replay Ev1", desk)["deliveries"] == {webhook: delivery}


def test_a_list_is_read_page_after_page_as_far_as_it_is_wanted(desk: Desk) -> None:
    for number in range(205):
        desk.connections.add(Connection(id=ConnectionId(f"con_{number:03}"), kind=Kind.RTM, token="xoxb-1"))
    assert len(parsed("connections list --limit 203", desk)["data"]) == 203  # type: ignore[arg-type]  # a list


def test_what_others_have_written_does_not_command_the_terminal(desk: Desk) -> None:
    id = desk.made(description="\x1b[2J\x9b31m\u202etxt.exe\r\x07[bold]")["id"]
    for command in ("webhooks list", f"webhooks show {id}"):
        shown = said(command, desk)
        assert re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", shown) is None
        assert r"\u001b[2J\u009b31m\u202etxt.exe\u000d\u0007[bold]" in shown


def test_what_is_inside_of_something_is_shown_in_lines(desk: Desk) -> None:
    with Receiver(lambda got: Answer(503, b"no", (("X-A", "b"),))) as receiver:
        shown = said(f"webhooks test {desk.made(url=receiver.url, retry_schedule=[1, 2.5])['id']}", desk)
    assert "Content-Type: application/json" in shown
    assert "{" not in shown


def test_a_question_is_asked_before_anything_is_removed_and_not_where_the_answer_goes(desk: Desk) -> None:
    id = desk.made()["id"]
    refused = typed(f"webhooks remove {id}", desk, answers="n\n")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "Remove it?" in refused.stderr
    assert typed(f"webhooks remove {id}", desk, answers="y\n").stdout == f"Removed {id}.\n"


@pytest.mark.parametrize("id", ["../keys", "a?b=c", "a b", "wh_é", "%2e%2e", "{id}", "#"])
def test_an_id_is_one_whatever_it_holds(desk: Desk, id: str) -> None:
    done = CliRunner().invoke(relay, ["webhooks", "show", id], env={**HERE, "RELAY_URL": desk.url})
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: There is no")


def test_a_refusal_says_which_field_and_why_and_no_more(desk: Desk) -> None:
    refused = typed("webhooks add ftp://x", desk)
    assert (refused.exit_code, refused.stderr) == (1, "Error: url: the URL does not begin with https:// or http://\n")
    unknown = typed("webhooks list --token wrong", desk)
    assert (unknown.exit_code, "Set RELAY_ADMIN_TOKEN" in unknown.stderr) == (1, True)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("webhooks list --limit 0", "--limit"),
        ("webhooks add http://x --filter {", "--filter takes JSON"),
        ("webhooks add http://x --set timeout=[", "--set timeout takes JSON"),
        ("webhooks update wh_1", "nothing to change"),
        ("deliveries list --status gone", "'--status'"),
        ("webhooks list --token=", "RELAY_ADMIN_TOKEN"),
        ("worker --processes 0", "--processes"),
    ],
)
def test_a_wrong_command_is_said_to_be_one(command: str, said: str) -> None:
    refused = typed(command)
    assert refused.exit_code == 2
    assert said in refused.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_completion_for_each_shell(shell: str) -> None:
    assert f"_RELAY_COMPLETE={shell}_complete" in typed(f"completion {shell}").stdout


def test_who_is_no_relay_is_said_to_be_none(desk: Desk) -> None:
    for url, sentence in (
        ("relay.example.com", "begins with http"),
        ("http://127.0.0.1:1", "cannot be reached: Connection refused"),
        ("http://127.0.0.1:x", "cannot be reached"),
        (f"{desk.url}/docs", "There is nothing at this path."),
    ):
        refused = typed("webhooks list", RELAY_URL=url)
        assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
        assert sentence in refused.stderr
    for answer in (Answer(200, b"hello"), Answer(200, b"[]"), Answer(404, b"no"), Answer(500, b'{"a": 1}')):
        with Receiver(lambda _, answer=answer: answer) as receiver:  # type: ignore[misc]  # it has one parameter
            refused = typed("webhooks list", RELAY_URL=receiver.url)
            assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1), refused.stderr


def test_nobody_else_is_shown_the_token() -> None:
    with Receiver() as other:

        def elsewhere(_: Got) -> Answer:
            return Answer(302, b"", (("Location", other.url),))

        with Receiver(elsewhere) as receiver:
            assert typed("webhooks list", RELAY_URL=receiver.url).exit_code == 1
        assert other.got == []
