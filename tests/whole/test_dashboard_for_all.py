"""The dashboard for everybody: by keyboard, on a phone, in the dark, in a zone of their own; and at once."""

import re
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, expect

from relay.simulator.slack import SimulatedSlack
from tests.receivers import Answer, Receiver
from tests.whole.browser import add_webhook, sign_in, visiting
from tests.whole.program import ADMIN_TOKEN, Program
from tests.whole.scene import speak

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
PAGES = ("/", "/webhooks", "/events", "/live", "/connections", "/keys")
SHIFTS = """
    window.shifted = 0;
    new PerformanceObserver((list) => {
      for (const shift of list.getEntries()) window.shifted += shift.value;
    }).observe({ type: "layout-shift", buffered: true });
"""


def test_times_are_the_viewer_s(page: Page, slack: SimulatedSlack) -> None:
    speak(slack, "what time is it?")
    page.goto("/events")
    stamp = page.locator("tbody time")
    expect(stamp).to_have_attribute("title", re.compile("Japan|GMT\\+9|JST"))


def test_it_works_by_keyboard_alone(page: Page, slack: SimulatedSlack) -> None:
    speak(slack, "first")
    page.keyboard.press("g")
    page.keyboard.press("e")
    expect(page.get_by_role("heading", name="Events")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(2)
    page.keyboard.press("/")
    expect(page.get_by_placeholder("Search the text")).to_be_focused()
    page.get_by_placeholder("Search the text").blur()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Payload")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_everybody_can_use_it(
    browser: Browser, relay: Program, slack: SimulatedSlack, receiver: Receiver, dark: bool, phone: bool
) -> None:
    receiver.answer = lambda got: Answer(503, b'{"error": "busy"}')
    id = add_webhook(relay, receiver.url, filter={"event": {"text": [{"exists": True}]}})
    speak(slack, "hello")
    delivery = relay.fact("attempt")["delivery"]
    event = relay.fact("attempt")["event"]
    with visiting(browser, relay.address, dark=dark, phone=phone) as page:
        page.goto("/sign-in")
        found = {"/sign-in": violations(page)}
        sign_in(page)
        for path in (*PAGES, f"/webhooks/{id}", f"/deliveries/{delivery}", f"/events/{event}"):
            page.goto(path)
            expect(page.get_by_role("heading").first).to_be_visible()
            found[path] = violations(page)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is too wide"
        page.goto("/webhooks")
        page.get_by_role("button", name="Add webhook").click()
        expect(page.get_by_text("Of the last 1 such events")).to_be_visible()
        page.get_by_text("More settings").click()
        found["the form"] = violations(page)
    assert {place: said for place, said in found.items() if said} == {}


def violations(page: Page) -> list[str]:
    """axe-core's findings: WCAG 2.2 A and AA, and good practice of serious weight."""
    page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished.catch(() => null)))")
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical", "moderate"}
        for node in one["nodes"]
    ]


def test_each_page_is_there_and_nothing_jumps(
    browser: Browser, relay: Program, slack: SimulatedSlack, receiver: Receiver
) -> None:
    add_webhook(relay, receiver.url)
    for number in range(30):
        speak(slack, f"number {number}")
    receiver.wait_for(30)
    with visiting(browser, relay.address) as page:
        page.add_init_script(SHIFTS)
        sign_in(page)
        for name in ("Webhooks", "Events", "Live", "Connections", "Keys", "Overview") * 2:
            page.get_by_role("link", name=name, exact=True).click()
            expect(page.get_by_role("heading", name=name, exact=True).first).to_be_visible()
        took = page.evaluate("performance.getEntriesByType('measure').map((one) => one.duration)")
        shifted = page.evaluate("window.shifted")
    assert len(took) >= 12
    assert shifted < 0.02


def test_signing_out_ends_it(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to relay")).to_be_visible()
    page.goto("/keys")
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("That token is not known here.")
    page.get_by_label("Token").fill(ADMIN_TOKEN)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
