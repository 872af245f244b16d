"""The dashboard in a real browser: what people come for, on each of its pages."""

import re

from playwright.sync_api import Browser, Page, expect

from relay.simulator.slack import SimulatedSlack
from tests.receivers import Answer, Got, Receiver
from tests.whole.api import call
from tests.whole.browser import add_webhook, sign_in, visiting
from tests.whole.program import Program
from tests.whole.scene import speak


def test_a_webhook_is_added_and_gets_what_it_asked_for(page: Page, slack: SimulatedSlack, receiver: Receiver) -> None:
    speak(slack, "deploy finished")
    speak(slack, "lunch?")
    page.get_by_role("link", name="Webhooks", exact=True).click()
    page.get_by_role("button", name="Add webhook").click()
    sheet = page.get_by_role("dialog", name="Add webhook")
    sheet.get_by_label("URL", exact=True).fill(receiver.url)
    expect(sheet.get_by_text("Of the last 2 such events, 2 would be sent")).to_be_visible()
    sheet.get_by_label("Filter", exact=True).fill('{"event": {"text": [{"prefix": "deploy"}]}}')
    expect(sheet.get_by_text("Of the last 2 such events, 1 would be sent")).to_be_visible()
    sheet.get_by_label("Description").fill("Deploys")
    sheet.get_by_role("button", name="Add webhook").click()
    ready = page.get_by_role("dialog", name="Your webhook is ready")
    expect(ready.get_by_text("whsec_")).to_be_visible()
    ready.get_by_role("button", name="Done").click()
    expect(page.get_by_text("Deploys")).to_be_visible()
    page.get_by_role("button", name="Send test").click()
    test = page.get_by_role("dialog", name="Test")
    expect(test.get_by_text("200", exact=True)).to_be_visible()
    test.get_by_role("button", name="Close").click()
    speak(slack, "deploy finished again")
    expect(page.get_by_role("link", name="message")).to_be_visible()
    assert len(receiver.wait_for(2)) == 2


def test_a_wrong_field_says_so_beside_itself(page: Page) -> None:
    page.goto("/webhooks")
    page.get_by_role("button", name="Add webhook").click()
    page.get_by_label("URL", exact=True).fill("http://10.0.0.1/")
    page.get_by_label("Filter", exact=True).fill('{"event": {"text": "deploy"}}')
    page.get_by_role("dialog").get_by_role("button", name="Add webhook").click()
    expect(page.get_by_label("Filter", exact=True)).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Filter", exact=True).fill("")
    page.get_by_role("dialog").get_by_role("button", name="Add webhook").click()
    expect(page.get_by_label("URL", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("URL", exact=True)).to_be_focused()


def test_an_event_arrives_live_with_what_became_of_it(
    page: Page, slack: SimulatedSlack, relay: Program, receiver: Receiver
) -> None:
    add_webhook(relay, receiver.url)
    page.get_by_role("link", name="Live").click()
    expect(page.get_by_text("Watching")).to_be_visible()
    speak(slack, "is this thing on?")
    log = page.get_by_role("log")
    expect(log.get_by_text("is this thing on?")).to_be_visible(timeout=2000)
    expect(log.get_by_text("200", exact=True)).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    speak(slack, "said while nobody looks")
    expect(page.get_by_role("button", name=re.compile(r"Go on \(\d new\)"))).to_be_visible()
    expect(log.get_by_text("said while nobody looks")).not_to_be_visible()
    page.get_by_role("button", name=re.compile("Go on")).click()
    expect(log.get_by_text("said while nobody looks")).to_be_visible()
    page.get_by_role("button", name="Outcomes").click()
    expect(log.get_by_text("is this thing on?")).not_to_be_visible()
    page.get_by_role("button", name="Events", exact=True).click()
    log.get_by_role("link", name="is this thing on?").click()
    expect(page.get_by_role("heading", name="Where it went")).to_be_visible()


def test_a_failed_delivery_is_opened_and_sent_again(
    page: Page, slack: SimulatedSlack, relay: Program, receiver: Receiver
) -> None:
    receiver.answer = lambda got: Answer(500, b'{"error": "the database is on fire"}')
    id = add_webhook(relay, receiver.url, retry_schedule=[], headers={"X-Team": "secret-team"})
    speak(slack, "hello")
    relay.fact("attempt", verdict="dead")
    page.goto(f"/webhooks/{id}")
    page.get_by_role("button", name="Dead", exact=True).click()
    page.get_by_role("link", name="message").click()
    expect(page.get_by_text("Given up")).to_be_visible()
    expect(page.get_by_text('"the database is on fire"')).to_be_visible()
    page.get_by_text("Headers of the request").click()
    expect(page.get_by_text("x-slack-signature", exact=False).first).to_be_visible()
    expect(page.get_by_text("secret-team")).not_to_be_visible()
    receiver.answer = lambda got: Answer(200)
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("Delivered", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^2 200"))).to_be_visible()


def test_a_replay_shows_its_progress(page: Page, slack: SimulatedSlack, relay: Program, receiver: Receiver) -> None:
    broken = True

    def answer(_: Got) -> Answer:
        return Answer(500 if broken else 200)

    receiver.answer = answer
    id = add_webhook(relay, receiver.url, retry_schedule=[])
    for number in range(4):
        speak(slack, f"number {number}")
        relay.fact("attempt", verdict="dead")
    receiver.wait_for(4)
    broken = False
    page.goto(f"/webhooks/{id}")
    page.get_by_role("button", name="Replay").click()
    sheet = page.get_by_role("dialog", name="Replay")
    sheet.get_by_role("button", name="Replay").click()
    expect(sheet.get_by_text("Done: 4 deliveries sent again")).to_be_visible()
    expect(sheet.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "100")
    receiver.wait_for(8)


def test_a_secret_is_rotated(page: Page, relay: Program, receiver: Receiver) -> None:
    id = add_webhook(relay, receiver.url)
    page.goto(f"/webhooks/{id}")
    page.get_by_role("button", name="Rotate secret").click()
    sheet = page.get_by_role("dialog", name="Signing secret")
    before = sheet.get_by_text("whsec_").first.inner_text()
    sheet.get_by_label("The old secret still signs for").select_option("1h")
    sheet.get_by_role("button", name="Rotate the secret").click()
    expect(sheet.get_by_text("This is the new secret.")).to_be_visible()
    after = sheet.get_by_text("whsec_").first.inner_text()
    assert after != before
    expect(sheet.get_by_text("signs until")).to_be_visible()
    sheet.get_by_role("button", name="Copy the secret").click()
    assert page.evaluate("navigator.clipboard.readText()") == after
    said = call(relay.address, f"GET /v1/webhooks/{id}/secret")
    assert said.body["secret"] == after


def test_what_was_held_is_delivered_when_its_owner_wants(
    page: Page, slack: SimulatedSlack, relay: Program, receiver: Receiver
) -> None:
    id = add_webhook(relay, receiver.url)
    page.goto(f"/webhooks/{id}")
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_text("You disabled it.")).to_be_visible()
    speak(slack, "held")
    page.get_by_role("button", name="Enable and deliver what is held").click()
    receiver.wait_for(1)
    expect(page.get_by_text("You disabled it.")).not_to_be_visible()


def test_events_are_found_by_their_words(page: Page, slack: SimulatedSlack) -> None:
    for text in ("the needle is here", "hay", "more hay"):
        speak(slack, text)
    page.goto("/events")
    expect(page.get_by_role("row")).to_have_count(4)
    page.get_by_placeholder("Search the text").fill("NEEDLE")
    expect(page.get_by_role("row")).to_have_count(2)
    page.reload()
    expect(page.get_by_placeholder("Search the text")).to_have_value("NEEDLE")
    page.get_by_role("link", name="message the needle is here").click()
    expect(page.get_by_text("To no webhook")).to_be_visible()
    expect(page.get_by_text('"the needle is here"').first).to_be_visible()


def test_a_connection_says_in_plain_words_why_it_fails(page: Page) -> None:
    page.goto("/connections")
    page.get_by_role("button", name="Connect to Slack").click()
    page.get_by_label("Token").fill("xoxb-invalid_auth")
    page.get_by_label("Name").fill("acme")
    page.get_by_role("button", name="Connect", exact=True).click()
    card = page.locator("section", has=page.get_by_role("heading", name="acme"))
    expect(card.get_by_text("Slack does not know this token")).to_be_visible()
    card.get_by_role("button", name="Pause").click()
    expect(card.get_by_text("Stopped")).to_be_visible()
    card.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", name="acme")).not_to_be_visible()


def test_a_key_is_shown_once_and_revoked(page: Page, relay: Program, browser: Browser) -> None:
    page.goto("/keys")
    page.get_by_role("button", name="Make a key").click()
    page.get_by_label("Name").fill("ci")
    page.get_by_role("button", name="Make the key").click()
    made = page.get_by_role("dialog", name="The key is made")
    key = made.get_by_text(re.compile("^rk_")).inner_text()
    made.get_by_role("button", name="Done").click()
    assert call(relay.address, "GET /v1/webhooks", token=key).status == 200
    with visiting(browser, relay.address) as reader:
        sign_in(reader, key)
        expect(reader.get_by_role("heading", name="Overview")).to_be_visible()
        page.get_by_role("button", name="Revoke").click()
        page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        expect(page.get_by_text("No key yet")).to_be_visible()
        reader.goto("/webhooks")
        expect(reader.get_by_role("heading", name="Sign in to relay")).to_be_visible()
