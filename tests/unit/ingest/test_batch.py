"""A batch is tallied once; what is left out of it, or divided, is tallied no more than it must."""

import gzip
import random
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks.generate import START, agents, request, standard_text
from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.hour.vector import Vector
from pipeline.ingest.batch import Batch
from pipeline.ingest.parsed import Reading
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef
from pipeline.store.counted import RowKey
from pipeline.tally.tally import tally
from tests.support.aggregates import hour_with
from tests.support.deltas import Object, batch
from tests.support.sources import BodySource

MODIFIED = datetime(2026, 11, 23, tzinfo=UTC)
HOUR = 498_636


def text(seed: int) -> bytes:
    """A small object over two hours."""
    rng = random.Random(seed)
    return standard_text(
        request(rng, f"/p{rng.randrange(9)}", rng.choice(agents()), START + rng.randrange(7200))
        for _ in range(rng.randrange(1, 40))
    )


BODIES = {f"E{n % 3}.2026-11-22-21.{n:08x}.gz": gzip.compress(text(n)) for n in range(12)}
REFS = [ObjectRef("b", key, "e") for key in BODIES]


def read(*refs: ObjectRef) -> Batch:
    (group,) = Reader(BodySource(BODIES, MODIFIED), Reading()).groups(refs)
    assert group.failed == []
    return group.batch


@pytest.fixture
def tallied(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lines of every tally of shared columns."""
    calls: list[int] = []

    def counting(tables: Iterable[Any], *args: Any) -> Any:
        parts = list(tables)
        calls.append(sum(part.num_rows for part in parts))
        return tally(parts, *args)

    monkeypatch.setattr("pipeline.ingest.batch.tally", counting)
    return calls


def test_a_batch_is_tallied_once_a_site(tallied: list[int]) -> None:
    """However often its delta is looked at."""
    whole = read(*REFS)
    assert whole.delta is whole.delta
    assert len(tallied) == 3
    assert sum(tallied) == sum(counted.records for counted in whole.objects)


def test_only_what_shared_columns_with_a_refused_object_is_tallied_again(
    tallied: list[int],
) -> None:
    """The other sites' tallies stay; the result is that of a batch without the object."""
    whole = read(*REFS)
    assert whole.delta.rows
    tallied.clear()
    rest = whole.without([REFS[0]])
    assert rest.delta.rows
    of_its_site = [c.records for c in rest.objects if "E0" in c.sites]
    assert tallied == [sum(of_its_site)]
    assert rest.delta.rows == read(*REFS[1:]).delta.rows
    assert {counted.ref for counted in rest.delta.objects} == set(REFS[1:])


def test_a_batch_is_divided_by_site_and_then_by_hour(tallied: list[int]) -> None:
    """Objects of a site stay together, and a site that stays whole is not tallied again."""
    whole = read(*REFS)
    assert whole.delta.rows
    tallied.clear()
    first, second = whole.divided()
    assert [len(half.objects) for half in (first, second)] == [6, 6]
    assert first.delta.sites == {"E0", "E1"}
    assert second.delta.sites == {"E1", "E2"}
    rows: dict[RowKey, list[HourlyAggregate]] = {}
    for half in (first, second):
        for key, aggregate in half.delta.rows.items():
            rows.setdefault(key, []).append(aggregate)
    assert {key: merge(parts) for key, parts in rows.items()} == whole.delta.rows
    of_the_divided = sum(c.records for c in whole.objects if "E1" in c.sites)
    assert sum(tallied) == of_the_divided


def test_early_hours_and_late_ones_are_divided() -> None:
    """Halves of one site then touch few of the same rows."""
    objects = [
        Object(ObjectRef("b", f"o{n}", "e"), {HOUR + n % 2 * 30: hour_with(Vector(1))})
        for n in range(8)
    ]
    first, second = batch(*objects).divided()
    assert {key.start for key in first.delta.rows if key.period == "hour"} == {HOUR}
    assert {key.start for key in second.delta.rows if key.period == "hour"} == {HOUR + 30}


def test_a_day_is_the_sum_of_its_hours() -> None:
    """Of all objects of its site, and of no other."""
    objects = [
        Object(
            ObjectRef("b", f"o{n}", "e"),
            {HOUR + 12 + n: hour_with(Vector(n + 1)) for n in range(2)},
            f"s{n % 2}",
        )
        for n in range(4)
    ]
    days = {
        (key.site, key.start): row.totals.requests
        for key, row in batch(*objects).delta.rows.items()
        if key.period == "day"
    }
    day = (HOUR + 12) // 24
    assert days == {(site, day): 2 * 3 for site in ("s0", "s1")}
