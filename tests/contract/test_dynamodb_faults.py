"""What DynamoDB and the network do to a commit, at the HTTP layer of the real client."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from pipeline.deadline import NEVER
from pipeline.errors import CommitRefused, CorruptRow, StoreError
from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.hour.vector import Vector
from pipeline.hours import Span
from pipeline.ingest.commit import commit_batch
from pipeline.objects import ObjectRef
from pipeline.store.counted import Delta
from pipeline.store.dynamodb import DynamoStore
from pipeline.store.port import CommitResult
from tests.support import dynamodb_local
from tests.support.aggregates import hour_with
from tests.support.clock import Sleeper
from tests.support.deltas import Object, batch, commit, commit_each
from tests.support.dynamodb_faults import Faults, busy, cancelled

HOUR = 498_636
LONG = Object(
    ObjectRef("b", "long", "e"),
    {HOUR + n: hour_with(Vector(1), objects={HOUR + n - 1: 1}) for n in range(130)},
)
SHORT = Object(ObjectRef("b", "short", "e"), {HOUR: hour_with(Vector(5))})
EVENT = "after-call.dynamodb.TransactWriteItems"


@pytest.fixture
def table(dynamodb: Any) -> str:
    """A fresh table."""
    return dynamodb_local.new_table(dynamodb)


class Fault:
    """Loses the answer of the transactions with these numbers (from 1), after they were done."""

    def __init__(self, dynamodb: Any, *numbers: int) -> None:
        self.dynamodb = dynamodb
        self.numbers = numbers
        self.seen = 0

    def __call__(self, **_: Any) -> None:
        self.seen += 1
        if self.seen in self.numbers:
            raise ReadTimeoutError(endpoint_url="http://127.0.0.1")

    def __enter__(self) -> None:
        self.dynamodb.meta.events.register(EVENT, self)

    def __exit__(self, *_: object) -> None:
        self.dynamodb.meta.events.unregister(EVENT, self)


def total(store: DynamoStore, period: Any = "hour") -> HourlyAggregate:
    return merge(row.aggregate for row in store.read(["site"], [Span(period, None, None)]))


def test_a_commit_whose_answer_was_lost_is_not_done_twice(dynamodb: Any, table: str) -> None:
    """The client sees a timeout; the next delivery finds the object in the ledger."""
    store = DynamoStore(dynamodb, table)
    with Fault(dynamodb, 1), pytest.raises(StoreError, match="committing in table"):
        commit(store, SHORT)
    assert commit(store, SHORT).duplicates == (SHORT.ref,)
    assert total(store).totals.requests == 5


@pytest.mark.parametrize("lost", [1, 2, 12, 28])
def test_an_object_in_parts_is_resumed_where_it_stopped(
    dynamodb: Any, table: str, lost: int
) -> None:
    """After any part: the next delivery goes on from there, and no part counts twice."""
    store = DynamoStore(dynamodb, table)
    commit(store, SHORT)
    with Fault(dynamodb, lost), pytest.raises(StoreError):
        commit(store, LONG)
    done = commit_each(DynamoStore(dynamodb, table), LONG, SHORT)
    committed = [counted.ref for counted in done.committed]
    assert SHORT.ref in done.duplicates
    assert LONG.ref in (done.duplicates if lost == 28 else committed)
    assert total(store).totals.requests == total(store, "day").totals.requests == 135
    assert store.ledger([LONG.ref])[LONG.ref].state == "committed"


def test_an_object_in_parts_meets_another_content(dynamodb: Any, table: str) -> None:
    """Begun with one content, delivered with another: a conflict, and the first may still end."""
    store = DynamoStore(dynamodb, table)
    with Fault(dynamodb, 3), pytest.raises(StoreError):
        commit(store, LONG)
    other = Object(ObjectRef("b", "long", "other"), LONG.hours)
    assert commit(store, other).conflicts == (other.ref,)
    store.record_failure(LONG.ref, "the worker died")
    assert commit(store, LONG).committed
    assert total(store).totals.requests == 130


def test_parts_of_another_version_are_not_mixed(dynamodb: Any, table: str) -> None:
    """An object begun as another count of its bytes fails at once, and alone."""
    store = DynamoStore(dynamodb, table)
    with Fault(dynamodb, 2), pytest.raises(StoreError):
        commit(store, LONG)
    good = [replace(SHORT, ref=ObjectRef("b", f"good-{n}", "e")) for n in range(9)]
    hours = {HOUR + n: hour_with(Vector(1)) for n in range(150)}
    others = [{"hours": hours}, {"site": "another"}, {"hours": SHORT.hours}]
    for change in others:
        other = replace(LONG, **change)  # type: ignore[arg-type]
        with pytest.raises(CommitRefused, match="b/long is half committed"):
            commit(store, other)
        done = commit_each(store, other, *good)
        assert [ref for ref, _ in done.failed] == [LONG.ref]
        assert len(done.committed) + len(done.duplicates) == 9
    assert total(store).totals.requests == 10 + 9 * 5


def test_a_half_committed_object_is_committed_alone(dynamodb: Any, table: str) -> None:
    """Beside others it is refused, so that these need not wait for it."""
    store = DynamoStore(dynamodb, table)
    with Fault(dynamodb, 1), pytest.raises(StoreError):
        commit(store, LONG)
    few = replace(LONG, hours=SHORT.hours)
    assert commit(store, few, SHORT) == CommitResult(partial=(few.ref,))
    assert total(store).totals.requests == 5
    order: list[list[str]] = []

    def noted(delta: Delta) -> CommitResult:
        order.append([counted.ref.key for counted in delta.objects])
        return store.commit(delta, NEVER)

    done = commit_batch(batch(few, SHORT), noted)
    assert order == [["long", "short"], ["short"], ["long"]]
    assert [counted.ref for counted in done.committed] == [SHORT.ref]
    assert [ref for ref, _ in done.failed] == [few.ref]
    assert total(store).totals.requests == 10


def test_an_object_of_another_parser_is_not_finished(
    dynamodb: Any, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes may count otherwise since; it fails at once, not when the time is over."""
    store = DynamoStore(dynamodb, table)
    with Fault(dynamodb, 2), pytest.raises(StoreError):
        commit(store, LONG)
    monkeypatch.setattr("pipeline.store.dynamodb.commit.PARSER_VERSION", 99)
    sleeper = Sleeper()
    with pytest.raises(CommitRefused, match="half committed"):
        commit(store, LONG, deadline=sleeper.deadline(60))
    assert sleeper.slept == []


def test_a_row_that_others_keep_changing_is_given_up_in_time(dynamodb: Any, table: str) -> None:
    """It ends before its deadline and says what to do; nothing was written."""
    store = DynamoStore(dynamodb, table)
    sleeper = Sleeper()

    def change(**_: Any) -> None:
        dynamodb.meta.events.unregister("before-call.dynamodb.TransactWriteItems", change)
        commit(DynamoStore(dynamodb, table), rival(next(numbers)))
        dynamodb.meta.events.register("before-call.dynamodb.TransactWriteItems", change)

    numbers = iter(range(1000))

    def rival(number: int) -> Object:
        hours = {HOUR: hour_with(Vector(1))}
        return Object(ObjectRef("b", f"rival-{number}", "e"), hours)

    dynamodb.meta.events.register("before-call.dynamodb.TransactWriteItems", change)
    try:
        with pytest.raises(StoreError, match="raise the number of shards"):
            commit(store, SHORT, deadline=sleeper.deadline(20))
    finally:
        dynamodb.meta.events.unregister("before-call.dynamodb.TransactWriteItems", change)
    assert sleeper.now == pytest.approx(20)
    assert max(sleeper.slept) <= 2
    assert store.ledger([SHORT.ref]) == {}
    assert total(store).totals.requests == next(numbers)


def test_a_damaged_row_is_named_and_kept(dynamodb: Any, table: str) -> None:
    """It is neither read as something else nor overwritten."""
    store = DynamoStore(dynamodb, table)
    commit(store, SHORT)
    key = {"pk": {"S": "hour#site#0"}, "sk": {"S": "2026-11-19T12"}}
    damaged = {":blob": {"B": b"damaged"}}
    dynamodb.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET #aggregate = :blob",
        ExpressionAttributeNames={"#aggregate": "aggregate"},
        ExpressionAttributeValues=damaged,
    )
    other = replace(SHORT, ref=ObjectRef("b", "other", "e"))
    with pytest.raises(CorruptRow, match="site hour 2026-11-19T12"):
        commit(store, other)
    with pytest.raises(CorruptRow, match="site hour 2026-11-19T12"):
        total(store)
    item = dynamodb.get_item(TableName=table, Key=key)["Item"]
    assert item["aggregate"]["B"] == b"damaged"


def test_a_table_that_is_not_there_is_named(dynamodb: Any) -> None:
    """The message has the table, and what was being done."""
    store = DynamoStore(dynamodb, "no-such-table")
    with pytest.raises(StoreError, match="reading in table no-such-table"):
        store.meta()


def test_more_shards_than_before_lose_nothing_nor_do_fewer(dynamodb: Any, table: str) -> None:
    """Readers merge as many shards as were ever written."""
    for number, shards in enumerate((1, 8, 2)):
        DynamoStore(dynamodb, table).settle({"shards": shards})
        store = DynamoStore(dynamodb, table, {"shards": shards})
        for n in range(20):
            commit(store, replace(SHORT, ref=ObjectRef("b", f"{number}-{n}", "e")))
    assert total(store).totals.requests == 3 * 20 * 5
    assert total(DynamoStore(dynamodb, table)).totals.requests == 3 * 20 * 5


def test_a_note_waits_for_the_transaction_that_is_at_work_on_its_row(
    dynamodb: Any, table: str
) -> None:
    """A failure is noted once, though DynamoDB refuses single writes meanwhile; not for ever."""
    client = dynamodb_local.client(dynamodb.meta.endpoint_url)
    faults = Faults(client, "UpdateItem")
    store = DynamoStore(client, table, timeout=0.3)
    faults.plan(busy, busy)
    store.record_failure(SHORT.ref, "truncated")
    assert store.ledger([SHORT.ref])[SHORT.ref].attempts == 1
    faults.plan(*[busy] * 1000)
    with pytest.raises(StoreError, match="kept busy by commits"):
        store.record_failure(SHORT.ref, "truncated")


@pytest.mark.parametrize(
    "code", ["ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict"]
)
def test_a_commit_that_is_cancelled_for_the_moment_is_tried_again(
    dynamodb: Any, table: str, code: str
) -> None:
    """And is done then."""
    client = dynamodb_local.client(dynamodb.meta.endpoint_url)
    Faults(client).plan(cancelled(code), cancelled(code))
    store = DynamoStore(client, table)
    assert commit(store, SHORT).committed
    assert total(store).totals.requests == 5


@pytest.mark.parametrize("code", ["ValidationError", "ItemCollectionSizeLimitExceeded"])
def test_a_commit_that_is_cancelled_for_good_is_refused(
    dynamodb: Any, table: str, code: str
) -> None:
    """At once, with the reason: trying again gives the same answer."""
    client = dynamodb_local.client(dynamodb.meta.endpoint_url)
    Faults(client).plan(cancelled(code))
    store = DynamoStore(client, table)
    with pytest.raises(CommitRefused, match=code):
        commit(store, SHORT)
    assert store.ledger([SHORT.ref]) == {}
