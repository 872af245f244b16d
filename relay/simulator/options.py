"""What a simulated Slack can be told at its start."""

from collections.abc import Callable
from dataclasses import dataclass, field

BOT_TOKEN = "xoxb-simulated"  # noqa: S105  # opens nothing but this simulator
GRANULAR_TOKEN = "xoxb-granular-simulated"  # noqa: S105  # of an app with granular scopes: all but RTM
APP_TOKEN = "xapp-simulated"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorOptions:
    host: str = "127.0.0.1"
    port: int = 0  # 0: a free one
    rate: float = 0.0  # events a second of traffic
    seed: int = 1  # the same seed makes the same workspace and, event by event, the same traffic
    people: int = 12
    channels: int = 6
    bot_tokens: tuple[str, ...] = field(default=(BOT_TOKEN,), repr=False)
    granular_tokens: tuple[str, ...] = field(default=(GRANULAR_TOKEN,), repr=False)
    app_tokens: tuple[str, ...] = field(default=(APP_TOKEN,), repr=False)
    remembered: int = 100_000  # how many emitted events are kept for comparison
    compress: bool = False  # accept permessage-deflate
    connects_per_minute: int | None = None  # of rtm.connect, by token; Slack's tier 1 is about 1
    drip_s: float = 0.05  # between two bytes of a frame that drips
    url_life_s: float = 30.0  # in which a WebSocket's URL must be used
    ack_s: float = 3.0  # in which a Socket Mode envelope must be acknowledged
    retries_s: tuple[float, ...] = (0.0, 60.0, 300.0)  # after which it is sent again (docs.slack.dev/apis/events-api)
    socket_life_s: float = 360.0  # of a Socket Mode connection opened with debug_reconnects=true
    socket_notice_s: float = 10.0  # the warning comes so long before
    log: Callable[[str], None] = field(default=lambda _: None, repr=False)
