"""A block of lines → Arrow columns of just the fields that are counted.

Whole blocks go through Arrow's CSV reader. A block it refuses (a ragged line, a value that does
not convert, invalid UTF-8) is mended line by line and read again as text, so that one odd line
never costs its neighbours, and every line is either in the table or in `rejected`.
"""

import codecs
from collections import Counter
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from pipeline.core.dimensions import ABSENT, DIMENSIONS
from pipeline.core.formats import (
    BYTES_RECEIVED,
    BYTES_SENT,
    DATE,
    MEASURES,
    MILLIS,
    SECONDS,
    TIME,
    TIME_TAKEN,
    Layout,
)

TOO_FEW_FIELDS = "too_few_fields"
BAD_TIMESTAMP = "bad_timestamp"
OUT_OF_RANGE = "out_of_range_timestamp"
LINE_TOO_LONG = "line_too_long"

EARLIEST_US = 1_226_966_400_000_000
"""2008-11-18, when CloudFront was launched: no genuine line is older."""

_WORD = pa.dictionary(pa.int32(), pa.string())
_TYPES = {
    **dict.fromkeys((*MEASURES, MILLIS, SECONDS), pa.float64()),
    DATE: pa.date32(),
    TIME: pa.time32("s"),
}
# A terabyte in one response, or four months in one request, is a damaged line; the bounds also
# keep the sums of an hour inside 64 bits.
_LARGEST = {BYTES_SENT: 10**12, BYTES_RECEIVED: 10**12, TIME_TAKEN: 10**7}
_LATEST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z
_TAB = b"\t"


@dataclass(frozen=True, slots=True)
class Rows:
    """Lines as columns, and the count of those that were rejected, by reason.

    Columns: `time` (int64, epoch microseconds, never null), `bytes_sent`, `bytes_received`,
    `time_us` (int64, null where the line has no sensible number), and a dictionary column of
    strings per dimension.
    """

    table: pa.Table
    rejected: Counter[str]


def read_rows(block: bytes, layout: Layout, latest_us: int) -> Rows:
    """The lines of a block that has no `#` lines; `latest_us` bounds a sensible timestamp."""
    rejected: Counter[str] = Counter()
    block = _unix_line_ends(block)
    try:
        raw = _read(block, layout, typed=True)
    except pa.ArrowInvalid:
        lines, rejected[TOO_FEW_FIELDS] = _mend(block, layout)
        if not lines:
            return Rows(_EMPTY, +rejected)
        raw = _convert(_read(b"".join(lines), layout, typed=False))
    table = _named(raw, layout)
    times = table.column("time")
    rejected[BAD_TIMESTAMP] = times.null_count
    sane = pc.and_(pc.greater_equal(times, EARLIEST_US), pc.less_equal(times, latest_us))
    rejected[OUT_OF_RANGE] = pc.sum(pc.invert(sane), min_count=0).as_py()
    if +rejected:
        table = table.filter(sane)
    return Rows(table, +rejected)


def _unix_line_ends(block: bytes) -> bytes:
    # Arrow ends a line at a lone CR too; CloudFront writes a CR inside a field as %0D.
    if b"\r" in block:
        return block.replace(b"\r\n", b"\n").replace(b"\r", b"%0D")
    return block


def _read(block: bytes, layout: Layout, *, typed: bool) -> pa.Table:
    wanted = {str(position): field for field, position in layout.wanted.items()}
    types = {name: _TYPES.get(field, _WORD) if typed else _WORD for name, field in wanted.items()}
    names = [str(position) for position in range(len(layout.fields))]
    return _csv(block, names, types).rename_columns(list(wanted.values()))


def _csv(block: bytes, names: list[str], types: dict[str, pa.DataType]) -> pa.Table:
    """The columns of `types` of a block whose columns are `names`. Raises pa.ArrowInvalid."""
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


def _mend(block: bytes, layout: Layout) -> tuple[list[bytes], int]:
    """The block's lines with exactly the layout's fields, and how many were cut too short.

    Extra trailing fields are dropped, fields missing behind the last needed one are absent, and
    bytes that are not UTF-8 are percent-encoded, as CloudFront itself encodes them.
    """
    width, needed = len(layout.fields), layout.needed
    text = block.decode("utf-8", "edgetally-percent").encode()
    lines: list[bytes] = []
    short = 0
    for line in text.split(b"\n"):
        if not line:
            continue
        fields = line.split(_TAB)
        if len(fields) < needed:
            short += 1
            continue
        fields = fields[:width] + [ABSENT.encode()] * (width - len(fields))
        lines.append(_TAB.join(fields) + b"\n")
    return lines, short


def _percent(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    damaged = error.object[error.start : error.end]
    return "".join(f"%{byte:02X}" for byte in damaged), error.end


codecs.register_error("edgetally-percent", _percent)


def _convert(raw: pa.Table) -> pa.Table:
    """The typed columns of a table that was read as text; what does not convert becomes null."""
    for position, name in enumerate(raw.column_names):
        if name in _TYPES:
            words = raw.column(name).combine_chunks()
            values = _converted(words.dictionary.to_pylist(), _TYPES[name])
            raw = raw.set_column(position, name, values.take(words.indices))
    return raw


def _converted(words: list[str], kind: pa.DataType) -> pa.Array:
    """What the CSV reader makes of each word, null where it refuses: found by halving."""
    text = "".join(f"{word}\n" for word in words).encode()
    try:
        return _csv(text, ["0"], {"0": kind}).column("0").combine_chunks()
    except pa.ArrowInvalid:
        if len(words) == 1:
            return pa.nulls(1, kind)
        middle = len(words) // 2
        halves = [_converted(words[:middle], kind), _converted(words[middle:], kind)]
        return pa.concat_arrays(halves)


def _named(raw: pa.Table, layout: Layout) -> pa.Table:
    """The table's columns under the names of `Rows`, with absent fields filled in."""
    columns = {
        "time": _micros(raw, layout),
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


def _micros(raw: pa.Table, layout: Layout) -> pa.ChunkedArray:
    if layout.clock == (DATE, TIME):
        days = raw.column(DATE).cast(pa.int32()).cast(pa.int64())
        seconds = raw.column(TIME).cast(pa.int32()).cast(pa.int64())
        return pc.multiply(pc.add(pc.multiply(days, 86_400), seconds), 1_000_000)
    (field,) = layout.clock
    scale = 1_000 if field == MILLIS else 1_000_000
    return _integers(raw.column(field), _LATEST_SECOND * 1_000_000 // scale, scale)


def _measure(raw: pa.Table, field: str, scale: int) -> pa.ChunkedArray:
    if field not in raw.column_names:
        return pa.nulls(raw.num_rows, pa.int64())
    return _integers(raw.column(field), _LARGEST[field], scale)


def _integers(column: pa.ChunkedArray, largest: int, scale: int) -> pa.ChunkedArray:
    """Finite numbers from 0 to `largest`, scaled and rounded; null for everything else."""
    sensible = pc.and_(pc.greater_equal(column, 0.0), pc.less_equal(column, float(largest)))
    numbers = pc.if_else(sensible, column, None)
    return pc.round(pc.multiply(numbers, float(scale))).cast(pa.int64())


def _absent(rows: int) -> pa.DictionaryArray:
    indices = pa.repeat(pa.scalar(0, pa.int32()), rows)
    return pa.DictionaryArray.from_arrays(indices, pa.array([ABSENT]))


_EMPTY = pa.table(
    {
        **{
            name: pa.array([], pa.int64())
            for name in ("time", "bytes_sent", "bytes_received", "time_us")
        },
        **{name: pa.array([], _WORD) for name in DIMENSIONS},
    }
)
