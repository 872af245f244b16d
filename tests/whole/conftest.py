"""A relay as a process, what is around it, and a browser that looks at it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from relay.simulator.options import BOT_TOKEN, SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from tests.receivers import Receiver
from tests.whole.browser import chromium, sign_in, visiting
from tests.whole.program import Program


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def slack() -> Iterator[SimulatedSlack]:
    with SimulatedSlack(SimulatorOptions()) as slack:
        yield slack


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def relay(slack: SimulatedSlack, redis_url: str) -> Iterator[Program]:
    """`relay serve`, connected."""
    env = {"SLACK_API_URL": slack.api_url, "SLACK_BOT_TOKEN": BOT_TOKEN, "REDIS_URL": redis_url}
    with Program("serve", env) as relay:
        relay.fact("connection_changed", status="connected")
        yield relay


@pytest.fixture
def page(browser: Browser, relay: Program) -> Iterator[Page]:
    """Of somebody who has signed in."""
    with visiting(browser, relay.address) as page:
        sign_in(page)
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        yield page
