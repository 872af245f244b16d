"""Health: whether the process lives, and whether it can work. Nobody needs a token to ask."""

from pydantic import Field

from relay.admin.endpoints import ANYONE, Answer, Call, Noun, Shown

HEALTH = Noun("Health", "For platforms and load balancers.")


class HealthView(Shown):
    status: str
    version: str


class CheckView(Shown):
    name: str
    ok: bool
    why: str | None = Field(description="what is wrong, in a plain sentence")


class ReadinessView(Shown):
    ready: bool
    checks: list[CheckView]


@HEALTH.endpoint("GET /healthz", access=ANYONE, answers={200: HealthView})
def alive(call: Call) -> Answer:
    """Whether the process answers at all."""
    return Answer(body=HealthView(status="ok", version=call.rooms.version))


@HEALTH.endpoint("GET /readyz", access=ANYONE, answers={200: ReadinessView, 503: ReadinessView})
def ready(call: Call) -> Answer:
    """Whether it can do its work: Redis answers, its loops turn, its connections are up."""
    readiness = call.rooms.ready()
    checks = [CheckView(name=each.name, ok=each.ok, why=each.why or None) for each in readiness.checks]
    status = 200 if readiness.ready else 503
    return Answer(status=status, body=ReadinessView(ready=readiness.ready, checks=checks))
