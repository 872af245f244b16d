"""How long to wait before the next try to connect: doubling, spread by dice, never before the time that Slack names."""

from msgspec import Struct


class Backoff(Struct, frozen=True, kw_only=True):
    first_s: float = 1.0
    cap_s: float = 60.0

    def wait_s(self, failures: int, *, dice: float, at_least_s: float = 0.0) -> float:
        """After `failures` failures in a row (1 is the first). `dice` in [0, 1) spreads a thousand connections that
        were cut at once.

        Slack's own `Retry-After` (`at_least_s`) is a floor; the dice come on top of it, or all that were told the
        same second come back in it.
        """
        ceiling = min(self.cap_s, self.first_s * 2.0 ** min(failures - 1, 30))
        return at_least_s + ceiling * (0.5 + dice / 2)


RECONNECT = Backoff()
SLOWLY = Backoff(first_s=30.0, cap_s=600.0)
"""For what heals in minutes or hours: a workspace on its way into an organisation, an error that we do not know."""
