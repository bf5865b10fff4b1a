"""What one hour (or day) of one site holds, and the merge everything else relies on.

numpy is imported where tables and sketches are merged: totals alone do without.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from pipeline.hour.vector import ZERO, Vector, add
from pipeline.schema.dimensions import DEFAULT_CAPS, DIMENSIONS, Caps

if TYPE_CHECKING:
    from pipeline.hour.heavy_hitters import Table
    from pipeline.hour.histogram import Histogram
    from pipeline.hour.hyperloglog import Uniques

K = TypeVar("K")

Wanted: TypeAlias = "frozenset[str] | None"
"""What of an aggregate is wanted beside its totals: dimensions and histograms by their names,
`visitors`, `paths`. None is everything."""
TOTALS: Wanted = frozenset()
EVERYTHING: Wanted = None

NO_HOUR = -1
"""The "previous hour" of an object's first hour."""

HISTOGRAMS = (
    "time_taken",
    "time_taken_hits",
    "time_taken_misses",
    "time_to_first_byte",
    "origin_first_byte",
    "origin_last_byte",
)
"""The histograms of an hour. Hits and misses are those of `Vector`."""

_LARGEST = 2**63 - 1
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class HourlyAggregate:
    """The counts of a set of log lines.

    `first_us` and `last_us` are epoch microseconds of the earliest and latest line, None when
    there is none. `rejected` counts lines that were not counted, by reason. `tables` has one
    table per dimension name, `latency` a histogram per name of `HISTOGRAMS` that has any time.
    `visitors` is None where no line had a client IP.

    `cacheable` counts the requests with GET, HEAD or OPTIONS that did not end in an error, and
    `cacheable_hits` those of them that were hits.

    `objects` counts the log objects that have lines here, by the hour (since the epoch) they
    touched before this one. An object's first hour inside any window is the one whose previous
    hour lies before the window, so any window counts each of its objects once.
    """

    totals: Vector = ZERO
    bytes_received: int = 0
    cacheable: int = 0
    cacheable_hits: int = 0
    first_us: int | None = None
    last_us: int | None = None
    objects: Mapping[int, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    latency: Mapping[str, Histogram] = field(default_factory=dict)
    visitors: Uniques | None = None
    paths: Uniques | None = None

    def objects_since(self, hour: int) -> int:
        """How many objects have their first line at or after `hour` (since the epoch) here."""
        return sum(count for previous, count in self.objects.items() if previous < hour)

    def table(self, dimension: str) -> Table:
        """The table of a dimension. One that was not kept (the row is older than the dimension)
        has all requests under no value, and says so by its bound."""
        kept = self.tables.get(dimension)
        if kept is not None:
            return kept
        from pipeline.hour.heavy_hitters import unknown_table

        return unknown_table(self.totals)


EMPTY = HourlyAggregate()


def merge(
    aggregates: Iterable[HourlyAggregate], caps: Caps = DEFAULT_CAPS, slack: int = 1
) -> HourlyAggregate:
    """One aggregate equivalent to counting the lines of all of them.

    Associative and commutative, with `EMPTY` as its zero; above a table's cap, within the bound
    that the table states. Tables keep up to `slack` times as many values as `caps` says: what is
    not to be stored loses nothing that there is memory for. Takes from the iterable only a few at
    a time. Raises OverflowError where a total leaves 64 bits.
    """
    stream = iter(aggregates)
    merged = EMPTY
    while batch := list(islice(stream, _AT_ONCE)):
        merged = _merge([merged, *batch], caps, slack)
    return merged


def _merge(parts: list[HourlyAggregate], caps: Caps, slack: int) -> HourlyAggregate:
    totals = reduce(add, (part.totals for part in parts))
    if max(totals) > _LARGEST:  # no entry is larger than its total, so no entry has left them
        raise OverflowError(f"a total of {max(totals):,} does not fit 64 bits")
    return HourlyAggregate(
        totals=totals,
        bytes_received=sum(part.bytes_received for part in parts),
        cacheable=sum(part.cacheable for part in parts),
        cacheable_hits=sum(part.cacheable_hits for part in parts),
        first_us=min((part.first_us for part in parts if part.first_us is not None), default=None),
        last_us=max((part.last_us for part in parts if part.last_us is not None), default=None),
        objects=_sum(part.objects for part in parts),
        rejected=_sum(part.rejected for part in parts),
        tables=_merge_tables(parts, caps, slack),
        latency=_merge_latency(parts),
        visitors=_union([part.visitors for part in parts if part.visitors is not None]),
        paths=_union([part.paths for part in parts if part.paths is not None]),
    )


def _merge_tables(parts: list[HourlyAggregate], caps: Caps, slack: int) -> dict[str, Table]:
    names = dict.fromkeys(name for part in parts for name in part.tables)
    if not names:
        return {}
    from pipeline.hour.heavy_hitters import merge_tables

    return {
        name: merge_tables(
            (part.table(name) for part in parts if part.totals.requests),
            caps[name] * slack,
            caps[name] * slack * DIMENSIONS[name].value_bytes,
        )
        for name in names
    }


def _merge_latency(parts: list[HourlyAggregate]) -> dict[str, Histogram]:
    names = dict.fromkeys(name for part in parts for name in part.latency)
    if not names:
        return {}
    from pipeline.hour.histogram import merge_histograms

    return {
        name: merge_histograms(part.latency[name] for part in parts if name in part.latency)
        for name in names
    }


def _union(sets: list[Uniques]) -> Uniques | None:
    if not sets:
        return None
    from pipeline.hour.hyperloglog import merge_uniques

    return merge_uniques(sets)


def _sum(counts: Iterable[Mapping[K, int]]) -> dict[K, int]:
    total: Counter[K] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)
