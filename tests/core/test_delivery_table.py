"""The table of a delivery's life: what it must hold whatever is added to it."""

from relay.core.delivery import OUTSTANDING, SETTLED, TRANSITIONS, State, Step, after, diagram
from relay.core.ledger import Ledger


def test_every_state_can_be_reached_and_every_step_leads_somewhere() -> None:
    reached = {State.PENDING, State.HELD} | {to for steps in TRANSITIONS.values() for to in steps.values()}
    assert reached == set(State)
    assert {step for steps in TRANSITIONS.values() for step in steps} == set(Step)


def test_every_state_is_in_one_column_of_the_ledger() -> None:
    assert OUTSTANDING | SETTLED | {State.HELD} == set(State)
    assert not OUTSTANDING & SETTLED


def test_what_is_settled_moves_only_when_a_person_wants_it_sent_again() -> None:
    assert {step for state in SETTLED for step in TRANSITIONS[state]} == {Step.REPLAY}


def test_only_what_is_claimed_can_be_delivered() -> None:
    assert [state for state in State if after(state, Step.ACCEPT)] == [State.SENDING]
    assert {state for state in State if after(state, Step.CLAIM)} == OUTSTANDING - {State.SENDING}


def test_everything_that_is_not_settled_can_be_cancelled() -> None:
    assert {state for state in State if after(state, Step.CANCEL)} == set(State) - SETTLED


def test_the_diagram_shows_each_step() -> None:
    assert diagram().count("-->") == 2 + sum(map(len, TRANSITIONS.values()))


def test_ledgers_of_shards_add_up_and_still_close() -> None:
    one = Ledger(received=9, filtered=1, delivered=2, outstanding=3, held=1, dead=2, cancelled=1, events=9)
    two = Ledger(received=1, filtered=1, events=1)
    assert one.closes
    assert two.closes
    assert one + two == Ledger(
        received=10, filtered=2, delivered=2, outstanding=3, held=1, dead=2, cancelled=1, events=10
    )
    assert (one + two).closes
    assert not Ledger(received=1).closes
