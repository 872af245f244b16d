"""What can go wrong between us and Redis, by what the caller does about it."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis import exceptions

from relay.core.errors import Away, RelayError


class StoreAway(Away):
    """Redis cannot be reached, or does not take writes now."""


class Conflict(RelayError):
    """Somebody else changed the record in between: read it again."""


class NotFound(RelayError):
    """There is no such record."""


@contextmanager
def translated() -> Iterator[None]:
    """redis-py's exceptions become ours at this border. A wrong command or script stays what it is: a bug.

    Away are: refused, reset and silent connections; LOADING, MASTERDOWN, CLUSTERDOWN, TRYAGAIN; READONLY (a replica
    after failover);
    OOM (noeviction); MISCONF (no disk for the append-only file); BUSY (somebody's endless script).
    """
    try:
        yield
    except (
        exceptions.ConnectionError,
        exceptions.TimeoutError,
        exceptions.ReadOnlyError,
        exceptions.OutOfMemoryError,
    ) as error:
        raise StoreAway(f"Redis is away: {error}") from error
    except (
        exceptions.BusyLoadingError,
        exceptions.ClusterDownError,
        exceptions.MasterDownError,
        exceptions.TryAgainError,
    ) as error:
        raise StoreAway(f"Redis is not ready: {error}") from error
    except exceptions.AskError as error:
        raise StoreAway(f"a shard is being moved to another master: {error}") from error
    except exceptions.ResponseError as error:
        if str(error).startswith(("MISCONF", "BUSY", "OOM", "READONLY", "LOADING", "NOREPLICAS", "UNBLOCKED")):
            raise StoreAway(f"Redis takes no writes: {error}") from error
        raise
