"""The rows of one object, added up by hour and site in bounded memory."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

import msgspec
import pyarrow as pa

from pipeline.errors import ObjectRefused
from pipeline.hour.aggregate import EMPTY, HourlyAggregate, merge
from pipeline.ingest.parsed import Reading
from pipeline.read.limits import Limits
from pipeline.read.records import Rows
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

    def __init__(self, reading: Reading, naming: Naming) -> None:
        self._reading = reading
        self._naming = naming
        self._lines = 0
        self._pending: list[pa.Table] = []
        self._pending_rows = 0
        self._tallied: dict[Place, list[HourlyAggregate]] = {}
        self._tallied_values = 0
        self._rows: dict[Place, HourlyAggregate] = {}
        self.records = 0
        self.rejected: Counter[str] = Counter()
        self.first: dict[str, int] = {}

    def add(self, rows: Rows) -> None:
        """Add the next rows of the object. Raises ObjectRefused beyond the limit of hours."""
        self.rejected += rows.rejected
        self.records += rows.table.num_rows
        for reason, line in rows.first.items():
            self.first.setdefault(reason, self._lines + line)
        self._lines += rows.count
        self._pending.append(rows.table)
        self._pending_rows += rows.table.num_rows
        if self._pending_rows >= _TALLIED_TOGETHER:
            self._tally()

    def rows(self, own: Place) -> dict[Place, HourlyAggregate]:
        """The aggregates by hour and site; an object without records is at its `own` place.

        Raises ObjectRefused beyond the limit of hours.
        """
        self._tally()
        self._merge(headroom=1)
        return accounted(self._rows, own, self.rejected)

    def _tally(self) -> None:
        found = tally(self._pending, self._reading.visitors, self._naming)
        for place, aggregate in found.items():
            self._tallied.setdefault(place, []).append(aggregate)
            self._tallied_values += sum(map(len, aggregate.sketches.tables.values()))
        self._pending.clear()
        self._pending_rows = 0
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
