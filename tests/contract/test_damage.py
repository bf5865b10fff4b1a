"""A damaged cached answer is no answer: it is computed again, on every store."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.answer.cache import LEASE_SECONDS, Answer, Answers
from pipeline.answer.health import Findings
from pipeline.store.dynamodb import DynamoStore
from pipeline.store.dynamodb.items import cache_key
from pipeline.store.memory import MemoryStore
from pipeline.store.port import Store
from tests.support import dynamodb_local
from tests.support.api import ask, count, make_api
from tests.support.clock import FakeClock


def no_failure(error: Exception) -> None:
    raise AssertionError(error)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(body=st.binary(max_size=400) | st.binary(max_size=40).map(lambda end: b"z" + end))
def test_any_bytes_in_place_of_an_answer_are_no_answer(body: bytes, clock: FakeClock) -> None:
    """Whatever they are: it is computed, and cached in their place."""
    store = MemoryStore(clock=clock)
    answers = Answers(store, 300, clock, no_failure)
    store.put_cached("key", body, 300)
    assert answers.kept("key") is None
    assert answers.get("key", lambda _: Answer(b"computed")).answer.body == b"computed"
    kept = answers.kept("key")
    assert kept is not None
    assert kept.answer.body == b"computed"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(data=st.data(), size=st.sampled_from([10, 100_000]))
def test_an_answer_with_one_wrong_byte_is_no_answer(
    data: st.DataObject, size: int, clock: FakeClock
) -> None:
    """Compressed or not, at whatever place; neither is one that lacks its end."""
    store = MemoryStore(clock=clock)
    answers = Answers(store, 300, clock, no_failure)
    answers.get("key", lambda _: Answer(b"a" * size))
    cached = store.cached("key")
    assert cached is not None
    body = bytearray(cached.body)
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] ^= data.draw(st.integers(1, 255))
    store.put_cached("key", bytes(body), 300)
    assert answers.kept("key") is None
    store.put_cached("key", cached.body[:place], 300)
    assert answers.kept("key") is None
    store.put_cached("key", cached.body, 300)
    assert answers.kept("key") is not None


@pytest.mark.parametrize("body", [b"", b"z", b"not an answer", b"\x00" * 100])
def test_every_route_answers_over_a_damaged_cache(
    body: bytes, store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is cached is damaged: each answer is computed again, and no audit is told of."""
    count(store, clock, "a")
    put = store.put_cached
    monkeypatch.setattr(store, "put_cached", lambda key, _, ttl: put(key, body, ttl))
    api = make_api(store, clock)
    Findings(0, 0).keep(store)
    for route in ("summary", "timeseries", "top/path", "snapshot"):
        first, second = (ask(api, f"/metrics/{route}") for _ in range(2))
        assert (first.status, second.json) == (200, first.json)
        assert not second.json.get("meta", {}).get("cached")
    health = ask(api, "/metrics/health")
    assert health.status == 200
    checks = {check["name"]: check["status"] for check in health.json["health_status"]}
    assert (checks["ledger_gap"], checks["cache_age"]) == ("warn", "ok")
    status = ask(api, "/metrics/cache-status")
    assert (status.status, status.json["exists"]) == (200, False)


def computed_again(store: Store, clock: FakeClock) -> None:
    """Check that the answer and the lease of `key` are as good as none."""
    answers = Answers(store, 300, clock, no_failure, no_sleep)
    assert answers.get("key", lambda _: Answer(b"computed")).answer.body == b"computed"
    assert answers.kept("key") is not None


def no_sleep(seconds: float) -> None:
    raise AssertionError("nobody holds a lease")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    entry=st.binary(max_size=60)
    | st.tuples(
        st.none() | st.binary(max_size=9),
        *[st.floats(width=64), st.floats(width=64), st.text(max_size=4), st.floats(width=64)],
    ).map(msgspec.msgpack.encode)
)
def test_any_entry_in_a_local_cache_is_survived(entry: bytes, clock: FakeClock) -> None:
    """Other bytes, other moments: a lease that nobody can hold holds nobody up."""
    store = MemoryStore(clock=clock)
    with store._writing() as tables:
        tables.put_document("cache key", entry)
    fields = _fields(entry)
    if not (fields and fields[3] and 0 < fields[4] - clock().timestamp() <= 2 * LEASE_SECONDS):
        computed_again(store, clock)


def _fields(entry: bytes) -> Any:
    try:
        fields = msgspec.msgpack.decode(entry)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return fields if isinstance(fields, list) and len(fields) == 5 else None


@pytest.mark.parametrize(
    "item",
    [
        {"body": {"S": "text"}, "stored_at": {"S": "2026-11-23T12:00:00+00:00"}},
        {"body": {"B": b"x"}},
        {"body": {"B": b"x"}, "stored_at": {"S": "yesterday"}},
        {"body": {"B": b"x"}, "stored_at": {"N": "5"}},
        {"body": {"B": b"x"}, "stored_at": {"S": "2026-11-23T12:00:00"}},
        {"body": {"B": b"x"}, "expires": {"S": "never"}},
        {"owner": {"S": "somebody"}, "leased_until": {"S": "for ever"}},
        {"owner": {"S": "somebody"}, "leased_until": {"N": "99999999999"}},
        {"owner": {"N": "5"}},
    ],
)
def test_any_item_in_the_cache_of_a_table_is_survived(
    item: dict[str, Any], dynamodb: Any, clock: FakeClock
) -> None:
    """Attributes that are missing, or of another type; a lease that never ends."""
    table = dynamodb_local.new_table(dynamodb)
    expires = {"expires": {"N": "99999999999"}}
    with dynamodb_local.unchecked(dynamodb):
        dynamodb.put_item(TableName=table, Item={**cache_key("key"), **expires, **item})
    computed_again(DynamoStore(dynamodb, table, clock=clock), clock)
