"""What an object is found to hold, as it is read part by part."""

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa

from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.ingest.share import Share
from pipeline.read.layout import Layout
from pipeline.read.limits import Limits
from pipeline.read.records import Example, Rows
from pipeline.schema.dimensions import DEFAULT_CAPS, Caps
from pipeline.tally.tally import tally
from pipeline.tally.visitors import Visitors

_TALLIED_TOGETHER = 131_072
"""Rows whose distinct values are brought together before they become Python objects, which costs
more than reading them; their columns take some twenty megabytes."""

_VALUES = 150_000
"""Table entries that wait to be merged, some 200 bytes each."""

_HEADROOM = 32
"""How many times its cap a table may hold while its object is read, if that is all in one hour:
what is dropped once, at the end, is dropped more justly."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How objects are read: the configured layouts of those without a header, the limits, the
    hashing of visitors, the caps of tables, and in how many threads."""

    configured: tuple[Layout, ...] = ()
    limits: Limits = Limits()
    visitors: Visitors = field(default_factory=lambda: Visitors(b""))
    caps: Caps = field(default_factory=lambda: DEFAULT_CAPS)
    workers: int = 1


@dataclass(slots=True)
class Parsed:
    """What an object holds: aggregates by hour since the epoch, and the lines it had.

    `container`, `format` and `layouts` say what it was found to be; `examples` has the first
    rejected line of each reason, by its number in the object. Lines = `records` + Σ `rejected`.
    Where there is a `share`, the lines are there, and `hours` has the hours without them.
    """

    container: str
    format: str = "empty"
    layouts: list[Layout] = field(default_factory=list)
    hours: dict[int, HourlyAggregate] = field(default_factory=dict)
    records: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Example] = field(default_factory=dict)
    share: Share | None = None
    _lines: int = 0
    _pending: list[pa.Table] = field(default_factory=list)
    _pending_rows: int = 0
    _tallied: dict[int, list[HourlyAggregate]] = field(default_factory=dict)
    _tallied_values: int = 0

    @property
    def layout(self) -> str:
        """Where its layouts are from, as the ledger keeps it."""
        if self.format == "json":
            return "its JSON keys"
        return ", then ".join(dict.fromkeys(layout.source for layout in self.layouts))

    def add(self, rows: Rows, reading: Reading) -> None:
        """Count the next rows of the object."""
        self.rejected += rows.rejected
        self.records += rows.table.num_rows
        for reason, (line, text) in rows.examples.items():
            self.examples.setdefault(reason, Example(self._lines + line, text))
        self._lines += rows.lines
        self._pending.append(rows.table)
        self._pending_rows += rows.table.num_rows
        if self._pending_rows >= _TALLIED_TOGETHER:
            self.tally(reading)

    @property
    def distinct_hours(self) -> int:
        """How many hours the tallied lines lie in."""
        return len(self.hours.keys() | self._tallied.keys())

    def tally(self, reading: Reading) -> None:
        """Tally the rows that were added."""
        for hour, aggregate in tally(self._pending, reading.visitors).items():
            self._tallied.setdefault(hour, []).append(aggregate)
            self._tallied_values += sum(map(len, aggregate.sketches.tables.values()))
        self._pending.clear()
        self._pending_rows = 0
        if self._tallied_values > _VALUES:
            self.merge(reading, max(1, _HEADROOM // self.distinct_hours))

    def merge(self, reading: Reading, headroom: int = 1) -> None:
        """Bring `hours` up to date with what was tallied."""
        for hour, parts in self._tallied.items():
            known = [self.hours[hour]] if hour in self.hours else []
            self.hours[hour] = merge([*known, *parts], reading.caps, headroom)
        self._tallied.clear()
        self._tallied_values = 0
