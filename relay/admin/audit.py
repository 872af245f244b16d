"""The audit list: who changed what, when, from where."""

from pydantic import Field

from relay.admin.endpoints import ADMINS, Answer, Call, Noun, Shown
from relay.admin.journals import BEFORE_ALL, Start, start_of
from relay.admin.lists import PageQuery, write_cursor
from relay.admin.moments import Moment, moment

AUDIT = Noun("Audit", "Who changed what, when, from where.")


class ActView(Shown):
    at: Moment
    who: str = Field(description="a key's id; `bootstrap` is the admin token")
    what: str = Field(description="the operation, by its `operationId`")
    target: str | None = Field(description="the id of what was changed")
    fields: list[str] = Field(description="which of its fields were named")
    address: str | None = Field(description="where the request came from")


class ActPage(Shown):
    data: list[ActView]
    next_cursor: str | None


@AUDIT.endpoint("GET /v1/audit", access=ADMINS, answers={200: ActPage}, refusals=(422,))
def index(call: Call, query: PageQuery) -> Answer:
    """List changes, newest first. Secrets that were shown are in it too. The newest 100,000 are kept."""
    start = start_of(query.cursor, None) if query.cursor else Start()
    before = start.of_shard(0)
    found = [] if before == BEFORE_ALL else call.rooms.audit.newest(before, query.limit)
    views = [
        ActView(
            at=moment(each.at),
            who=each.act.who,
            what=each.act.what,
            target=each.act.target or None,
            fields=list(each.act.fields),
            address=each.act.address or None,
        )
        for each in found
    ]
    cursor = write_cursor(found[-1].position, "0") if len(found) == query.limit else None
    return Answer(body=ActPage(data=views, next_cursor=cursor))
