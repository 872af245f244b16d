"""Keeping a connection alive: which sockets are opened and let go, when, and how it is said to stand."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, strategies as st

from relay.core.backoff import RECONNECT, SLOWLY, Backoff
from relay.core.complaints import Cure, complaint
from relay.core.connection import ConnectionStatus
from relay.core.upkeep import STEADY_S, Deaf, Fading, Gone, Hears, LetGo, Note, Open, Order, Refused, Up, Upkeep

LOST = complaint("closed")
REVOKED = complaint("token_revoked")


@dataclass
class Told:
    """An upkeep with its clock, and all it ordered."""

    now: float = 0.0
    upkeep: Upkeep = field(default_factory=lambda: Upkeep(0.0))
    orders: list[Order] = field(default_factory=list)

    def wait(self, seconds: float) -> "Told":
        self.now += seconds
        self.orders += self.upkeep.tick(self.now)
        return self

    def note(self, note: Note) -> "Told":
        self.orders += self.upkeep.note(note, self.now, dice=0.0)
        return self

    def up(self, line: int = 1) -> "Told":
        return self.note(Up(line=line))

    def gone(self, line: int, *, heard_s_ago: float = 0.0) -> "Told":
        return self.note(Gone(line=line, complaint=LOST, heard_at=self.now - heard_s_ago))


def test_it_connects_at_once() -> None:
    told = Told().wait(0).up()
    assert told.orders == [Open(line=1), Hears(again=False)]
    assert told.upkeep.status is ConnectionStatus.CONNECTED


def test_a_fading_line_is_let_go_when_its_successor_is_up_and_not_before() -> None:
    told = Told().wait(0).up().wait(100).note(Fading(line=1))
    assert told.orders[2:] == [Open(line=2)]
    told.up(2)
    assert told.orders[3:] == [LetGo(line=1), Hears(again=True)]
    told.wait(5).gone(1)
    assert told.orders[5:] == []
    assert told.upkeep.status is ConnectionStatus.CONNECTED


def test_a_lost_line_leaves_us_deaf_since_its_last_sign_of_life() -> None:
    told = Told().wait(0).up().wait(100).gone(1, heard_s_ago=12.0)
    assert told.orders[2:] == [Deaf(since=88.0)]
    assert told.upkeep.status is ConnectionStatus.RECONNECTING
    assert told.upkeep.complaint == LOST
    told.wait(0.5).up(2)
    assert told.orders[3:] == [Open(line=2), Hears(again=True)]
    assert told.upkeep.complaint is None


def test_a_successor_that_fails_is_tried_again_while_the_old_line_still_stands() -> None:
    told = Told().wait(0).up().wait(100).note(Fading(line=1)).gone(2)
    assert told.upkeep.due_at is not None
    told.wait(10).up(3)
    assert told.orders[3:] == [Open(line=3), LetGo(line=1), Hears(again=True)]


def test_refusals_wait_longer_each_time_and_a_steady_line_starts_the_count_anew() -> None:
    told = Told().wait(0)
    waits = []
    for line in range(1, 9):
        told.note(Refused(line=line, complaint=complaint("fatal_error")))
        due_at = told.upkeep.due_at
        assert due_at is not None
        waits.append(due_at - told.now)
        told.wait(waits[-1])
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30]
    told.up(9).wait(STEADY_S).gone(9)
    assert told.upkeep.due_at == told.now + 0.5


def test_a_line_that_is_cut_soon_after_hello_counts_as_a_failure() -> None:
    told = Told().wait(0)
    for line in range(1, 5):
        told.up(line).wait(1).gone(line).wait(60)
    told.up(5).wait(1).gone(5)
    assert told.upkeep.due_at == told.now + 8


def test_slack_s_retry_after_is_a_floor() -> None:
    told = Told().wait(0).note(Refused(line=1, complaint=complaint("ratelimited"), retry_after_s=42))
    assert told.upkeep.due_at == 42.5
    told.wait(42.5).note(Refused(line=2, complaint=complaint("ratelimited"), retry_after_s=42))
    assert told.upkeep.due_at == 85.0  # to be limited is no failure: the wait does not grow


def test_what_a_person_must_cure_stops_it_with_slack_s_word() -> None:
    told = Told().wait(0).note(Refused(line=1, complaint=REVOKED)).wait(10_000)
    assert told.orders == [Open(line=1)]
    assert told.upkeep.status is ConnectionStatus.FAILED
    assert told.upkeep.complaint == REVOKED


def test_a_renewal_that_is_refused_for_good_costs_nothing_while_the_old_line_stands() -> None:
    told = Told().wait(0).up().note(Fading(line=1)).note(Refused(line=2, complaint=REVOKED))
    assert told.upkeep.status.value == "connected"
    told.wait(9).note(Gone(line=1, complaint=REVOKED, heard_at=told.now))
    assert told.upkeep.status is ConnectionStatus.FAILED


def test_a_person_s_wish_to_connect_anew_revives_what_has_failed() -> None:
    told = Told().wait(0).note(Refused(line=1, complaint=REVOKED)).wait(10)
    told.orders += told.upkeep.renew(told.now)
    assert told.orders == [Open(line=1), Open(line=2)]
    assert told.upkeep.status is ConnectionStatus.CONNECTING
    told.up(2)
    told.orders += told.upkeep.renew(told.now)
    assert told.orders[3:] == [Open(line=3)]


def test_a_migration_is_waited_for() -> None:
    told = Told().wait(0).up().note(Fading(line=1)).gone(1)
    told.note(Refused(line=2, complaint=complaint("migration_in_progress")))
    assert told.upkeep.status is ConnectionStatus.RECONNECTING
    assert told.upkeep.due_at is not None


@pytest.mark.parametrize(
    ("word", "cure"),
    [
        ("invalid_auth", Cure.PERSON),
        ("not_allowed_token_type", Cure.PERSON),
        ("missing_scope", Cure.PERSON),
        ("link_disabled", Cure.PERSON),
        ("migration_in_progress", Cure.WAIT),
        ("ratelimited", Cure.WAIT),
        ("team_added_to_org", Cure.WAIT_LONG),
        ("a_word_that_slack_invents_next_year", Cure.WAIT_LONG),
    ],
)
def test_slack_s_words_are_sorted_by_who_can_cure_them(word: str, cure: Cure) -> None:
    assert complaint(word).cure is cure
    assert complaint(word).word == word


@pytest.mark.parametrize("word", ["missing_scope", "not_allowed_token_type"])
def test_a_granular_token_is_told_of_socket_mode(word: str) -> None:
    assert "Socket Mode" in complaint(word, "needed scope: rtm:stream").sentence


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.floats(0, 600))
def test_a_wait_is_never_shorter_than_slack_asks_and_never_without_end(
    failures: int, dice: float, floor: float
) -> None:
    for backoff in (RECONNECT, SLOWLY, Backoff()):
        assert floor < backoff.wait_s(failures, dice=dice, at_least_s=floor) <= floor + backoff.cap_s


HAPPENINGS = st.one_of(
    st.tuples(st.just("wait"), st.floats(0, 100)),
    st.tuples(st.sampled_from(["up", "fading", "gone", "refused", "hopeless", "renew"]), st.floats(0, 1)),
)


@dataclass
class World:
    """Lines as Slack sees them, which do only what lines can do."""

    told: Told = field(default_factory=Told)
    opening: set[int] = field(default_factory=set)
    up: set[int] = field(default_factory=set)

    def happen(self, what: str, dice: float) -> None:
        before = len(self.told.orders)
        if what == "wait":
            self.told.wait(dice)
        elif what == "renew":
            self.told.orders += self.told.upkeep.renew(self.told.now)
        elif lines := sorted(self.up if what in ("fading", "gone") and self.up else self.opening):
            self._happen_to(lines[int(dice * (len(lines) - 1))], what)
        for order in self.told.orders[before:]:
            if isinstance(order, Open):
                self.opening.add(order.line)
            elif isinstance(order, LetGo):
                assert order.line in self.up

    def _happen_to(self, line: int, what: str) -> None:
        if what == "fading" and line not in self.up:
            return
        if what != "fading":
            self.opening.discard(line)
            self.up.discard(line)
        match what:
            case "up":
                self.up.add(line)
                self.told.up(line)
            case "fading":
                self.told.note(Fading(line=line))
            case "gone":
                self.told.gone(line)
            case _:
                self.told.note(Refused(line=line, complaint=REVOKED if what == "hopeless" else LOST))


@given(st.lists(HAPPENINGS, max_size=60))
def test_whatever_happens_it_waits_for_something_unless_a_person_must_act(happenings: list[tuple[str, float]]) -> None:
    """In any order of what lines can do, the machine never goes deaf, and never opens two at once."""
    world = World()
    for what, dice in happenings:
        world.happen(what, dice)
        upkeep = world.told.upkeep
        assert len(world.opening) <= 1
        waits = world.up or world.opening or upkeep.due_at is not None
        assert waits or upkeep.status is ConnectionStatus.FAILED
        assert (upkeep.status is ConnectionStatus.CONNECTED) == bool(world.up)
