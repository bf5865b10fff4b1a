"""Counted lines as Arrow columns, whatever format they came in, and the lines that were not."""

import codecs
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from pipeline.core.dimensions import ABSENT, DIMENSIONS
from pipeline.core.fields import (
    BYTES_RECEIVED,
    BYTES_SENT,
    DATE,
    MILLIS,
    SECONDS,
    TIME,
    TIME_TAKEN,
)
from pipeline.core.formats import MEASURES

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

# A terabyte in one response, or four months in one request, is a damaged line; the bounds also
# keep the sums of an hour inside 64 bits.
_LARGEST = {BYTES_SENT: 10**12, BYTES_RECEIVED: 10**12, TIME_TAKEN: 10**7}
_LATEST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z


class Example(NamedTuple):
    """A rejected line: its number (from 1, in its block or object) and its first characters."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Rows:
    """Lines as columns, and the count of those that were rejected, by reason, with the first
    example of each.

    Columns: `time` (int64, epoch microseconds, never null), `bytes_sent`, `bytes_received`,
    `time_us` (int64, null where the line has no sensible number), and a dictionary column of
    strings per dimension.
    """

    table: pa.Table
    rejected: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Example] = field(default_factory=dict)

    def also_rejected(self, reason: str, examples: Sequence[Example]) -> "Rows":
        """The same rows beside these lines that never became rows."""
        if not examples:
            return self
        rejected = self.rejected + Counter({reason: len(examples)})
        return Rows(self.table, rejected, {reason: examples[0], **self.examples})


def sane_rows(raw: pa.Table, latest_us: int, example: Callable[[int], Example]) -> Rows:
    """The rows of `raw` (typed columns by field name) that have a sensible time.

    `latest_us` bounds a sensible time; `example` shows the line of a row of `raw`.
    """
    table = _named(raw)
    times = table.column("time")
    sane = pc.and_(pc.greater_equal(times, EARLIEST_US), pc.less_equal(times, latest_us))
    if pc.all(sane, skip_nulls=False, min_count=0).as_py():
        return Rows(table)
    bad = {BAD_TIMESTAMP: pc.is_null(sane), OUT_OF_RANGE: pc.invert(pc.fill_null(sane, True))}
    first = {reason: pc.index(which, True).as_py() for reason, which in bad.items()}
    return Rows(
        table.filter(sane),
        +Counter({reason: pc.sum(which).as_py() for reason, which in bad.items()}),
        {reason: example(row) for reason, row in first.items() if row >= 0},
    )


def no_rows() -> pa.Table:
    """A table of no rows."""
    return _named(pa.table({SECONDS: pa.array([], pa.float64())}))


def typed(raw: pa.Table) -> pa.Table:
    """The columns of `raw` (text by field name, dictionary-encoded or not) as `sane_rows` takes
    them: numbers and times converted, null where they do not convert, the rest encoded."""
    columns = {name: raw.column(name).combine_chunks() for name in raw.column_names}
    if MILLIS in columns:
        columns[MILLIS] = _typed_column(columns[MILLIS], TYPES[MILLIS])
        if not _millis(columns[MILLIS]).null_count:  # then the less precise times do not matter
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


def read_csv(block: bytes, names: list[str], types: dict[str, pa.DataType]) -> pa.Table:
    """The columns of `types` of TAB-separated lines whose fields are `names`.

    The one place where text becomes values: every format's numbers and times go through it.
    Raises pa.ArrowInvalid for a ragged line, a value that does not convert, or invalid UTF-8.
    """
    return csv.read_csv(
        pa.BufferReader(block),
        csv.ReadOptions(column_names=names, use_threads=False, block_size=len(block) + 1),
        csv.ParseOptions(
            delimiter="\t",
            quote_char=False,
            double_quote=False,
            escape_char=False,
            newlines_in_values=False,
            ignore_empty_lines=len(names) > 1,
        ),
        csv.ConvertOptions(
            include_columns=list(types),
            column_types=types,
            null_values=["", ABSENT],
            strings_can_be_null=False,
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


def _named(raw: pa.Table) -> pa.Table:
    """The table's columns under the names of `Rows`, with absent fields filled in."""
    columns = {
        "time": _micros(raw),
        "bytes_sent": _measure(raw, BYTES_SENT, 1),
        "bytes_received": _measure(raw, BYTES_RECEIVED, 1),
        "time_us": _measure(raw, TIME_TAKEN, 1_000_000),
    }
    for dimension in DIMENSIONS.values():
        columns[dimension.name] = (
            raw.column(dimension.field).combine_chunks()
            if dimension.field in raw.column_names
            else _absent(raw.num_rows)
        )
    return pa.table(columns)


def _micros(raw: pa.Table) -> pa.ChunkedArray:
    """The most precise time that each row has, in epoch microseconds."""
    names = set(raw.column_names)
    times = []
    if MILLIS in names:
        times.append(_millis(raw.column(MILLIS)))
    if {DATE, TIME} <= names:
        days = raw.column(DATE).cast(pa.int32()).cast(pa.int64())
        seconds = raw.column(TIME).cast(pa.int32()).cast(pa.int64())
        times.append(pc.multiply(pc.add(pc.multiply(days, 86_400), seconds), 1_000_000))
    if SECONDS in names:
        times.append(_integers(raw.column(SECONDS), _LATEST_SECOND, 1_000_000))
    return times[0] if len(times) == 1 else pc.coalesce(*times)


def _millis(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return _integers(column, _LATEST_SECOND * 1000, 1000)


def _measure(raw: pa.Table, name: str, scale: int) -> pa.ChunkedArray:
    if name not in raw.column_names:
        return pa.nulls(raw.num_rows, pa.int64())
    return _integers(raw.column(name), _LARGEST[name], scale)


def _integers(column: pa.ChunkedArray, largest: int, scale: int) -> pa.ChunkedArray:
    """Finite numbers from 0 to `largest`, scaled and rounded; null for everything else."""
    sensible = pc.and_(pc.greater_equal(column, 0.0), pc.less_equal(column, float(largest)))
    numbers = pc.if_else(sensible, column, None)
    return pc.round(pc.multiply(numbers, float(scale))).cast(pa.int64())


def _absent(rows: int) -> pa.DictionaryArray:
    indices = pa.repeat(pa.scalar(0, pa.int32()), rows)
    return pa.DictionaryArray.from_arrays(indices, pa.array([ABSENT]))
