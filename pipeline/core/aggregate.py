"""What one hour (or day) of one site holds, and the merge everything else relies on."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from itertools import islice
from typing import TypeVar

from pipeline.core.counters import ZERO, Vector, add
from pipeline.core.dimensions import DIMENSIONS
from pipeline.core.top import Table, merge_tables

K = TypeVar("K")

NO_HOUR = -1
"""The "previous hour" of an object's first hour."""

_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class HourlyAggregate:
    """The counts of a set of log lines.

    `first_us` and `last_us` are epoch microseconds of the earliest and latest line, None when
    there is none. `rejected` counts lines that were not counted, by reason. `tables` has one
    table per dimension name.

    `objects` counts the log objects that have lines here, by the hour (since the epoch) they
    touched before this one. An object's first hour inside any window is the one whose previous
    hour lies before the window, so any window counts each of its objects once.
    """

    totals: Vector = ZERO
    bytes_received: int = 0
    first_us: int | None = None
    last_us: int | None = None
    objects: Mapping[int, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)

    def objects_since(self, hour: int) -> int:
        """How many objects have their first line at or after `hour` (since the epoch) here."""
        return sum(count for previous, count in self.objects.items() if previous < hour)


EMPTY = HourlyAggregate()


def merge(aggregates: Iterable[HourlyAggregate]) -> HourlyAggregate:
    """One aggregate equivalent to counting the lines of all of them.

    Associative and commutative, with `EMPTY` as its zero; above a table's cap, within the bound
    that the table states. Takes from the iterable only a few at a time.
    """
    stream = iter(aggregates)
    merged = EMPTY
    while batch := list(islice(stream, _AT_ONCE)):
        merged = _merge([merged, *batch])
    return merged


def _merge(parts: list[HourlyAggregate]) -> HourlyAggregate:
    names = dict.fromkeys(name for part in parts for name in part.tables)
    return HourlyAggregate(
        totals=reduce(add, (part.totals for part in parts)),
        bytes_received=sum(part.bytes_received for part in parts),
        first_us=min((part.first_us for part in parts if part.first_us is not None), default=None),
        last_us=max((part.last_us for part in parts if part.last_us is not None), default=None),
        objects=_sum(part.objects for part in parts),
        rejected=_sum(part.rejected for part in parts),
        tables={
            name: merge_tables(
                (part.tables[name] for part in parts if name in part.tables),
                DIMENSIONS[name].cap,
                DIMENSIONS[name].max_bytes,
            )
            for name in names
        },
    )


def _sum(counts: Iterable[Mapping[K, int]]) -> dict[K, int]:
    total: Counter[K] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)
