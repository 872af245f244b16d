"""`relay serve` that trusts one more certificate: `python -m benchmarks.trusting CA_FILE`, for callbacks over TLS to a
receiver of our own.
"""

from gevent import monkey

monkey.patch_all()

# ruff: noqa: E402  the patch comes before everything that it patches
import os
import sys
from dataclasses import replace

from relay.cli.running import Signals, report_for
from relay.deliver.post import PostOptions
from relay.service import Parts, Relay
from relay.settings import Settings, read_settings


class Trusting(Settings):
    def post_options(self) -> PostOptions:
        return replace(super().post_options(), ca_file=sys.argv[1])


def main() -> None:
    read = read_settings(os.environ)
    settings = Trusting.model_construct(read.model_fields_set, **dict(read))
    signals = Signals()
    with Relay(settings, Parts.WEB | Parts.WORK, report_for(settings)):
        signals.wait()


if __name__ == "__main__":
    main()
