"""`relay doctor`: what goes wrong in practice, looked at before it does. One line each; exit code 1 if anything is
broken.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from time import time

import click
from msgspec import Struct
from msgspec.structs import asdict
from rich.console import Console
from rich.text import Text

from relay.cli.running import plainly
from relay.core.complaints import complaint
from relay.core.errors import RelayError
from relay.settings import Settings, read_settings
from relay.slack.dial import Dialer
from relay.slack.web_api import Denied, Granted, Limited, Unreachable, WebApi
from relay.store.binary import NoServerError, find_server
from relay.store.client import Client
from relay.store.errors import StoreAway
from relay.store.server import Server, look_at

CLOCK_S = 60.0
"""Receivers refuse signatures that are five minutes old; a clock that is a minute off is on its way there."""

FULL = 0.8

COLOURS = {"ok": "green", "warning": "yellow", "broken": "red"}


class Finding(Struct, frozen=True):
    name: str
    grade: str  # ok, warning, broken
    sentence: str


@click.command(
    epilog="Example: REDIS_URL=redis://localhost SLACK_BOT_TOKEN=xoxb-… relay doctor",
    short_help="Look at Redis, the tokens and the secrets; say what is broken.",
)
@click.option("--json", "as_json", is_flag=True, help="For scripts: JSON instead of text.")
def doctor(*, as_json: bool) -> None:
    """Look at Redis, the tokens, the clock and the secrets; say what is broken and what to do.

    The exit code is 1 if anything is broken.
    """
    with plainly():
        settings = read_settings(os.environ)
    findings = list(_look(settings))
    if as_json:
        click.echo(json.dumps({"data": [asdict(finding) for finding in findings]}, indent=2, ensure_ascii=False))
    else:
        _show(findings)
    if any(finding.grade == "broken" for finding in findings):
        raise click.exceptions.Exit(1)


def _show(findings: Iterable[Finding]) -> None:
    console = Console(highlight=False)
    for finding in findings:
        grade = (f"{finding.grade:<8} ", COLOURS[finding.grade])
        console.print(Text.assemble(grade, (f"{finding.name:<16} ", "bold"), finding.sentence), soft_wrap=True)


def _look(settings: Settings) -> Iterator[Finding]:
    yield from _look_at_redis(settings)
    yield from _look_at_tokens(settings)
    yield _secret("admin token", "RELAY_ADMIN_TOKEN", settings, there=bool(settings.admin_token))
    yield _secret("secret key", "RELAY_SECRET_KEY", settings, there=bool(settings.secret_keys))


def _look_at_redis(settings: Settings) -> Iterator[Finding]:
    if not settings.redis:
        yield _embedded(settings)
        return
    client = Client(settings.store_options(settings.redis))
    try:
        server = look_at(client)
    except (StoreAway, RelayError, ValueError) as error:
        yield Finding(
            "redis", "broken", f"{error} Check REDIS_URL; for a self-signed certificate, RELAY_REDIS_TLS_VERIFY."
        )
        return
    finally:
        client.close()
    yield Finding("redis", "ok", f"it answers, version {server.version}")
    yield from _judge_redis(server)


def _judge_redis(server: Server) -> Iterator[Finding]:
    if not server.is_new_enough:
        yield Finding("redis version", "broken", f"{server.version} is too old: relay needs 6.2 or newer.")
    if server.persistent:
        yield Finding("persistence", "ok", "it writes to disk")
    elif server.persistent is None:
        yield Finding(
            "persistence", "warning", "it does not say whether it writes to disk; look at your provider's plan."
        )
    else:
        yield Finding("persistence", "broken", "a restart forgets everything: set appendonly yes.")
    if not server.eviction:
        yield Finding("eviction", "warning", "it does not say what it does when memory is full; look at your plan.")
    elif server.eviction != "noeviction":
        yield Finding(
            "eviction", "broken", f"{server.eviction} throws events away when memory is full: set noeviction."
        )
    else:
        yield Finding("eviction", "ok", "it throws nothing away")
    if server.limit_bytes and server.memory_bytes > FULL * server.limit_bytes:
        used = 100 * server.memory_bytes // server.limit_bytes
        yield Finding("memory", "warning", f"{used} % of maxmemory is in use: shorten RELAY_RETENTION or take more.")
    off_s = abs(server.clock - time())
    grade = "ok" if off_s < CLOCK_S else "broken"
    yield Finding(
        "clock",
        grade,
        f"this machine's and Redis' are {off_s:.1f} s apart"
        + ("" if grade == "ok" else ": receivers will refuse signatures; run NTP."),
    )


def _embedded(settings: Settings) -> Finding:
    try:
        server = find_server()
    except NoServerError as error:
        return Finding("redis", "broken", f"REDIS_URL is not set, and {error}")
    folder = settings.embedded_folder
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    if not os.access(there, os.W_OK) or not free:
        return Finding("redis", "broken", f"{folder} cannot be written: set RELAY_DATA_DIR.")
    return Finding("redis", "ok", f"embedded: {server}, in {folder}, {free >> 20} MiB free")


def _look_at_tokens(settings: Settings) -> Iterator[Finding]:
    if not settings.bot_token and not settings.app_token:
        yield Finding(
            "slack", "warning", "neither SLACK_BOT_TOKEN nor SLACK_APP_TOKEN is set: add a connection over the API."
        )
        return
    options = settings.slack_options()
    web = WebApi(options, Dialer(options))
    if settings.bot_token:
        yield _ask(web, "rtm.connect", settings.bot_token, name="bot token")
    if settings.app_token:
        yield _ask(web, "apps.connections.open", settings.app_token, name="app token")


def _ask(web: WebApi, method: str, token: str, *, name: str) -> Finding:
    """The very call that opens a connection: nothing else tells whether it is a token of the right kind."""
    match web.call(method, token):
        case Granted():
            return Finding(name, "ok", f"{method} takes it")
        case Denied() as denied:
            said = complaint(denied.word, denied.detail)
            return Finding(name, "broken", f"{said.word}: {said.sentence}")
        case Limited() as limited:
            return Finding(
                name, "warning", f"Slack limits {method} just now; ask again in {limited.retry_after_s:.0f} s."
            )
        case Unreachable() as away:
            return Finding(name, "broken", f"{away.word}: {away.detail}. Check SLACK_API_URL and the proxy.")


def _secret(name: str, variable: str, settings: Settings, *, there: bool) -> Finding:
    if there:
        return Finding(name, "ok", f"{variable} is set")
    if settings.on_loopback:
        return Finding(name, "warning", f"{variable} is not set; on loopback that will do.")
    return Finding(name, "broken", f"{variable} is not set, and {settings.host} can be reached from outside.")
