"""A batch: objects that were read, tallied before they are committed together.

An object of fifty lines takes longer to set out for than to count. So the lines of small objects
become columns together, and those of one naming are tallied in one go. Everything else is tallied
while it is read.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import msgspec
import pyarrow as pa

from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.hours import HOURS_PER_DAY
from pipeline.objects import ObjectRef
from pipeline.schema.dimensions import NO_CAPS
from pipeline.sites import Place, chained
from pipeline.store.counted import Counted, Delta, RowKey
from pipeline.tally.naming import Naming
from pipeline.tally.tally import tally
from pipeline.tally.visitors import Visitors

Rows = Mapping[Place, HourlyAggregate]
"""Aggregates by hour and site."""


@dataclass(frozen=True, slots=True)
class Whole:
    """An object that was tallied by itself."""

    counted: Counted
    rows: Rows

    @property
    def objects(self) -> tuple[Counted, ...]:
        """The object."""
        return (self.counted,)

    def only(self, refs: Collection[ObjectRef]) -> "Whole | None":
        """The same if it is one of the objects, else None."""
        return self if self.counted.ref in refs else None


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one small object: rows `start` to `end` of columns (`Rows.table`) that the
    object shares with others."""

    counted: Counted
    columns: pa.Table
    start: int
    end: int


@dataclass(frozen=True)
class Shared:
    """The lines of small objects whose sites are named alike, which are tallied together."""

    lines: tuple[Lines, ...]
    visitors: Visitors
    naming: Naming

    @property
    def objects(self) -> tuple[Counted, ...]:
        """The objects that the lines are of."""
        return tuple(each.counted for each in self.lines)

    @cached_property
    def rows(self) -> Rows:
        """The tally of all lines, with the objects counted in it."""
        objects: defaultdict[Place, Counter[int]] = defaultdict(Counter)
        for counted in self.objects:
            for previous, place in chained(counted.places):
                objects[place][previous] += 1
        rows = tally(_runs(self.lines), self.visitors, self.naming)
        return {place: _with_objects(each, objects[place]) for place, each in rows.items()}

    def only(self, refs: Collection[ObjectRef]) -> "Shared | None":
        """The lines of these objects, or None if there are none."""
        lines = tuple(each for each in self.lines if each.counted.ref in refs)
        if len(lines) == len(self.lines):
            return self
        return Shared(lines, self.visitors, self.naming) if lines else None


@dataclass(frozen=True)
class Batch:
    """Objects to be committed together."""

    portions: Sequence[Whole | Shared] = ()

    @property
    def objects(self) -> list[Counted]:
        """Every object of the batch."""
        return [counted for portion in self.portions for counted in portion.objects]

    @cached_property
    def delta(self) -> Delta:
        """The objects and the sums of what they add to each row."""
        hours: dict[RowKey, list[HourlyAggregate]] = {}
        for portion in self.portions:
            for place, aggregate in portion.rows.items():
                hours.setdefault(RowKey(place.site, "hour", place.hour), []).append(aggregate)
        rows = {key: _sum(parts) for key, parts in hours.items()}
        days: dict[RowKey, list[HourlyAggregate]] = {}
        for key, aggregate in rows.items():
            day = RowKey(key.site, "day", key.start // HOURS_PER_DAY)
            days.setdefault(day, []).append(aggregate)
        return Delta(self.objects, rows | {key: _sum(parts) for key, parts in days.items()})

    def only(self, refs: Collection[ObjectRef]) -> "Batch":
        """The batch of these of its objects. Nothing is tallied again but what shares a tally with
        an object that is left out."""
        portions = (portion.only(refs) for portion in self.portions)
        return Batch([portion for portion in portions if portion is not None])

    def without(self, refs: Collection[ObjectRef]) -> "Batch":
        """The batch without these objects."""
        return self.only({counted.ref for counted in self.objects} - set(refs))

    def divided(self) -> tuple["Batch", "Batch"]:
        """Two batches of half the objects each, in order of sites and then of hours: objects that
        stay together touch as few rows as possible."""
        objects = sorted(self.objects, key=lambda each: (min(each.sites), min(each.hours)))
        half = {counted.ref for counted in objects[: len(objects) // 2]}
        return self.only(half), self.without(half)


def _with_objects(aggregate: HourlyAggregate, objects: Mapping[int, int]) -> HourlyAggregate:
    totals = msgspec.structs.replace(aggregate.totals, objects=dict(objects))
    return replace(aggregate, totals=totals)


def _sum(parts: Sequence[HourlyAggregate]) -> HourlyAggregate:
    return parts[0] if len(parts) == 1 else merge(parts, NO_CAPS)


def _runs(lines: Iterable[Lines]) -> Iterator[pa.Table]:
    """The rows of these lines; neighbours in the same columns are one piece."""
    columns, start, end = None, 0, 0
    for each in lines:
        if each.columns is columns and each.start == end:
            end = each.end
            continue
        if columns is not None:
            yield columns.slice(start, end - start)
        columns, start, end = each.columns, each.start, each.end
    if columns is not None:
        yield columns.slice(start, end - start)
