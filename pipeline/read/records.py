"""Log lines as Arrow columns, whatever their format, and the lines that are rejected."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from pipeline.arrays import Codes, Flags, Floats, Integers
from pipeline.hours import CLOCK_SKEW
from pipeline.read.layout import CLOCK_FIELDS, LATENCIES
from pipeline.read.values import floats, scaled, times_of, within
from pipeline.schema.dimensions import ABSENT

TOO_FEW_FIELDS = "too_few_fields"
BAD_TIMESTAMP = "bad_timestamp"
OUT_OF_RANGE = "out_of_range_timestamp"
LINE_TOO_LONG = "line_too_long"
BAD_JSON = "bad_json"

REASONS = (TOO_FEW_FIELDS, BAD_TIMESTAMP, OUT_OF_RANGE, LINE_TOO_LONG, BAD_JSON)
"""All reasons for which a line may be rejected."""

EARLIEST_US = 1_226_966_400_000_000
"""2008-11-18, when CloudFront was launched: no genuine line is older."""

_LATEST_US = 2**53  # the year 2255: a float holds every whole number up to it

CLOCK = "time of the request"

# A terabyte in one response, or four months in one request, is a damaged line; the bounds also
# keep the sums of an hour inside 64 bits.
_MOST_BYTES, _LONGEST_SECONDS = 10**12, 10**7

Line: TypeAlias = tuple[int, bytes]
"""A line with its number from 1."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an object as it was read.

    `columns` are typed columns by field name, one row a line; None if there is no row. Their
    times are not checked yet. `rejected` are the lines that are no row, by reason. `count` is the
    number of lines of the object that the part was made of, empty ones included. `lines` returns
    the line of each row, for messages.
    """

    count: int
    columns: pa.Table | None = None
    lines: Callable[[], Sequence[Line]] = tuple
    rejected: Mapping[str, Sequence[Line]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rows:
    """The lines of a part that can be counted, and the number of rejected ones, by reason.

    `table` has a column `CLOCK` (int64, epoch microseconds), and the counted fields of the lines:
    measures as float64 as they were logged (see `numbers`), the others as dictionaries of strings
    (see `words`). `first` has the number of the first rejected line of each reason, from 1 in the
    part. `count` is that of the part.
    """

    table: pa.Table
    rejected: Counter[str]
    first: dict[str, int]
    count: int


def latest_of(modified: datetime) -> int:
    """The latest sensible time of a line, given its object's own time, in epoch microseconds.

    A time before there was CloudFront is no file's: archives lose it. It bounds nothing.
    """
    own_us = int(modified.timestamp() * 1_000_000)
    if own_us < EARLIEST_US:
        return _LATEST_US
    return own_us + CLOCK_SKEW // timedelta(microseconds=1)


def rows_of(part: Part, latest_us: int) -> Rows:
    """The rows of a part with a sensible time: from `EARLIEST_US` to `latest_us`.

    Any other row is a rejected line, or no line at all if its line is empty.
    """
    if part.columns is None:
        return _rows(pa.table({CLOCK: pa.array([], pa.int64())}), part, {})
    times = times_of(part.columns)
    if within(times, EARLIEST_US, latest_us):
        return _rows(_timed(part.columns, times), part, {})
    sane = (times >= EARLIEST_US) & (times <= latest_us)  # false where there is no time at all
    table = _timed(part.columns.filter(pa.array(sane)), times[sane])
    return _rows(table, part, _untimely(times, sane, part.lines()))


def _rows(table: pa.Table, part: Part, untimely: Mapping[str, Sequence[Line]]) -> Rows:
    rejected = {reason: lines for reason, lines in {**untimely, **part.rejected}.items() if lines}
    return Rows(
        table,
        Counter({reason: len(lines) for reason, lines in rejected.items()}),
        {reason: lines[0][0] for reason, lines in rejected.items()},
        part.count,
    )


def _untimely(times: Floats, sane: Flags, lines: Sequence[Line]) -> dict[str, list[Line]]:
    """The lines without a sensible time, by reason. To Arrow an empty line is a row too."""
    absent = np.isnan(times)
    kinds = {BAD_TIMESTAMP: absent, OUT_OF_RANGE: ~sane & ~absent}
    return {
        reason: [lines[row] for row in np.flatnonzero(rows).tolist() if lines[row][1]]
        for reason, rows in kinds.items()
    }


def numbers(rows: pa.Table, name: str) -> Integers:
    """A measure of each row, in bytes or microseconds; -1 if the line has no sensible number."""
    if name not in rows.column_names:
        return np.full(rows.num_rows, -1, np.int64)
    largest, scale = (_LONGEST_SECONDS, 1_000_000) if name in LATENCIES else (_MOST_BYTES, 1)
    measures = scaled(floats(rows.column(name)), largest, scale)
    absent = np.isnan(measures)
    return (np.where(absent, -1.0, measures) if absent.any() else measures).astype(np.int64)


def words(rows: pa.Table, name: str) -> tuple[Codes, list[str]]:
    """The logged values of a field: the place of each row's value in the list of values."""
    if name not in rows.column_names:
        return np.zeros(rows.num_rows, np.int32), [ABSENT]
    column = rows.column(name).combine_chunks()
    return column.indices.to_numpy(), column.dictionary.to_pylist()


def _timed(raw: pa.Table, times: Floats) -> pa.Table:
    """The columns with the one time instead of its parts."""
    names = [name for name in raw.column_names if name not in CLOCK_FIELDS]
    columns = [pa.array(times.astype(np.int64)), *(raw.column(name) for name in names)]
    return pa.Table.from_arrays(columns, [CLOCK, *names])
