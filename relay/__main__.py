"""`python -m relay`, and the console script: gevent patches the standard library before anything else is imported."""

from gevent import monkey

monkey.patch_all()

from relay.cli import relay  # noqa: E402  # see above


def main() -> None:
    relay(prog_name="relay")


if __name__ == "__main__":
    main()
