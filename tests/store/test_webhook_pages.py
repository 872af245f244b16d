"""Pages of webhooks: newest first, and nothing skipped or repeated by what is added, changed or removed meanwhile."""

from dataclasses import replace

from relay.core.ids import WebhookId
from tests.store.filled import Filled, webhook


def test_webhooks_come_newest_first_and_page_by_page(filled: Filled) -> None:
    for number in range(5):
        filled.webhooks.add(webhook(f"wh_{number}"))
    first = filled.webhooks.page(None, 2)
    assert [each.id for _, each in first] == ["wh_4", "wh_3"]
    second = filled.webhooks.page(first[-1][0], 2)
    assert [each.id for _, each in second] == ["wh_2", "wh_1"]
    assert [each.id for _, each in filled.webhooks.page(second[-1][0], 2)] == ["wh_0"]


def test_what_is_added_changed_or_removed_meanwhile_skips_and_repeats_nothing(filled: Filled) -> None:
    made = [filled.webhooks.add(webhook(f"wh_{number}")) for number in range(4)]
    (birth, _), (last, _) = filled.webhooks.page(None, 2)
    assert birth > last
    filled.webhooks.add(webhook("wh_new"))
    filled.webhooks.change(replace(made[0], description="changed"))
    filled.webhooks.remove(WebhookId("wh_2"))
    assert [each.id for _, each in filled.webhooks.page(last, 2)] == ["wh_1", "wh_0"]
    assert [each.id for _, each in filled.webhooks.page(None, 10)] == ["wh_new", "wh_3", "wh_1", "wh_0"]
