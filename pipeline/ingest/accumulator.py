"""The rows of one object, added up hour by hour in bounded memory."""

from collections import Counter
from dataclasses import replace

import msgspec
import pyarrow as pa

from pipeline.errors import ObjectRefused
from pipeline.hour.aggregate import EMPTY, HourlyAggregate, merge
from pipeline.hour.totals import NO_HOUR
from pipeline.ingest.parsed import Reading
from pipeline.read.records import Example, Rows
from pipeline.tally.tally import tally

_TALLIED_TOGETHER = 131_072
"""Rows whose distinct values are brought together before they become Python objects, which costs
more than reading them; their columns take some twenty megabytes."""

_VALUES = 150_000
"""Table entries that wait to be merged, some 200 bytes each."""

_HEADROOM = 32
"""The number of times its cap that a table may hold while its object is read, if all is in one
hour: what is dropped once, at the end, is dropped more justly."""


class Accumulator:
    """Adds up the rows of one object. `records` and `rejected` count its lines so far; `examples`
    has the first rejected line of each reason, by its number in the object."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._lines = 0
        self._pending: list[pa.Table] = []
        self._pending_rows = 0
        self._tallied: dict[int, list[HourlyAggregate]] = {}
        self._tallied_values = 0
        self._hours: dict[int, HourlyAggregate] = {}
        self.records = 0
        self.rejected: Counter[str] = Counter()
        self.examples: dict[str, Example] = {}

    def add(self, rows: Rows) -> None:
        """Add the next rows of the object. Raises ObjectRefused beyond the limit of hours."""
        self.rejected += rows.rejected
        self.records += rows.table.num_rows
        for reason, (line, text) in rows.examples.items():
            self.examples.setdefault(reason, Example(self._lines + line, text))
        self._lines += rows.count
        self._pending.append(rows.table)
        self._pending_rows += rows.table.num_rows
        if self._pending_rows >= _TALLIED_TOGETHER:
            self._tally()

    def hours(self, own_hour: int) -> dict[int, HourlyAggregate]:
        """The aggregates by hour since the epoch; an object without records is in `own_hour`.

        Raises ObjectRefused beyond the limit of hours.
        """
        self._tally()
        self._merge(headroom=1)
        return accounted(self._hours, own_hour, self.rejected)

    def _tally(self) -> None:
        for hour, aggregate in tally(self._pending, self._reading.visitors).items():
            self._tallied.setdefault(hour, []).append(aggregate)
            self._tallied_values += sum(map(len, aggregate.sketches.tables.values()))
        self._pending.clear()
        self._pending_rows = 0
        hours = len(self._hours.keys() | self._tallied.keys())
        if hours > self._reading.limits.max_hours:
            raise ObjectRefused(
                f"holds lines of more than {self._reading.limits.max_hours:,} hours; "
                "if that is right, raise EDGETALLY_MAX_HOURS"
            )
        if self._tallied_values > _VALUES:
            self._merge(max(1, _HEADROOM // hours))

    def _merge(self, headroom: int) -> None:
        """Bring the hours up to date with what was tallied."""
        for hour, parts in self._tallied.items():
            before = [self._hours[hour]] if hour in self._hours else []
            self._hours[hour] = merge([*before, *parts], self._reading.caps, headroom)
        self._tallied.clear()
        self._tallied_values = 0


def accounted(
    hours: dict[int, HourlyAggregate], own_hour: int, rejected: Counter[str]
) -> dict[int, HourlyAggregate]:
    """The hours, with the object itself and its rejected lines counted in them."""
    touched = sorted(hours) or [own_hour]
    counted: dict[int, HourlyAggregate] = {}
    for previous, hour in zip([NO_HOUR, *touched], touched, strict=False):
        aggregate = hours.get(hour, EMPTY)
        lines = dict(rejected) if previous == NO_HOUR else {}
        totals = msgspec.structs.replace(aggregate.totals, objects={previous: 1}, rejected=lines)
        counted[hour] = replace(aggregate, totals=totals)
    return counted
