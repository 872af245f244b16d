"""The parts that all measurements share: a load, an nginx, a checking receiver; a fresh relay and Redis for each."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.nginx import Nginx
from benchmarks.scene import SERVE, Books, CheckingReceiver, LoadingSlack, Relay, books_of, folder
from relay.store.embedded import EmbeddedRedis


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One relay at work."""

    relay: Relay
    redis: EmbeddedRedis
    books: Books


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    folder: Path
    slack: LoadingSlack
    nginx: Nginx
    receiver: CheckingReceiver

    @contextmanager
    def scene(self, *, program: Sequence[str] = SERVE) -> Iterator[Scene]:
        """A relay with an empty Redis that forgets nothing: appendonly, appendfsync always."""
        with ExitStack() as stack:
            place = Path(mkdtemp(dir=self.folder))
            redis = stack.enter_context(EmbeddedRedis(place))
            books = stack.enter_context(books_of(redis))
            ca_file = self.nginx.ca_file
            relay = Relay(self.folder, redis=redis.url, slack=self.slack, ca_file=ca_file, program=program)
            yield Scene(relay=stack.enter_context(relay), redis=redis, books=books)


@contextmanager
def staged() -> Iterator[Stage]:
    with ExitStack() as stack:
        place = stack.enter_context(folder())
        yield Stage(
            folder=place,
            slack=stack.enter_context(LoadingSlack(place)),
            nginx=stack.enter_context(Nginx(place)),
            receiver=stack.enter_context(CheckingReceiver(place)),
        )
