"""Every word with which Slack may refuse a connection, said over real sockets, and what becomes of it."""

from dataclasses import replace

import pytest

from relay.core.complaints import Cure, complaint
from relay.core.connection import Connection, ConnectionState, Kind
from relay.core.ids import ConnectionId
from relay.simulator.methods import ERRORS
from relay.simulator.options import SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from relay.store.turns import BURST
from tests.edges.slack_side import RTM, SlackSide
from tests.waiting import until

PREFIXES = {Kind.RTM: "xoxb", Kind.SOCKET_MODE: "xapp"}


def refused(worker: SlackSide, connection: Connection) -> ConnectionState:
    until(lambda: (state := worker.state(connection)) and state.error)
    state = worker.state(connection)
    assert state is not None
    return state


@pytest.mark.parametrize("kind", Kind)
def test_each_stops_the_connection_or_is_waited_out_with_its_word_and_a_sentence(redis_url: str, kind: Kind) -> None:
    """The simulator refuses a token with the word that it ends in."""
    named = {
        word: replace(RTM, id=ConnectionId(f"con_{word}"), kind=kind, token=f"{PREFIXES[kind]}-{word}")
        for word in ERRORS
    }
    with SimulatedSlack() as slack, SlackSide(redis_url, slack.api_url, *named.values()) as worker:
        for word, connection in named.items():
            status = "failed" if complaint(word).cure is Cure.PERSON else "connecting"
            state = refused(worker, connection)
            assert (state.error, state.status) == (word, status)
            assert state.explanation.startswith(complaint(word).sentence)
        assert not slack.lines


def test_restarts_of_many_never_ask_more_of_slack_than_the_budget_of_each_token(redis_url: str) -> None:
    tokens = [f"xoxb-many{number}" for number in range(5)]
    connections = [replace(RTM, id=ConnectionId(f"con_{token}"), token=token) for token in tokens]
    said: list[str] = []
    options = SimulatorOptions(bot_tokens=tuple(tokens), connects_per_minute=BURST, log=said.append)
    with SimulatedSlack(options) as slack:
        for _ in range(BURST):
            with SlackSide(redis_url, slack.api_url, *connections) as worker:
                for connection in connections:
                    worker.becomes("connected", connection)
        with SlackSide(redis_url, slack.api_url, *connections) as worker:
            for connection in connections:
                state = refused(worker, connection)
                assert (state.error, state.status) == ("ratelimited", "connecting")
        assert not [line for line in said if "ratelimited" in line]  # Slack never had to say so
