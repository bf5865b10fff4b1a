"""The rows of one object, added up by hour and site in bounded memory."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import msgspec
import pyarrow as pa

from pipeline.errors import ObjectRefused
from pipeline.hour.aggregate import EMPTY, HourlyAggregate, merge
from pipeline.ingest.parsed import Reading
from pipeline.ingest.plain import PlainLines
from pipeline.read.limits import Limits
from pipeline.read.records import Rows, rows_of
from pipeline.read.tabbed import Tabbed
from pipeline.read.text import Task
from pipeline.sites import Place, chained
from pipeline.tally.naming import Naming
from pipeline.tally.tally import tally

_TALLIED_TOGETHER = 98_304
"""Rows whose distinct values are brought together before they become Python objects, which costs
more than reading them; their columns take some fifteen megabytes."""

_VALUES = 150_000
"""Table entries that wait to be merged, some 200 bytes each."""

MOST_PLACES = 10_000
"""Hours of sites that one object may have: its ledger entry has a number for each, and DynamoDB
takes 400 KB an item."""

_HEADROOM = 32
"""The number of times its cap that a table may hold while its object is read, if all is in one
hour: what is dropped once, at the end, is dropped more justly."""


class Accumulator:
    """Adds up the rows of one object. `records` and `rejected` count its lines so far; `first` has
    the number of the first rejected line of each reason, from 1."""

    def __init__(self, reading: Reading, naming: Naming, latest_us: int) -> None:
        self._reading = reading
        self._naming = naming
        self._lines = 0
        self._pending: list[pa.Table] = []
        self._pending_rows = 0
        self._tallied: dict[Place, list[HourlyAggregate]] = {}
        self._tallied_values = 0
        self._rows: dict[Place, HourlyAggregate] = {}
        self._plain = PlainLines(reading.visitors, naming, latest_us) if reading.native else None
        self._latest_us = latest_us
        self.records = 0
        self.rejected: Counter[str] = Counter()
        self.first: dict[str, int] = {}

    def read(self, task: Task) -> int:
        """Add the next lines of the object, which the kernel counts if they are plain. Returns the
        number of them. Raises ObjectRefused beyond the limit of hours."""
        if self._plain is None or not isinstance(task, Tabbed) or not self._plain.takes(task):
            rows = rows_of(task(), self._latest_us)
            self.add(rows)
            return rows.count
        lines = self._lines
        self._lines = self._plain.add(task, lines)
        self._collect()
        return self._lines - lines

    def add(self, rows: Rows) -> None:
        """Add the next rows of the object. Raises ObjectRefused beyond the limit of hours."""
        self._add(rows, {reason: self._lines + line for reason, line in rows.first.items()})
        self._lines += rows.count

    def end(self) -> None:
        """Add all that waits. Raises ObjectRefused beyond the limit of hours."""
        if self._plain:
            self._plain.end()
            self._collect()
        self._tally()
        # In order of their first lines, in whatever order they were read.
        reasons = sorted(self.rejected, key=lambda reason: (self.first[reason], reason))
        self.rejected = Counter({reason: self.rejected[reason] for reason in reasons})

    def rows(self, own: Place) -> dict[Place, HourlyAggregate]:
        """The aggregates by hour and site, when the object is at its end. An object without records
        is at its `own` place."""
        self._merge(headroom=1)
        return accounted(self._rows, own, self.rejected)

    def _collect(self) -> None:
        """Add all that was counted of plain lines, and the odd lines among them."""
        for rows, first in self._plain.odd_rows() if self._plain else ():
            self._add(rows, first)
        if found := self._plain.counted() if self._plain else ():
            self.records += sum(aggregate.totals.requests for _, aggregate in found)
            self._hold(found)

    def _add(self, rows: Rows, first: Mapping[str, int]) -> None:
        """Add rows. `first` has the numbers of the first rejected lines in the object."""
        self.rejected += rows.rejected
        self.records += rows.table.num_rows
        for reason, line in first.items():
            self.first[reason] = min(line, self.first.get(reason, line))
        self._pending.append(rows.table)
        self._pending_rows += rows.table.num_rows
        if self._pending_rows >= _TALLIED_TOGETHER:
            self._tally()

    def _tally(self) -> None:
        found = tally(self._pending, self._reading.visitors, self._naming)
        self._pending.clear()
        self._pending_rows = 0
        self._hold(found.items())

    def _hold(self, found: Iterable[tuple[Place, HourlyAggregate]]) -> None:
        for place, aggregate in found:
            self._tallied.setdefault(place, []).append(aggregate)
            self._tallied_values += sum(map(len, aggregate.sketches.tables.values()))
        places = self._rows.keys() | self._tallied.keys()
        refuse_too_many(places, self._reading.limits)
        if self._tallied_values > _VALUES:
            self._merge(max(1, _HEADROOM // len(places)))

    def _merge(self, headroom: int) -> None:
        """Bring the rows up to date with what was tallied."""
        for place, parts in self._tallied.items():
            before = [self._rows[place]] if place in self._rows else []
            self._rows[place] = merge([*before, *parts], self._reading.caps, headroom)
        self._tallied.clear()
        self._tallied_values = 0


def refuse_too_many(places: Collection[Place], limits: Limits) -> None:
    """Raises ObjectRefused if an object has lines of more hours, or of more sites' hours, than it
    may."""
    if len({place.hour for place in places}) > limits.max_hours:
        raise ObjectRefused(
            f"holds lines of more than {limits.max_hours:,} hours; "
            "if that is right, raise EDGETALLY_MAX_HOURS"
        )
    if len(places) > MOST_PLACES:
        raise ObjectRefused(
            f"holds lines of more than {MOST_PLACES:,} hours of its sites; "
            "lower EDGETALLY_MAX_SITES, or count by key"
        )


def accounted(
    rows: Mapping[Place, HourlyAggregate], own: Place, rejected: Counter[str]
) -> dict[Place, HourlyAggregate]:
    """The rows, with the object itself and its rejected lines counted in them."""
    counted = dict(rows) or {own: EMPTY}
    lines = dict(rejected)  # in the first place alone
    for previous, place in chained(counted):
        totals = counted[place].totals
        totals = msgspec.structs.replace(totals, objects={previous: 1}, rejected=lines)
        counted[place] = replace(counted[place], totals=totals)
        lines = {}
    return counted
