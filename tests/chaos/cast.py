"""Who plays: twenty webhooks of all manners, and what may be expected of each."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from relay.core.webhook import Json

CHANNELS = ("C0", "C1", "C2", "C3")
PATIENT = (0.5, 1.0, 1.0, 2.0, 2.0, 5.0, 5.0, 5.0, *(10.0,) * 60)
"""A schedule that outlasts any outage of an endpoint here."""
BRIEF = (0.2, 0.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    name: str
    manner: str  # how its endpoint behaves: see endpoints.py
    healthy: bool = True  # it takes everything in the end: nothing may be missing there
    settings: Mapping[str, object] = field(default_factory=dict)  # of the webhook
    channels: tuple[str, ...] = CHANNELS  # those that it wants
    ordered_by: str = ""  # "channel", "all"

    def written(self) -> dict[str, Json]:
        """What the endpoints and the checker are told."""
        known = asdict(self)
        del known["settings"]
        return known | {"channels": list(self.channels)}


CAST: tuple[Role, ...] = (
    Role(name="plain", manner="takes"),
    Role(name="second", manner="takes"),
    Role(name="cloudevents", manner="takes", settings={"format": "cloudevents"}),
    Role(name="one_channel", manner="takes", settings={"channels": ("C1",)}, channels=("C1",)),
    Role(
        name="filtered",
        manner="takes",
        settings={"filter": {"event": {"channel": ["C2", "C3"]}}},
        channels=("C2", "C3"),
    ),
    Role(name="one_at_a_time", manner="takes", settings={"max_in_flight": 1}),
    Role(name="limited", manner="takes", settings={"rate_limit": 100.0}),
    Role(name="by_channel", manner="takes", settings={"order": "channel"}, ordered_by="channel"),
    Role(name="by_order", manner="takes", settings={"order": "all"}, ordered_by="all"),
    Role(name="slow", manner="slow"),
    Role(name="drained", manner="takes"),  # disabled for a while, then enabled and drained
    Role(name="up_and_down", manner="flaps", settings={"retry_schedule_s": PATIENT}),
    Role(
        name="up_and_down_by_channel",
        manner="flaps",
        settings={"retry_schedule_s": PATIENT, "order": "channel"},
        ordered_by="channel",
    ),
    Role(name="asks_to_slow_down", manner="limits", settings={"retry_schedule_s": PATIENT}),
    Role(name="resets", manner="resets", settings={"retry_schedule_s": PATIENT}),  # every third request
    Role(name="silent", manner="hangs", healthy=False, settings={"retry_schedule_s": BRIEF}),
    Role(name="drips", manner="drips", healthy=False, settings={"retry_schedule_s": BRIEF}),
    Role(name="floods", manner="floods"),  # takes, and answers without end
    Role(name="refuses", manner="refuses", healthy=False, settings={"retry_schedule_s": BRIEF}),
    Role(name="gone", manner="gone", healthy=False),
)
