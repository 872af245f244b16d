"""`relay simulate`: a Slack to develop against."""

import click

from relay.cli.running import Signals, plainly
from relay.simulator.options import SimulatorOptions
from relay.simulator.slack import SimulatedSlack


@click.command(
    epilog="Example: relay simulate --rate 5, and then SLACK_API_URL=http://127.0.0.1:9700/api/ relay serve",
    short_help="The simulated Slack alone, with traffic, and faults on request.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where it listens.")
@click.option("--port", default=9700, show_default=True, help="0 for a free one.")
@click.option("--rate", default=1.0, show_default=True, help="Events a second of traffic.")
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same workspace and traffic.")
def simulate(*, host: str, port: int, rate: float, seed: int) -> None:
    """The simulated Slack alone: Web API, RTM and Socket Mode, with believable traffic and faults on request."""
    with plainly():
        signals = Signals()
        options = SimulatorOptions(
            host=host, port=port, rate=rate, seed=seed, log=lambda line: click.echo(line, err=True)
        )
        slack = SimulatedSlack(options)
        slack.start()
        click.echo(f"SLACK_API_URL={slack.api_url}")
        click.echo(f"SLACK_BOT_TOKEN={options.bot_tokens[0]}  (RTM)")
        click.echo(f"SLACK_APP_TOKEN={options.app_tokens[0]}  (Socket Mode)")
        click.echo(f"bot_token={options.granular_tokens[0]}  (to post with, beside Socket Mode)")
        signals.wait()
        slack.stop()
