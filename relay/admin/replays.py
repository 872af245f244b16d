"""Replays: a stretch of time sent to one webhook again, by the workers, with its progress to look at."""

from typing import Literal

from pydantic import Field, model_validator

from relay.admin.endpoints import ALL, OWNERS, Answer, Asked, Call, Noun, Shown
from relay.admin.lists import PageQuery, read_cursor, write_cursor
from relay.admin.moments import AskedMoment, Moment, maybe_moment, moment
from relay.admin.problems import FieldError, conflict, invalid, not_found
from relay.admin.records import find
from relay.core.ids import ID_BYTES, ReplayId, replay_id
from relay.core.replay import Replay, ReplayState, Wanted

REPLAYS = Noun("Replays", "A stretch of time, sent to one webhook again.")

RUNNING_AT_ONCE = 20

WantedWord = Literal["dead", "missing", "all"]


class NewReplay(Asked):
    """What is to be sent again."""

    webhook: str = Field(max_length=64, description="its id")
    since: AskedMoment = Field(description="from this time", examples=["2026-01-31T12:00:00Z"])
    until: AskedMoment | None = Field(None, description="until before this time; else until now")
    status: WantedWord = Field(
        "dead",
        description="`dead`: deliveries that were given up; `missing`: events that the webhook wants now and never had "
        "a delivery of; `all`: both, and what was delivered",
    )

    @model_validator(mode="after")
    def _forwards(self) -> "NewReplay":
        if self.until is not None and self.until <= self.since:
            raise ValueError("until must be later than since")
        return self


class ReplayView(Shown):
    id: str
    webhook: str
    since: Moment
    until: Moment
    wanted: WantedWord
    status: Literal["running", "finished", "cancelled", "failed"]
    share: float = Field(description="how much of the stretch is done: 0 to 1")
    looked: int = Field(description="deliveries and events that were looked at")
    resent: int = Field(description="deliveries that are sent again")
    made: int = Field(description="deliveries that were missing")
    replayed: int = Field(description="both together")
    created_at: Moment
    ended_at: Moment | None


class ReplayPage(Shown):
    data: list[ReplayView]
    next_cursor: str | None


@REPLAYS.endpoint("POST /v1/replays", access=OWNERS, answers={202: ReplayView}, refusals=(404, 409))
def create(call: Call, body: NewReplay) -> Answer:
    """Start a replay.

    The workers do it from then on, whatever becomes of the caller; it survives their crashes too.
    """
    rooms, now = call.rooms, call.rooms.now()
    webhook = find(call, body.webhook)
    if body.since >= now:
        raise invalid(FieldError("since", "must be in the past"))
    if len(rooms.replays.running()) >= RUNNING_AT_ONCE:
        raise conflict("too_many_replays", f"At most {RUNNING_AT_ONCE} replays run at once; wait, or cancel one.")
    replay = Replay(
        id=replay_id(rooms.dice(ID_BYTES)),
        webhook=webhook.id,
        since=body.since,
        until=min(now, body.until or now),
        wanted=Wanted(body.status),
        created_at=now,
    )
    rooms.replays.start(replay)
    return Answer(status=202, body=_view(replay), headers={"Location": f"/v1/replays/{replay.id}"})


@REPLAYS.endpoint("GET /v1/replays", access=ALL, answers={200: ReplayPage}, refusals=(422,))
def index(call: Call, query: PageQuery) -> Answer:
    """List replays, newest first. To an owner's key, those of its webhooks."""
    before = None if query.cursor is None else ReplayId(read_cursor(query.cursor, 1)[0])
    page = call.rooms.replays.page(before, query.limit)
    cursor = write_cursor(page[-1].id) if len(page) == query.limit else None
    data = [_view(replay) for replay in page if call.may_see(replay.webhook)]
    return Answer(body=ReplayPage(data=data, next_cursor=cursor))


@REPLAYS.endpoint("GET /v1/replays/{id}", access=ALL, answers={200: ReplayView}, refusals=(404,))
def show(call: Call, id: str) -> Answer:
    """Show a replay and how far it is."""
    return Answer(body=_view(_find(call, id)))


@REPLAYS.endpoint("DELETE /v1/replays/{id}", access=OWNERS, answers={204: None}, refusals=(404, 409))
def delete(call: Call, id: str) -> Answer:
    """Cancel a replay; what it has sent on its way already goes on."""
    replay = _find(call, id)
    if not call.rooms.replays.end(replay.id, ReplayState.CANCELLED, call.rooms.now()):
        raise conflict("over", f"This replay is {_find(call, id).state} already.")
    return Answer(status=204)


def _find(call: Call, id: str) -> Replay:
    replay = call.rooms.replays.get(ReplayId(id))
    if replay is None or not call.may_see(replay.webhook):
        raise not_found("replay")
    return replay


def _view(replay: Replay) -> ReplayView:
    progress = replay.progress
    return ReplayView(
        id=replay.id,
        webhook=replay.webhook,
        since=moment(replay.since),
        until=moment(replay.until),
        wanted=replay.wanted.value,
        status=replay.state.value,
        share=round(progress.share, 3),
        looked=progress.looked,
        resent=progress.resent,
        made=progress.made,
        replayed=progress.resent + progress.made,
        created_at=moment(replay.created_at),
        ended_at=maybe_moment(replay.ended_at),
    )
