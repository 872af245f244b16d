"""`relay listen --forward URL`: Slack's events on a laptop, signed, from a relay that runs elsewhere."""

import os
from collections.abc import Sequence
from ipaddress import ip_network
from time import time
from typing import assert_never

import click
from msgspec import Struct
from rich.console import Console
from rich.text import Text

from relay import __version__
from relay.cli import options
from relay.cli.remote import Asker, remote
from relay.cli.showing import visible
from relay.cli.stream import Frame
from relay.core.callback import write_callback
from relay.core.delivery import Claim
from relay.core.envelope import Envelope, Media
from relay.core.ids import DeliveryId, EventId, WebhookId
from relay.core.outcome import Answered, Failed, Outcome, Refused
from relay.core.signing import SECRET_BYTES, make_secret, read_secret
from relay.core.webhook import Json, SigningSecret, Webhook
from relay.deliver.post import Poster, PostOptions, Request

ANYWHERE = tuple(ip_network(network) for network in ("127.0.0.0/8", "::1/128", "0.0.0.0/0", "::/0"))
"""The URL is the user's own, on the user's own machine."""
JOINT = ',"envelope":'
"""What stands ahead of the envelope's own bytes in a frame; docs/stream.md."""


class Forwarder(Struct, frozen=True, kw_only=True):
    poster: Poster
    webhook: Webhook

    def forward(self, frame: Frame) -> Outcome:
        """POST the event in `frame`, as its webhook would get it."""
        head = frame.part("event")
        envelope = Envelope(
            event_id=EventId(str(head["id"])),
            connection=None,
            kind=str(head["type"]),
            channel=str(head.get("channel") or ""),
            received_at=time(),
            body=_body(frame),
            media=Media(str(head.get("media", Media.JSON))),
        )
        claim = Claim(
            sequence=0,
            id=DeliveryId(f"listen_{envelope.event_id}"),
            webhook=self.webhook.id,
            event_id=envelope.event_id,
            tries=0,
            losses=0,
            fence=0,
            lease_s=0.0,
        )
        agent = f"slack-webhook-relay/{__version__}"
        headers, body = write_callback(self.webhook, envelope, claim, agent=agent, now=time())
        return self.poster.post(
            Request(url=self.webhook.url, headers=headers, body=body, timeout_s=self.webhook.timeout_s)
        )


@click.command(epilog="Example: relay listen --forward http://localhost:3000/slack/events --events message")
@click.option("--forward", "url", required=True, metavar="URL", help="Where the callbacks go.")
@options.events
@click.option("--webhook", metavar="ID", default="", help="Only what this webhook of the relay wants.")
@click.option("--secret", metavar="whsec_…", default="", help="To sign with; made and shown if it is not given.")
@remote
def listen(ask: Asker, /, *, url: str, events: Sequence[str], webhook: str, secret: str) -> None:
    """Forward live callbacks, signed, to a server on this machine."""
    secret = secret or make_secret(os.urandom(SECRET_BYTES))
    read_secret(secret)
    click.echo(f"Signing with {secret}", err=True)
    poster = Poster(PostOptions(allowed=ANYWHERE))
    target = Webhook(id=WebhookId("wh_listen"), url=url, events=("*",), secrets=(SigningSecret(secret=secret),))
    forwarder = Forwarder(poster=poster, webhook=target)
    console = Console(highlight=False)
    query = {"events": ",".join(events) or "*"} | ({"webhook": webhook} if webhook else {})
    try:
        for frame in ask.stream(query).frames():
            if frame.kind == "event" and frame.fields.get("envelope") is not None:
                outcome = forwarder.forward(frame)
                if ask.as_json:
                    ask.document(_fields(frame, outcome))
                else:
                    console.print(_line(frame, outcome), soft_wrap=True)
    finally:
        poster.close(0.0)


def _body(frame: Frame) -> bytes:
    """The very bytes that a webhook would get."""
    envelope = frame.fields["envelope"]
    if isinstance(envelope, str):  # a form
        return envelope.encode()
    return frame.text.split(JOINT, 1)[1][:-1].encode()


def _fields(frame: Frame, outcome: Outcome) -> dict[str, Json]:
    head = frame.part("event")
    told: dict[str, Json] = {"event": head.get("id"), "type": head.get("type")}
    if isinstance(outcome, Answered):
        return {**told, "status": outcome.status, "duration_ms": round(outcome.timing.total_s * 1000, 2)}
    return {**told, "status": None, "failure": _said(outcome)[0]}


def _line(frame: Frame, outcome: Outcome) -> Text:
    head = frame.part("event")
    return Text.assemble(f"{head.get('id')}  {head.get('type'):<26} ", _said(outcome))


def _said(outcome: Outcome) -> tuple[str, str]:
    """The server's answer in a few words, and their colour."""
    match outcome:
        case Answered():
            words = (
                str(outcome.status),
                f"{outcome.timing.total_s * 1000:.0f} ms",
                visible(outcome.excerpt[:80].decode("utf-8", "replace").replace("\n", " ")),
            )
            return "  ".join(words), "green" if 200 <= outcome.status < 300 else "red"
        case Failed():
            return f"{outcome.failure}: {outcome.detail}", "red"
        case Refused():
            return outcome.rule, "red"
        case _ as never:
            assert_never(never)
