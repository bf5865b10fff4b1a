"""Which requests to DynamoDB are consistent. DynamoDB Local always is: only requests can tell."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pipeline.hours import Span
from pipeline.store.dynamodb import DynamoStore
from pipeline.store.dynamodb.fences import SLOTS
from pipeline.store.generations import Days
from tests.contract.test_store import HOUR, counted, ref
from tests.support import dynamodb_local
from tests.support.deltas import commit

DAYS = Days(HOUR // 24, HOUR // 24 + 1)
Requests = dict[str, list[Any]]


@pytest.fixture
def client(dynamodb: Any) -> Any:
    """A client of its own, whose requests are recorded."""
    return dynamodb_local.client(dynamodb.meta.endpoint_url)


@pytest.fixture
def store(client: Any) -> DynamoStore:
    """A store that was written once."""
    store = DynamoStore(client, dynamodb_local.new_table(client))
    commit(store, counted("a", HOUR))
    return store


@contextmanager
def recorded(client: Any) -> Iterator[Requests]:
    """The parameters of the requests that are sent meanwhile, by operation."""
    requests: Requests = defaultdict(list)

    def note(params: Any, model: Any, **_: Any) -> None:
        requests[model.name].append(params)

    client.meta.events.register("provide-client-params.dynamodb", note)
    try:
        yield requests
    finally:
        client.meta.events.unregister("provide-client-params.dynamodb", note)


def consistent(params: Any) -> bool:
    """Whether all that a request reads is read consistently."""
    if "RequestItems" in params:
        return all(each.get("ConsistentRead") for each in params["RequestItems"].values())
    return bool(params.get("ConsistentRead"))


def test_whatever_a_commit_goes_by_is_read_consistently(client: Any, store: DynamoStore) -> None:
    """Its fences, its rows, the state, and the ledger: a stale one would lose what it misses."""
    other = DynamoStore(client, store._table.name)
    with recorded(client) as requests:
        other.agree()
        other.ledger([ref("a"), ref("b")])
        commit(other, counted("b", HOUR))
        other.visitor_key()
    reads = [*requests["BatchGetItem"], *requests["GetItem"], *requests["Query"]]
    assert len(requests["BatchGetItem"]) >= 3
    assert all(map(consistent, reads))


def test_state_and_whole_ledger_are_read_consistently(client: Any, store: DynamoStore) -> None:
    """A reader of an old state would look for rows that were deleted."""
    with recorded(client) as requests:
        store.meta()
        list(store.objects())
        store.cached("key")
    reads = [*requests["Query"], *requests["Scan"], *requests["GetItem"]]
    assert len(reads) == 3
    assert all(map(consistent, reads))


def test_rows_are_read_consistently_while_a_day_has_two_generations(
    client: Any, store: DynamoStore
) -> None:
    """Until the old rows are swept; at all other times a row may be a second old, at half the
    price."""

    def is_consistent() -> bool:
        meta = store.meta()
        with recorded(client) as requests:
            list(store.read(["site"], [Span("day", None, None)], meta))
        (params,) = requests["Query"]
        return consistent(params)

    assert not is_consistent()
    store.turn(lambda state: state.begin(DAYS))
    assert is_consistent()
    store.turn(lambda state: state.undo(1))
    assert is_consistent()
    store.sweep()
    assert not is_consistent()


def test_a_sweep_reads_rows_consistently(client: Any, store: DynamoStore) -> None:
    """Else it would leave rows that were just written, and call their days swept."""
    store.turn(lambda state: state.begin(DAYS))
    store.turn(lambda state: state.undo(1))
    with recorded(client) as requests:
        store.sweep()
    assert len(requests["Query"]) >= 3
    assert all(map(consistent, requests["Query"]))


def test_fences_are_stored_as_they_are(client: Any, store: DynamoStore) -> None:
    """Their number is a part of the format: an older process would look at others."""
    assert SLOTS == 8
    store.turn(lambda state: state.again())
    keys = [item["pk"]["S"] for item in client.scan(TableName=store._table.name)["Items"]]
    fences = {key for key in keys if key.startswith("fence#")}
    assert fences == {f"fence#site#0#{slot}" for slot in range(8)}
