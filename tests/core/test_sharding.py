"""Where a connection lives, and what a webhook may do there."""

from math import isclose

from hypothesis import given, strategies as st

from relay.core.ids import ConnectionId, WebhookId
from relay.core.sharding import limits_on_a_shard, shard_of
from relay.core.webhook import SigningSecret, Webhook

SHARDS = st.integers(1, 1024)
CONNECTIONS = st.lists(st.text(min_size=1).map(ConnectionId), unique=True, max_size=30).map(tuple)


def test_a_connection_lives_where_it_always_lived() -> None:
    """These are stored: another answer is another place."""
    ids = [ConnectionId(name) for name in ("con_default", "con_default_socket", "con_0123456789abcdef")]
    assert [shard_of(id, 16) for id in ids] == [1, 6, 0]
    assert [shard_of(id, 1) for id in ids] == [0, 0, 0]


def test_connections_spread_evenly() -> None:
    counts = [0] * 16
    for number in range(10_000):
        counts[shard_of(ConnectionId(f"con_{number}"), 16)] += 1
    assert max(counts) < 1.2 * 10_000 / 16
    assert min(counts) > 0.8 * 10_000 / 16


@given(SHARDS, CONNECTIONS, st.integers(1, 1000), st.none() | st.floats(0.1, 1000))
def test_all_shards_together_allow_what_the_owner_did(
    shards: int, connections: tuple[ConnectionId, ...], max_in_flight: int, rate: float | None
) -> None:
    webhook = Webhook(
        id=WebhookId("wh_1"),
        url="https://example.com/",
        events=("*",),
        secrets=(SigningSecret(secret="whsec_x"),),
        connections=connections,
        max_in_flight=max_in_flight,
        rate_limit=rate,
    )
    parts = len({shard_of(connection, shards) for connection in connections}) or shards
    limits = limits_on_a_shard(webhook, shards)
    assert limits.max_in_flight >= 1
    assert max_in_flight <= limits.max_in_flight * parts < max_in_flight + parts
    assert isclose(limits.rate_limit * parts, rate or 0)


def test_a_webhook_of_one_connection_keeps_its_limits_whole() -> None:
    webhook = Webhook(
        id=WebhookId("wh_1"),
        url="https://example.com/",
        events=("*",),
        secrets=(SigningSecret(secret="whsec_x"),),
        connections=(ConnectionId("con_1"),),
        max_in_flight=10,
        rate_limit=5.0,
    )
    limits = limits_on_a_shard(webhook, 16)
    assert (limits.max_in_flight, limits.rate_limit) == (10, 5.0)
