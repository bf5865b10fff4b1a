"""Rebuilds after, beside and against other rebuilds, on every store."""

import re
from typing import Any

import pytest

from pipeline.errors import StoreError
from pipeline.hours import ALWAYS
from pipeline.ingest.parsed import Reading
from pipeline.ingest.reader import Reader
from pipeline.store import rows
from pipeline.store.counted import RowKey
from pipeline.store.dynamodb import DynamoStore
from pipeline.store.generations import Days, Generations
from pipeline.store.port import Store
from pipeline.upkeep.audit import audit
from pipeline.upkeep.rebuild import confirm, rebuild, undo
from tests.contract.test_rebuild import (
    BODIES,
    DAY,
    DAYS,
    MODIFIED,
    counted_alone,
    images,
    ingest,
    lines,
    ref,
)
from tests.contract.test_store import HOUR, counted
from tests.contract.test_store import rows as kept
from tests.support import dynamodb_local
from tests.support.deltas import commit, delta
from tests.support.sources import BodySource

OTHERS = [key for key in BODIES if key != "first"]
BY_FOLDER = re.compile(r"^(?P<site>[a-z]+)/")


def assert_sound(store: Store) -> None:
    """The audit finds nothing."""
    audited = audit(store, ALWAYS, MODIFIED, sleep=lambda _: None)
    assert (audited.ledger_gap, audited.problems) == (0, [])


def test_a_forgotten_object_stays_forgotten(store: Store) -> None:
    """However often its days are rebuilt: in the counts, in the ledger, and for the audit."""
    count = ingest(store)
    count([ref(key) for key in BODIES])
    rebuild(store, count.reader, DAYS, [ref("first")])
    confirm(store)
    for keep in (confirm, undo, confirm):
        assert rebuild(store, count.reader, DAYS).recounted == 3
        keep(store)
        assert images(store) == counted_alone(BODIES, *OTHERS)
        assert_sound(store)
    entry = store.ledger([ref("first")])[ref("first")].as_read(store.meta().generations)
    assert (entry.state, entry.records) == ("forgotten", 0)
    assert count([ref("first")])[0].state == "duplicate"


def test_an_object_can_be_forgotten_by_a_rebuild_that_goes_on(store: Store) -> None:
    """Also if that has counted it already: then it begins again, without the object."""
    bodies = dict(BODIES)
    count = ingest(store, bodies)
    count([ref(key) for key in BODIES])
    whole = bodies["second"]
    bodies["second"] = whole[:-4]
    assert rebuild(store, count.reader, DAYS).failed
    bodies["second"] = whole
    assert rebuild(store, count.reader, DAYS, [ref("first")]).forgotten == 1
    confirm(store)
    assert images(store) == counted_alone(BODIES, *OTHERS)
    assert_sound(store)


def test_a_rebuild_shows_its_own_generation_alone(store: Store) -> None:
    """Somebody else undoes it and begins another one before it has counted anything: it fails,
    and nobody sees the other one's unfinished count."""
    count = ingest(store)
    count([ref(key) for key in BODIES])
    before = images(store)

    def meanwhile() -> None:
        if store.meta().generations.latest == 1:
            undo(store)
            store.turn(lambda state: state.begin(Days(DAY, DAY + 1)))

    with pytest.raises(StoreError, match="ended by somebody else"):
        rebuild(store, count.reader, DAYS, on_object=meanwhile)
    assert images(store) == before
    assert_sound(store)


def test_a_slow_sweep_leaves_the_next_rebuild_alone(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has read the generations when somebody else begins and shows the next rebuild. Only on
    DynamoDB is a sweep more than one transaction."""
    table = dynamodb_local.new_table(dynamodb)
    store = DynamoStore(dynamodb, table)
    count = ingest(store)
    count([ref(key) for key in BODIES])
    before = images(store)
    rebuild(store, count.reader, DAYS)
    pending = [lambda: rebuild(DynamoStore(dynamodb, table), count.reader, DAYS)]

    def slowly(key: RowKey, generations: Generations) -> bool:
        if pending:
            pending.pop()()
        return rows.is_over(key, generations)

    monkeypatch.setattr("pipeline.store.dynamodb.store.is_over", slowly)
    confirm(store)
    assert not pending
    for _ in range(2):
        assert images(store) == before
        assert_sound(store)
        if store.meta().generations.rebuild:
            confirm(store)


def test_a_rebuild_into_other_sites_takes_the_ledger_along(store: Store) -> None:
    """Rows, ledger and audit agree when the sites come from a pattern that was set later: while
    the rebuild is open, after it was undone, and after it is confirmed."""
    bodies = {"shop/a": lines("/x", "20 10:00", "20 11:00"), "blog/b": lines("/x", "20 10:00")}
    count = ingest(store, bodies)
    count([ref(key) for key in bodies])
    before = images(store)
    reader = Reader(BodySource(bodies, MODIFIED), Reading(), BY_FOLDER)
    rebuild(store, reader, DAYS)
    assert_sound(store)
    undo(store)
    assert images(store) == before
    assert_sound(store)
    rebuild(store, reader, DAYS)
    confirm(store)
    assert {site for site, _, _ in images(store)} == {"shop", "blog"}
    assert_sound(store)


def test_an_object_of_another_site_beyond_the_days_stands_in_the_way(store: Store) -> None:
    """Its rows on the other days would stay those of the old site."""
    bodies = {"shop/a": BODIES["across"]}
    ingest(store, bodies)([ref("shop/a")])
    reader = Reader(BodySource(bodies, MODIFIED), Reading(), BY_FOLDER)
    (failed,) = rebuild(store, reader, DAYS).failed
    assert "counted differently on 2026-11-19 too" in failed[1]


def test_rejected_lines_stay_in_the_row_that_is_not_rebuilt(store: Store) -> None:
    """An object that begins before the days keeps the rejected lines it has there."""
    bodies = {"long": lines("/x", "19 10:00", "20 10:00")}
    count = ingest(store, bodies)
    count([ref("long")])
    bodies["long"] = lines("/x", "19 10:00", "20 10:00", "20 xx:00")
    rebuild(store, count.reader, DAYS)
    assert_sound(store)
    confirm(store)
    assert_sound(store)


def test_a_rebuild_by_a_process_with_more_shards_is_seen_whole(dynamodb: Any) -> None:
    """The rows of its shards are read, and swept, by everybody."""
    table = dynamodb_local.new_table(dynamodb)
    bodies = {f"o{n}": lines("/x", f"20 {n:02}:00") for n in range(8)}
    store = DynamoStore(dynamodb, table)
    count = ingest(store, bodies)
    count([ref(key) for key in bodies])
    before = images(store)
    store.settle({"shards": 4})
    more = DynamoStore(dynamodb, table, {"shards": 4})
    for _ in range(3):
        rebuild(more, count.reader, DAYS)
        assert images(store) == before
        confirm(store)
        assert images(store) == before


def test_an_object_is_recounted_once_in_a_rebuild(store: Store) -> None:
    """Two processes may go on with the same rebuild: the second one finds it done."""
    one, other = counted("one", HOUR), counted("other", HOUR)
    commit(store, one, other)
    day = HOUR // 24
    begun = store.turn(lambda state: state.begin(Days(day, day + 1)))
    opened = begun.open_rebuild(begun.latest)
    assert store.recount(opened, delta(one)).committed
    assert store.recount(opened, delta(one)).duplicates == (one.ref,)
    assert store.recount(opened, delta(one, other)).duplicates == (one.ref,)
    assert store.recount(opened, delta(other)).committed
    store.turn(lambda state: state.show(opened.generation))
    assert kept(store, "hour")[RowKey("site", "hour", HOUR)].totals.requests == 2 * (HOUR % 7 + 1)
