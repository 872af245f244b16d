"""Changes to webhooks reach the shards, in whatever order and whoever dies on the way."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from relay.core.ids import WebhookId
from relay.core.ledger import Ledger
from relay.core.matching import Match
from relay.core.webhook import Status, Webhook
from relay.store.client import GLOBAL, Script
from relay.store.directory import Directory
from relay.store.errors import Conflict
from relay.store.reply import integer
from relay.store.vault import Vault
from relay.store.webhook_record import write_webhook
from relay.store.webhooks import Webhooks
from tests.store.audit import audit, read_books
from tests.store.filled import Filled, envelope, webhook

ONE = WebhookId("wh_1")


def save_and_die(filled: Filled, one: Webhook | None) -> int:
    """What a process does that is killed after it has written the record."""
    record = write_webhook(one, Vault(("a key",))) if one else ""
    return integer(filled.client.run(Script("save_webhook", shard=False), GLOBAL, (ONE, "", record)))


def gate(filled: Filled) -> Mapping[str, str]:
    return read_books(filled.client.redis).gates.get(ONE, {})


def test_news_that_come_late_are_no_news(filled: Filled) -> None:
    first = filled.webhooks.add(webhook("wh_1"))
    filled.webhooks.change(replace(first, status=Status.DISABLED))
    filled.webhooks.changes.tell(first)
    assert gate(filled)["status"] == "disabled"


def test_late_news_do_not_bring_back_who_was_removed(filled: Filled) -> None:
    first = filled.webhooks.add(webhook("wh_1"))
    filled.webhooks.remove(ONE)
    filled.claim()
    assert gate(filled)["status"] == "gone"
    filled.webhooks.changes.tell(first)
    assert gate(filled)["status"] == "gone"
    assert filled.deliveries.ledger() == Ledger()


def test_a_removal_may_be_told_before_the_birth(filled: Filled) -> None:
    born = save_and_die(filled, webhook("wh_1"))
    removed = save_and_die(filled, None)
    filled.webhooks.changes.tell_removed(ONE, removed)
    filled.webhooks.changes.tell(replace(webhook("wh_1"), version=born))
    assert gate(filled)["status"] == "gone"
    assert filled.deliveries.ledger() == Ledger()


def test_an_id_is_given_once(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    filled.webhooks.remove(ONE)
    with pytest.raises(Conflict):
        filled.webhooks.add(webhook("wh_1"))


def test_what_a_process_wrote_and_did_not_live_to_tell_is_told_by_another(filled: Filled) -> None:
    save_and_die(filled, webhook("wh_1"))
    filled.webhooks.add(webhook("wh_2"))  # whose version is newer
    assert gate(filled) == {}
    filled.webhooks.changes.mend()
    assert gate(filled)["status"] == "enabled"
    save_and_die(filled, None)
    filled.webhooks.changes.mend()
    filled.claim()
    assert gate(filled)["status"] == "gone"
    assert filled.client.redis.zcard("relay:{g}:untold") == 0


def test_a_webhook_that_the_shard_was_not_told_of_makes_fan_out_wait_or_is_passed_over(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_2"))
    save_and_die(filled, webhook("wh_1"))
    filled.append("Ev1")
    matches = [Match(webhook=ONE), Match(webhook=WebhookId("wh_2"))]
    assert filled.fan_out(*matches) == "stale"
    assert filled.fan_out(*matches, insist=True) == "done"
    assert len(filled.ids("wh_2")) == 1
    assert audit(filled.client.redis) == []


def test_a_shard_that_knows_more_than_the_records_is_believed(filled: Filled) -> None:
    made = filled.webhooks.add(webhook("wh_1"))
    filled.client.redis.set("relay:{g}:webhook_version", 0)  # a failover lost it
    directory = Directory(filled.webhooks)
    directory.mend()
    directory.refresh()
    assert directory.version == made.version
    assert directory.get(ONE) is not None


def test_a_webhook_whose_secrets_no_key_opens_is_still_matched(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    directory = Directory(Webhooks(filled.client, Vault(("another key",))))
    directory.refresh()
    assert [found.id for found in directory.matcher.match(envelope("Ev1"))] == ["wh_1"]
    found = directory.get(ONE)
    assert found is not None
    assert found.secrets == ()
