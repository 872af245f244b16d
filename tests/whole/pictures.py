"""Pictures of the dashboard for the docs, by `python -m tests.whole.pictures`: people talk, one endpoint fails."""

from gevent import monkey

monkey.patch_all()

# ruff: noqa: E402  the patch comes before everything that it patches
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, expect

from relay.simulator.options import BOT_TOKEN, SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from tests.receivers import Answer, Receiver
from tests.servers import RedisServer
from tests.whole.browser import add_webhook, chromium, sign_in, visiting
from tests.whole.program import Program

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
TALK_MS = 20_000
"""How long the workspace talks before anybody looks."""


def take(browser: Browser, relay: Program, places: dict[str, str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    for dark in (False, True):
        with visiting(browser, relay.address, dark=dark) as page:
            sign_in(page)
            expect(page.get_by_role("heading", name="Overview")).to_be_visible()
            for name, path in places.items():
                page.goto(path)
                expect(page.get_by_role("heading").first).to_be_visible()
                page.wait_for_timeout(3000 if name == "live" else 300)
                page.screenshot(path=FOLDER / f"{name}-{'dark' if dark else 'light'}.png")


def main() -> None:
    with ExitStack() as stack:
        slack = stack.enter_context(SimulatedSlack(SimulatorOptions(rate=5)))
        good = stack.enter_context(Receiver())
        bad = stack.enter_context(Receiver(lambda got: Answer(500, b'{"error": "database is locked"}')))
        redis = stack.enter_context(RedisServer())
        env = {"SLACK_API_URL": slack.api_url, "SLACK_BOT_TOKEN": BOT_TOKEN, "REDIS_URL": redis.url}
        relay = stack.enter_context(Program("serve", env))
        relay.fact("connection_changed", status="connected")
        add_webhook(relay, good.url + "slack/events", events=["message", "reaction_added"], description="Search index")
        id = add_webhook(relay, bad.url + "hooks", description="On-call bot", retry_schedule=[])
        browser = stack.enter_context(chromium())
        browser.new_page().wait_for_timeout(TALK_MS)
        failed = relay.fact("attempt", verdict="dead")["delivery"]
        places = {"overview": "/", "webhooks": "/webhooks", "webhook": f"/webhooks/{id}", "events": "/events"}
        take(browser, relay, places | {"live": "/live", "delivery": f"/deliveries/{failed}"})


if __name__ == "__main__":
    main()
