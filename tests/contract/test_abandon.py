"""A half-committed object whose bytes are gone is taken back, exactly."""

from typing import Any

import pytest

from pipeline.errors import StoreError
from pipeline.ingest.ingest import Ingest
from pipeline.schema.dimensions import DEFAULT_CAPS
from pipeline.store.dynamodb import DynamoStore
from pipeline.store.generations import Days
from pipeline.upkeep.archive import export
from pipeline.upkeep.rebuild import abandon, rebuild, undo
from tests.contract.test_dynamodb_faults import Fault
from tests.contract.test_rebuild import BODIES, DAY, counted_alone, images, ingest, lines, ref
from tests.contract.test_rebuild_again import assert_sound
from tests.support import dynamodb_local

LONG = lines("/long", *(f"{day:02} {hour:02}:00" for day in range(15, 22) for hour in range(24)))
WEEK = Days(DAY - 5, DAY + 2)


@pytest.fixture(params=[1, 4])
def count(request: pytest.FixtureRequest, dynamodb: Any) -> Ingest:
    """The ingest of a store in which an object stopped after three of its parts."""
    table = dynamodb_local.new_table(dynamodb)
    store = DynamoStore(dynamodb, table, {"shards": request.param})
    count = ingest(store, BODIES | {"long": LONG})
    count([ref(key) for key in BODIES])
    with Fault(dynamodb, 3):
        assert count([ref("long")])[0].state == "failed"
    assert count.store.ledger([ref("long")])[ref("long")].state == "partial"
    assert images(store) != counted_alone(BODIES, *BODIES)
    return count


def test_an_abandoned_object_counts_nothing_for_good(count: Ingest) -> None:
    """Its parts are gone, the audit and the export are content, and it is not counted again."""
    store = count.store
    done = abandon(store, count.reader, ref("long"))
    assert (done.failed, done.forgotten, done.recounted) == ([], 1, len(BODIES))
    assert images(store) == counted_alone(BODIES, *BODIES)
    assert_sound(store)
    assert list(export(store, DEFAULT_CAPS))
    assert count([ref("long")])[0].state == "duplicate"
    rebuild(store, count.reader, WEEK)
    assert images(store) == counted_alone(BODIES, *BODIES)


def test_an_object_that_goes_on_while_it_is_abandoned(count: Ingest) -> None:
    """Its later parts go to the old rows alone: shown, it counts nothing; undone, all of it."""
    store = count.store
    whole = counted_alone(BODIES | {"long": LONG}, *BODIES, "long")
    delivered: list[str] = []

    def deliver() -> None:
        if not delivered:
            delivered.append(count([ref("long")])[0].state)

    rebuild(store, count.reader, WEEK, [ref("long")], on_object=deliver)
    assert delivered == ["committed"]
    assert images(store) == counted_alone(BODIES, *BODIES)
    assert_sound(store)
    assert count([ref("long")])[0].state == "duplicate"
    undo(store)
    assert images(store) == whole
    assert_sound(store)


def test_only_what_is_half_committed_is_abandoned(count: Ingest) -> None:
    """A whole object is forgotten by a rebuild, if that is meant; an unknown one is a mistake."""
    for key in ("first", "unknown"):
        with pytest.raises(StoreError, match="is not half committed"):
            abandon(count.store, count.reader, ref(key))
    assert count.store.meta().generations.latest == 0
