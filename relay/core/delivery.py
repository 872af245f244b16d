"""The life of one delivery, as a table: what the table does not hold cannot happen.

The store's scripts are given this very table (store/scripts.py), so Redis refuses what Python would refuse, and the
diagram in docs/concepts.md is drawn from it (`diagram`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct

from relay.core.ids import DeliveryId, EventId, WebhookId


class State(StrEnum):
    PENDING = "pending"  # waits for its first try
    SENDING = "sending"  # claimed; a lease runs
    RETRYING = "retrying"  # waits for its next try
    DELIVERED = "delivered"
    DEAD = "dead"  # given up; kept, visible, replayable
    HELD = "held"  # its webhook is disabled
    CANCELLED = "cancelled"


class Step(StrEnum):
    CLAIM = "claim"  # a worker takes it under a lease
    ACCEPT = "accept"  # the endpoint took it
    POSTPONE = "postpone"  # the endpoint did not; the schedule has another try
    GIVE_UP = "give_up"  # the schedule has none, or the answer forbids one
    LOSE = "lose"  # the lease ran out: its worker is gone
    GIVE_BACK = "give_back"  # its worker ends in order, before an answer came: no try, and no loss
    HOLD = "hold"  # the webhook is disabled
    DRAIN = "drain"  # the webhook is enabled again, and its owner wants what was held
    EXPIRE = "expire"  # held for longer than the retention
    CANCEL = "cancel"  # a person, or the removal of its webhook
    REPLAY = "replay"  # a person wants it sent again


OUTSTANDING = frozenset({State.PENDING, State.SENDING, State.RETRYING})
SETTLED = frozenset({State.DELIVERED, State.DEAD, State.CANCELLED})

TRANSITIONS: Mapping[State, Mapping[Step, State]] = {
    State.PENDING: {
        Step.CLAIM: State.SENDING,
        Step.HOLD: State.HELD,
        Step.CANCEL: State.CANCELLED,
    },
    State.SENDING: {
        Step.ACCEPT: State.DELIVERED,
        Step.POSTPONE: State.RETRYING,
        Step.GIVE_UP: State.DEAD,
        Step.LOSE: State.RETRYING,
        Step.GIVE_BACK: State.RETRYING,
        Step.HOLD: State.HELD,
        Step.CANCEL: State.CANCELLED,
    },
    State.RETRYING: {
        Step.CLAIM: State.SENDING,
        Step.HOLD: State.HELD,
        Step.CANCEL: State.CANCELLED,
        Step.GIVE_UP: State.DEAD,
        Step.REPLAY: State.PENDING,
    },
    State.HELD: {
        Step.DRAIN: State.PENDING,
        Step.EXPIRE: State.DEAD,
        Step.CANCEL: State.CANCELLED,
    },
    State.DELIVERED: {Step.REPLAY: State.PENDING},
    State.DEAD: {Step.REPLAY: State.PENDING},
    State.CANCELLED: {Step.REPLAY: State.PENDING},
}


class Reason(StrEnum):
    """Why a delivery is where it is, in one word, where its state alone does not say."""

    UNHANDLED = "unhandled"  # delivered: Bolt's own "no listener for this"
    EXHAUSTED = "exhausted"  # dead: the schedule has no further try
    NO_RETRY = "no_retry"  # dead: the answer said X-Slack-No-Retry
    REFUSED = "refused"  # dead: an address that we do not POST to
    GONE = "gone"  # held: 410
    LOST = "lost"  # dead: worker after worker ended while it held this one
    EXPIRED = "expired"  # dead: its event's retention ended first
    UNREADABLE = "unreadable"  # dead: its record or its webhook cannot be made into a POST


class Claim(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One delivery, lent to a worker until `lease_s` after the claim; only the fence's holder may settle it.

    The fields stand in the order in which scripts/claim.lua gives them.
    """

    sequence: int
    id: DeliveryId
    webhook: WebhookId
    event_id: EventId
    tries: int  # tries before this one in this round of the schedule
    losses: int  # leases that ran out before this one
    fence: int
    lease_s: float
    retry_reason: str = ""  # Slack's word for why the try before failed
    belated: bool = False  # it was held, or is sent again: how old its event is says nothing about us


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One delivery as people see it."""

    id: DeliveryId
    webhook: WebhookId
    event_id: EventId
    state: State
    tries: int
    created_at: float
    due_at: float | None = None
    settled_at: float | None = None
    reason: str = ""


def after(state: State, step: Step) -> State | None:
    """The state that `step` leads to from `state`, or None: it cannot be taken there."""
    return TRANSITIONS[state].get(step)


def diagram() -> str:
    """The table as a Mermaid state diagram, for the docs."""
    lines = ["stateDiagram-v2", "    [*] --> pending: fan out", "    [*] --> held: fan out, webhook disabled"]
    for state, steps in TRANSITIONS.items():
        lines += [f"    {state} --> {to}: {step.replace('_', ' ')}" for step, to in steps.items()]
    return "\n".join(lines)
