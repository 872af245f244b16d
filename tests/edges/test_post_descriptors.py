"""A process that has run out of descriptors."""

import contextlib
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from relay.core.outcome import Answered, Failed
from tests.edges.endpoints import Endpoint, answering, post, poster_for


@contextmanager
def no_free_descriptor() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    hoard = [os.dup(0)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hoard[0] + 10, hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                hoard.append(os.dup(0))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in hoard:
            os.close(fd)


def test_running_out_of_descriptors_fails_the_posts_and_heals(no_descriptor_left: None) -> None:
    with Endpoint(answering()) as endpoint, poster_for() as poster:
        with no_free_descriptor():
            outcome = post(poster, endpoint.url, timeout_s=0.5)

        assert isinstance(outcome, Failed)
        assert "Too many open files" in outcome.detail
        assert isinstance(post(poster, endpoint.url), Answered)
