"""A kernel: feed it whole lines of a layout, then take the aggregates of their hours."""

import ctypes
from collections.abc import Iterator, Mapping, Sequence
from ctypes import c_uint32, c_uint64, c_void_p
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pipeline.arrays import Integers
from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hour.histogram import BUCKETS, Histogram
from pipeline.hour.hyperloglog import Uniques
from pipeline.hour.sketches import HISTOGRAMS, Sketches
from pipeline.hour.totals import Totals
from pipeline.hour.vector import MEASURES, Vector
from pipeline.read.layout import Layout
from pipeline.schema.dimensions import ABSENT
from pipeline.schema.fields import CLIENT_IP
from pipeline.tally.five_minutes import slots_by_hour
from pipeline.tally.native import library
from pipeline.tally.native.library import OddLine, Plan
from pipeline.tally.native.plan import columns_of, plan_of
from pipeline.tally.tally import FIELDS, lacking, paths_of, tables_of
from pipeline.tally.visitors import Visitors


class Odd(NamedTuple):
    """A line that the kernel does not count: its number in the text, from 0, and its bytes."""

    line: int
    text: bytes


class Fed(NamedTuple):
    """How far a text was counted: the place and the number of the next line, the odd lines before
    it, and whether the kernel is full, so that its counts must be taken first."""

    start: int
    lines: int
    odd: list[Odd]
    is_full: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """The counts of an hour (since the epoch) of lines that log this value for their site, None if
    their layout has no such field."""

    hour: int
    site: str | None
    aggregate: HourlyAggregate


class Kernel:
    """Counts plain lines of a layout whose times are not behind `latest_us`. `state` is the address
    of its memory, for the functions of the library."""

    def __init__(self, layout: Layout, latest_us: int, visitors: Visitors, site_field: str) -> None:
        self.state = 0
        loaded = library.load()
        if loaded is None:
            raise RuntimeError("the kernel was not built")
        self._library = loaded
        self._layout = layout
        self._columns = columns_of(layout, site_field)
        self._site_field = site_field if site_field in self._columns else ""
        self._plan: Plan = plan_of(layout, latest_us, visitors, site_field)
        self.state = self._new()

    def _new(self) -> int:
        state: int | None = self._library.kernel_new(ctypes.byref(self._plan))
        if state is None:
            raise MemoryError
        return state

    def feed(self, text: bytes, start: int, lines: int) -> Fed:
        """Count the lines of a text, of fewer than 2 GiB, from the place `start` on. `lines` of it
        were counted before. Raises MemoryError."""
        at, line = c_uint32(start), c_uint32(lines)
        done = self._library.kernel_feed(
            self.state, text, len(text), ctypes.byref(at), ctypes.byref(line)
        )
        if done not in (library.DONE, library.FULL):
            raise MemoryError
        return Fed(at.value, line.value, self._odd(text), done == library.FULL)

    def _odd(self, text: bytes) -> list[Odd]:
        found = ctypes.POINTER(OddLine)()
        count = self._library.kernel_odd(self.state, ctypes.byref(found))
        lines = [(each.line, each.start, each.start + each.length) for each in found[:count]]
        return [Odd(line, text[start:end]) for line, start, end in sorted(lines)]

    def take(self) -> list[Counted]:
        """All that was counted. The kernel is empty then."""
        # Addresses stay where they are: of them only the registers are read.
        values = [
            [] if field == CLIENT_IP else self._values(column)
            for column, field in enumerate(self._columns)
        ]
        counted = list(self._taken(values))
        self._library.kernel_free(self.state)
        self.state = 0
        self.state = self._new()
        return counted

    def close(self) -> None:
        """Free the memory. Nothing is counted any more."""
        if self.state:
            self._library.kernel_free(self.state)
        self.state = 0

    def __del__(self) -> None:
        self.close()

    def _taken(self, values: Sequence[list[str]]) -> Iterator[Counted]:
        for at in range(self._library.kernel_places(self.state)):
            address = self._library.kernel_place(self.state, at)
            place = np.frombuffer(ctypes.string_at(address, library.PLACE.itemsize), library.PLACE)[
                0
            ]
            if not place["totals"][0]:
                continue
            site = None
            if self._site_field:
                column = self._columns.index(self._site_field)
                site = values[column][int(place["group"]) - 1]
            tables = {
                field: (values[column], self._counts(at, column, len(values[column])))
                for column, field in enumerate(self._columns)
                if field in FIELDS
            }
            yield Counted(int(place["hour"]), site, _aggregate(place, tables, self._layout))

    def _values(self, column: int) -> list[str]:
        """The distinct values of a column, in order of their entries."""
        text, size = c_void_p(), c_uint64()
        count = self._library.kernel_values(
            self.state, column, ctypes.byref(text), ctypes.byref(size)
        )
        if not count:
            return []
        return ctypes.string_at(text, size.value).decode().split("\n")[:-1]

    def _counts(self, place: int, column: int, values: int) -> Integers:
        """A row per measure, a column per value of a column."""
        address = self._library.kernel_counts(self.state, place, column)
        raw = ctypes.string_at(address, values * MEASURES * 8)
        return np.ascontiguousarray(np.frombuffer(raw, np.int64).reshape(values, MEASURES).T)


def _aggregate(
    place: Any, fields: Mapping[str, tuple[list[str], Integers]], layout: Layout
) -> HourlyAggregate:
    """The aggregate of a place (`library.PLACE`), whose columns have these counts."""
    counts = Vector._make(place["totals"].tolist())
    missing = np.array([counts], np.int64).T
    tables = tables_of({field: fields.get(field, ([ABSENT], missing)) for field in FIELDS})
    totals = Totals(
        counts=counts,
        bytes_received=int(place["received"]),
        cacheable=int(place["cacheable"]),
        cacheable_hits=int(place["cacheable_hits"]),
        first_us=int(place["first_us"]),
        last_us=int(place["last_us"]),
        sessions=int(place["sessions"]),
        lacking=lacking(layout.wanted, counts.requests),
        five_minutes=slots_by_hour(int(place["hour"]), place["slots"]),
    )
    sketches = Sketches(
        tables=tables,
        latency=_latency(place),
        visitors=Uniques(place["registers"].copy()) if place["visits"] else None,
        paths=paths_of(tables["path"]),
    )
    return HourlyAggregate(totals, sketches)


def _latency(place: Any) -> dict[str, Histogram]:
    latency = {}
    for at, name in enumerate(HISTOGRAMS):
        buckets: Integers = place["buckets"][at, :BUCKETS].copy()
        if buckets.any():
            latency[name] = Histogram(buckets, int(place["sums"][at]), int(place["maxima"][at]))
    return latency
