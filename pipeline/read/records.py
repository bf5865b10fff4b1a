"""Counted lines as Arrow columns, whatever format they came in, and the lines that were not."""

import codecs
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from pipeline.arrays import Codes, Floats, Integers
from pipeline.read.layout import CLOCK_FIELDS, LATENCIES, MEASURES
from pipeline.schema.dimensions import ABSENT
from pipeline.schema.fields import DATE, MILLIS, SECONDS, TIME

# Blocks of the same few megabytes come and go. Arrow's own allocators give each back to the system
# and fault its pages in again, a tenth of all time; the C library's keeps them (measured with
# glibc: docs/performance.md).
pa.set_memory_pool(pa.system_memory_pool())

TOO_FEW_FIELDS = "too_few_fields"
BAD_TIMESTAMP = "bad_timestamp"
OUT_OF_RANGE = "out_of_range_timestamp"
LINE_TOO_LONG = "line_too_long"
BAD_JSON = "bad_json"

REASONS = (TOO_FEW_FIELDS, BAD_TIMESTAMP, OUT_OF_RANGE, LINE_TOO_LONG, BAD_JSON)
"""Why a line may be rejected: all there is."""

EARLIEST_US = 1_226_966_400_000_000
"""2008-11-18, when CloudFront was launched: no genuine line is older."""

WORD = pa.dictionary(pa.int32(), pa.string())
TYPES = {
    **dict.fromkeys((*MEASURES, MILLIS, SECONDS), pa.float64()),
    DATE: pa.date32(),
    TIME: pa.time32("s"),
}
"""What the fields that are not text are converted to."""

CLOCK = "time of the request"

# A terabyte in one response, or four months in one request, is a damaged line; the bounds also
# keep the sums of an hour inside 64 bits.
_MOST_BYTES, _LONGEST_SECONDS = 10**12, 10**7
_WHOLE = 2**31 - 1  # bytes that Arrow reads at a time: any block is one piece
_LATEST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z


class Example(NamedTuple):
    """A rejected line: its number (from 1, in its block or object) and its first characters."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Rows:
    """Lines as columns, and the count of those that were rejected, by reason, with the first
    example of each.

    The table has a column `CLOCK` (int64, epoch microseconds), and the other fields that are
    counted and that the lines have: measures as float64 as they were logged (see `numbers`), the
    others as dictionaries of strings (see `words`). `lines` is how many lines of the object it was
    made of, those included that hold nothing.
    """

    table: pa.Table
    rejected: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Example] = field(default_factory=dict)
    lines: int = 0

    def also_rejected(self, reason: str, examples: Sequence[Example]) -> "Rows":
        """The same rows beside these lines that never became rows."""
        if not examples:
            return self
        rejected = self.rejected + Counter({reason: len(examples)})
        return replace(self, rejected=rejected, examples={reason: examples[0], **self.examples})


def sane_rows(raw: pa.Table, latest_us: int, example: Callable[[int], Example]) -> Rows:
    """The rows of `raw` (typed columns by field name) that have a sensible time.

    `latest_us` bounds a sensible time; `example` shows the line of a row of `raw`. Every row is
    taken to be a line.
    """
    times = _times(raw)
    if _within(times, EARLIEST_US, latest_us):
        return Rows(_timed(raw, times), lines=raw.num_rows)
    sane = (times >= EARLIEST_US) & (times <= latest_us)  # false where there is no time at all
    bad = {BAD_TIMESTAMP: np.isnan(times)}
    bad[OUT_OF_RANGE] = ~sane & ~bad[BAD_TIMESTAMP]
    return Rows(
        _timed(raw.filter(pa.array(sane)), times[sane]),
        +Counter({reason: int(which.sum()) for reason, which in bad.items()}),
        {reason: example(int(which.argmax())) for reason, which in bad.items() if which.any()},
        raw.num_rows,
    )


def no_rows() -> pa.Table:
    """A table of no rows."""
    return pa.table({CLOCK: pa.array([], pa.int64())})


def numbers(rows: pa.Table, name: str) -> Integers:
    """A measure of each of the rows, in bytes or microseconds; -1 where the line has no sensible
    number."""
    if name not in rows.column_names:
        return np.full(rows.num_rows, -1, np.int64)
    largest, scale = (_LONGEST_SECONDS, 1_000_000) if name in LATENCIES else (_MOST_BYTES, 1)
    found = _scaled(_floats(rows.column(name)), largest, scale)
    absent = np.isnan(found)
    return (np.where(absent, -1.0, found) if absent.any() else found).astype(np.int64)


def words(rows: pa.Table, name: str) -> tuple[Codes, list[str]]:
    """The logged values of a field: the place of each row's value in the list of values."""
    if name not in rows.column_names:
        return np.zeros(rows.num_rows, np.int32), [ABSENT]
    column = rows.column(name).combine_chunks()
    return column.indices.to_numpy(), column.dictionary.to_pylist()


def typed(raw: pa.Table) -> pa.Table:
    """The columns of `raw` (text by field name, dictionary-encoded or not) as `sane_rows` takes
    them: numbers and times converted, null where they do not convert, the rest encoded."""
    columns = {name: raw.column(name).combine_chunks() for name in raw.column_names}
    if MILLIS in columns:
        columns[MILLIS] = _typed_column(columns[MILLIS], TYPES[MILLIS])
        if not np.isnan(_millis(columns[MILLIS])).any():
            # All have the most precise time, and the others do not matter.
            columns = {k: v for k, v in columns.items() if k not in (DATE, TIME, SECONDS)}
    for name, column in columns.items():
        if name in TYPES and name != MILLIS:
            columns[name] = _typed_column(column, TYPES[name])
        elif column.type == pa.string():
            columns[name] = pc.fill_null(column, ABSENT).dictionary_encode()
    return pa.table(columns)


def _typed_column(column: pa.Array, kind: pa.DataType) -> pa.Array:
    cast = None if pa.types.is_dictionary(column.type) else _cast(column, kind)
    if cast is not None:
        return cast
    words = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    return _converted(words.dictionary.to_pylist(), kind).take(words.indices)


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """The whole column converted at once, None when some value of it does not convert."""
    if kind == TYPES[TIME]:  # the one type that Arrow reads from text in CSV only
        return None
    try:
        return pc.if_else(pc.not_equal(column, ABSENT), column, None).cast(kind)
    except pa.ArrowInvalid:
        return None


def read_csv(block: bytes, names: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Table:
    """The columns of `types` of TAB-separated lines whose fields are `names`.

    The one place where text becomes values: every format's numbers and times go through it.
    An empty line is a row without values. Raises pa.ArrowInvalid for a ragged line, a value that
    does not convert, or invalid UTF-8.
    """
    # Whether a block is UTF-8 is cheaper to find out once than for each of its values.
    options = _csv_options(tuple(names), tuple(types.items()), not block.isascii())
    return csv.read_csv(pa.BufferReader(block), *options)


@lru_cache(maxsize=256)
def _csv_options(
    names: tuple[str, ...], types: tuple[tuple[str, pa.DataType], ...], check_utf8: bool
) -> tuple[csv.ReadOptions, csv.ParseOptions, csv.ConvertOptions]:
    return (
        csv.ReadOptions(column_names=names, use_threads=False, block_size=_WHOLE),
        csv.ParseOptions(
            delimiter="\t",
            quote_char=False,
            double_quote=False,
            escape_char=False,
            newlines_in_values=False,
            ignore_empty_lines=False,
        ),
        csv.ConvertOptions(
            include_columns=[name for name, _ in types],
            column_types=dict(types),
            null_values=["", ABSENT],
            strings_can_be_null=False,
            check_utf8=check_utf8,
        ),
    )


def utf8(block: bytes) -> bytes:
    """The block with bytes that are not UTF-8 percent-encoded, as CloudFront itself would."""
    if block.isascii():
        return block
    return block.decode("utf-8", "edgetally-percent").encode()


def _percent(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    damaged = error.object[error.start : error.end]
    return "".join(f"%{byte:02X}" for byte in damaged), error.end


codecs.register_error("edgetally-percent", _percent)


def _converted(words: list[str | None], kind: pa.DataType) -> pa.Array:
    """What the CSV reader makes of each word, null where it refuses: found by halving."""
    if not words:
        return pa.array([], kind)
    text = "".join(f"{_one_line(word)}\n" for word in words).encode("utf-8", "replace")
    try:
        return read_csv(text, ["0"], {"0": kind}).column("0").combine_chunks()
    except pa.ArrowInvalid:
        if len(words) == 1:
            return pa.nulls(1, kind)
        middle = len(words) // 2
        halves = [_converted(words[:middle], kind), _converted(words[middle:], kind)]
        return pa.concat_arrays(halves)


def _one_line(word: str | None) -> str:
    """The word, or nothing where it could not stand in a line of its own."""
    return "" if word is None or not word.isprintable() else word


def _timed(raw: pa.Table, times: Floats) -> pa.Table:
    """The raw columns with the one time instead of its parts."""
    names = [name for name in raw.column_names if name not in CLOCK_FIELDS]
    columns = [pa.array(times.astype(np.int64)), *(raw.column(name) for name in names)]
    return pa.Table.from_arrays(columns, [CLOCK, *names])


def _times(raw: pa.Table) -> Floats:
    """The most precise time that each row has, in whole epoch microseconds; NaN for none.

    Every sensible time is below 2⁵³ microseconds (the year 2255), so a float holds it exactly.
    """
    names = set(raw.column_names)
    times = []
    if MILLIS in names:
        times.append(_millis(raw.column(MILLIS)))
    if {DATE, TIME} <= names:
        days, seconds = _floats(raw.column(DATE)), _floats(raw.column(TIME))
        times.append((days * 86_400.0 + seconds) * 1_000_000.0)
    if SECONDS in names:
        times.append(_scaled(_floats(raw.column(SECONDS)), _LATEST_SECOND, 1_000_000))
    first, *others = times
    for other in others:
        first = np.where(np.isnan(first), other, first)
    return first


def _millis(column: pa.ChunkedArray) -> Floats:
    return _scaled(_floats(column), _LATEST_SECOND * 1000, 1000)


def _floats(column: pa.ChunkedArray) -> Floats:
    """The column's values, NaN for null; days and seconds for dates and times of day."""
    if column.type in (TYPES[DATE], TYPES[TIME]):
        column = column.cast(pa.int32())
    numbers: Floats = column.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    return numbers


def _scaled(numbers: Floats, largest: int, scale: int) -> Floats:
    """Numbers from 0 to `largest`, scaled and rounded; NaN for everything else."""
    if not _within(numbers, 0, largest):
        sensible = (numbers >= 0.0) & (numbers <= float(largest))
        numbers = np.where(sensible, numbers, np.nan)
    return np.rint(numbers * float(scale))


def _within(numbers: Floats, smallest: int, largest: int) -> bool:
    """Whether all numbers lie in this range; NaN lies in none."""
    return not len(numbers) or bool(numbers.min() >= smallest and numbers.max() <= largest)
