"""A whole store as lines, from every kind of store to every other."""

import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StoreError
from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.vector import Vector
from pipeline.hours import Period
from pipeline.objects import ObjectRef
from pipeline.schema.dimensions import DEFAULT_CAPS
from pipeline.store.dynamodb import DynamoStore
from pipeline.store.generations import Days
from pipeline.store.ledger import LedgerEntry
from pipeline.store.memory import MemoryStore
from pipeline.store.port import Store
from pipeline.store.sqlite import SqliteStore
from pipeline.upkeep.archive import BadArchive, export, restore
from tests.contract.test_store import HOUR, counted, ref, rows
from tests.support import dynamodb_local
from tests.support.aggregates import hour_with
from tests.support.deltas import Object, commit

PERIODS: tuple[Period, Period] = ("hour", "day")


def exported(store: Store) -> bytes:
    return b"".join(export(store, DEFAULT_CAPS))


def content(lines: bytes) -> list[bytes]:
    """The objects and the rows; what is visible of them is a setting of each store."""
    return [line for line in lines.splitlines() if line.startswith((b'{"object"', b'{"row"'))]


def filled(store: Store) -> Store:
    """A store with something of every kind in it."""
    for n in range(5):
        commit(store, counted(f"o{n}", HOUR + n, HOUR + n + 1, site=f"site {n % 2}"))
    store.record_failure(ref("bad ☃"), "truncated")
    store.record_conflict(ref("o1", "e2"))
    return store


def test_what_is_exported_and_imported_is_exported_again(store: Store) -> None:
    """By way of another store: ledger, rows and key, to the byte."""
    first = exported(filled(store))
    other = MemoryStore()
    assert restore(io.BytesIO(first), lambda: other) == (6, 12)
    assert exported(other) == first
    assert other.visitor_key() == store.visitor_key()
    again = counted("o1", HOUR + 1, HOUR + 2)
    assert commit(other, again).duplicates == (again.ref,)


def test_an_export_has_every_row_once_and_whole(store: Store) -> None:
    """Of the source itself: whatever shards its rows have, and however many days."""
    for n in range(12):
        commit(store, counted(f"o{n}", HOUR, HOUR - 24 * n))
    lines = exported(store)
    said = [json.loads(line)["row"] for line in content(lines)[12:]]
    names = {(row["site"], row["period"], row["start"]) for row in said}
    other = MemoryStore()
    restore(io.BytesIO(lines), lambda: other)
    kept = {period: rows(other, period) for period in PERIODS}
    assert kept == {period: rows(store, period) for period in PERIODS}
    assert len(names) == len(said) == sum(map(len, kept.values()))


def test_a_store_of_every_kind_takes_an_export(store: Store) -> None:
    """And commits go on from there."""
    first = exported(filled(MemoryStore()))
    restore(io.BytesIO(first), lambda: store)
    assert content(exported(store)) == content(first)
    fresh = counted("new", HOUR)
    assert commit(store, fresh).committed
    with pytest.raises(StoreError, match="has objects already"):
        restore(io.BytesIO(first), lambda: store)


def test_a_thousand_hours_by_way_of_both_databases(dynamodb: Any, tmp_path: Path) -> None:
    """SQLite → lines → DynamoDB → lines: the same bytes."""
    rng = random.Random(3)

    def hour() -> HourlyAggregate:
        paths = {f"/{rng.randrange(999)}": Vector(rng.randrange(1, 9)) for _ in range(20)}
        return hour_with(Vector(9), objects={-1: 1}, tables={"path": Table.of(paths)})

    laptop = SqliteStore(tmp_path / "store.db")
    for day in range(42):
        hours = {HOUR + day * 24 + n: hour() for n in range(24)}
        one = ObjectRef("bucket", f"day {day}", "e", size=day)
        commit(laptop, Object(one, hours))
    first = exported(laptop)
    assert first.count(b'"period":"hour"') == 1008
    cloud = DynamoStore(dynamodb, dynamodb_local.new_table(dynamodb))
    restore(io.BytesIO(first), lambda: cloud)
    assert exported(cloud) == first


def test_the_sorting_of_a_large_ledger_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """In pieces on disk, or all at once."""
    store = filled(MemoryStore())
    first = exported(store)
    monkeypatch.setattr("pipeline.upkeep.archive._SORTED_AT_ONCE", 2)
    assert exported(store) == first


def damaged(change: Callable[[list[bytes]], None]) -> bytes:
    lines = exported(filled(MemoryStore())).splitlines(keepends=True)
    change(lines)
    return b"".join(lines)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda lines: lines.pop(), "ends before its last line"),
        (lambda lines: lines.pop(3), "checksum is another"),
        (lambda lines: lines.insert(3, lines[3]), "checksum is another"),
        (lambda lines: lines.__setitem__(4, lines[4].replace(b"1", b"2", 1)), "checksum"),
        (lambda lines: lines.clear(), "ends before"),
        (lambda lines: lines.__setitem__(0, b"{}\n"), "no export"),
        (lambda lines: lines.__setitem__(0, b"\xff\n"), "no export"),
        (
            lambda lines: lines.__setitem__(0, lines[0].replace(b'"version":1', b'"version":9')),
            "of version 9",
        ),
    ],
)
def test_a_damaged_file_is_refused_whole(
    change: Callable[[list[bytes]], None], reason: str
) -> None:
    """Nothing of it is written."""
    store = MemoryStore()
    with pytest.raises(BadArchive, match=reason):
        restore(io.BytesIO(damaged(change)), lambda: store)
    assert list(store.objects()) == []


def test_what_cannot_be_exported_whole_is_not_exported() -> None:
    """While an object is half committed, a rebuild is open, or something is committed meanwhile."""
    halves = MemoryStore()
    halves.restore([LedgerEntry(ref("half"), "partial", 0, sites={"site": {HOUR: 1}})], [])
    with pytest.raises(StoreError, match="half is half committed"):
        exported(halves)
    store = filled(MemoryStore())
    lines = export(store, DEFAULT_CAPS)
    for _ in range(4):
        next(lines)
    commit(store, counted("late", HOUR))
    with pytest.raises(StoreError, match="written to meanwhile"):
        list(lines)
    store.turn(lambda found: found.begin(Days(0, 9)))
    with pytest.raises(StoreError, match="a rebuild is open"):
        exported(store)


def test_lines_say_what_they_are() -> None:
    """One JSON document a line; the first names format and version, the last counts the others."""
    documents = [json.loads(line) for line in exported(filled(MemoryStore())).splitlines()]
    assert documents[0] == {"format": "edgetally export", "version": 1}
    assert documents[-1]["end"]["lines"] == len(documents) - 1
    kinds = {next(iter(each)) for each in documents[1:-1]}
    assert kinds == {"visitor_key", "since", "object", "row"}
