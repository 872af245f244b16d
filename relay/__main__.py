"""`python -m relay`, and the console script: gevent patches the standard library before anything else is imported."""

import gc

from gevent import monkey

gc.disable()  # until the command has been imported: all of that stays, and to look through it took 60 ms of a start
monkey.patch_all()

from relay.cli import relay  # noqa: E402  # see above


def main() -> None:
    relay(prog_name="relay")


if __name__ == "__main__":
    main()
