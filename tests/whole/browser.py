"""A real browser, headless, and what a person does in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, expect, sync_playwright

from relay.core.webhook import Json
from tests.servers import missing
from tests.whole.api import call
from tests.whole.program import ADMIN_TOKEN, Program

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 10_000
REFUSED = "Failed to load resource: the server responded with a status of 4"
"""What the browser notes of each answer that says no."""

expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        missing("Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visiting(browser: Browser, address: str, *, dark: bool = False, phone: bool = False) -> Iterator[Page]:
    """A page of a visitor of its own. Nothing may go wrong in its console."""
    size = {"width": 390, "height": 844} if phone else {"width": 1280, "height": 800}
    context = browser.new_context(
        base_url=address,
        color_scheme="dark" if dark else "light",
        locale="en-GB",
        permissions=["clipboard-read", "clipboard-write"],
        timezone_id="Asia/Tokyo",
        viewport=size,  # type: ignore[arg-type]  # its TypedDict
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    try:
        yield page
    finally:
        context.close()
    assert [said for said in complaints if not said.startswith(REFUSED)] == []


def sign_in(page: Page, token: str = ADMIN_TOKEN) -> None:
    page.goto("/sign-in")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def add_webhook(relay: Program, url: str, **settings: Json) -> str:
    """Its id."""
    made = call(relay.address, "POST /v1/webhooks", {"url": url, "events": ["message"], **settings})
    assert made.status == 201, made.body
    return str(made.body["id"])
