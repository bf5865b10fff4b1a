"""Text → numbers, times and words, as Arrow columns: the values of every format.

Arrow's CSV reader converts all of them, so that a value means the same in every format.
"""

import codecs
import ctypes
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from pipeline.arrays import Floats
from pipeline.read.layout import MEASURES
from pipeline.schema.dimensions import ABSENT
from pipeline.schema.fields import DATE, MILLIS, SECONDS, TIME, VIEWER_HOST

# Blocks of the same few megabytes come and go. Arrow's own allocators give each back to the system
# and fault its pages in again, a tenth of all time; the C library's keeps them (measured with
# glibc: docs/performance.md).
pa.set_memory_pool(pa.system_memory_pool())
# glibc gives each thread that reads blocks a heap of its own, and keeps in each what it once held.
# One heap for all lowers the peak by a tenth, and nothing is slower (mallopt(3)).
if sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt"):
    ctypes.CDLL(None).mallopt(-8, 1)  # M_ARENA_MAX

WORD = pa.dictionary(pa.int32(), pa.string())
TYPES = {
    **dict.fromkeys((*MEASURES, MILLIS, SECONDS), pa.float64()),
    DATE: pa.date32(),
    TIME: pa.time32("s"),
}
"""The types of the fields that are not text."""

_CLOUDFRONT = ".cloudfront.net"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:"
_WHOLE = 2**31 - 1  # bytes that Arrow reads at a time: any block is one piece
_LATEST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z


def read_csv(block: bytes, names: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Table:
    """The columns of `types` of TAB-separated lines whose fields are `names`.

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


def with_host(raw: pa.Table, beside: pa.Array) -> pa.Table:
    """The columns with the viewer's host from two columns of text, one of which is the
    distribution's own domain: in each row the one that is no domain of CloudFront's, else its own.
    """
    if VIEWER_HOST not in raw.column_names:
        return raw
    host = raw.column(VIEWER_HOST).combine_chunks()
    is_own = pc.fill_null(pc.ends_with(host, _CLOUDFRONT), True)
    is_other = pc.invert(pc.fill_null(pc.ends_with(beside, _CLOUDFRONT), True))
    is_other = pc.and_(is_other, pc.invert(pc.is_in(beside, pa.array(["", ABSENT]))))
    host = pc.if_else(pc.and_(is_own, is_other), beside, host)
    return raw.set_column(raw.column_names.index(VIEWER_HOST), VIEWER_HOST, host)


def typed(raw: pa.Table) -> pa.Table:
    """The columns of `raw`, which are text by field name, as values.

    Numbers and times are converted, null where they do not convert. The rest is
    dictionary-encoded.
    """
    columns = {name: raw.column(name).combine_chunks() for name in raw.column_names}
    for name in columns.keys() & {MILLIS, SECONDS}:
        columns[name] = _without_iso(columns[name], name)
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


def _without_iso(column: pa.Array, name: str) -> pa.Array:
    """An epoch as text; times in ISO 8601, which other writers log instead, become epochs."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    words = encoded.dictionary
    if not pc.any(pc.match_substring_regex(words, _ISO)).as_py():
        return column
    per_second = 1000 if name == MILLIS else 1
    return pa.array([_epoch(word, per_second) for word in words.to_pylist()], pa.string()).take(
        encoded.indices
    )


def _epoch(word: str | None, per_second: int) -> str | None:
    try:
        moment = datetime.fromisoformat(word or "")
    except ValueError:
        return word
    micros = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    return str(micros // timedelta(microseconds=1) * per_second / 1_000_000)


def _typed_column(column: pa.Array, kind: pa.DataType) -> pa.Array:
    cast = None if pa.types.is_dictionary(column.type) else _cast(column, kind)
    if cast is not None:
        return cast
    words = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    return _converted(words.dictionary.to_pylist(), kind).take(words.indices)


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """The whole column converted at once; None if some value does not convert."""
    if kind == TYPES[TIME]:  # the one type that Arrow reads from text in CSV only
        return None
    try:
        return pc.if_else(pc.not_equal(column, ABSENT), column, None).cast(kind)
    except pa.ArrowInvalid:
        return None


def _converted(words: list[str | None], kind: pa.DataType) -> pa.Array:
    """Each word as the CSV reader converts it, null where it refuses (found by halving)."""
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
    """The word, or nothing if it could not be a line by itself."""
    return "" if word is None or not word.isprintable() else word


def times_of(raw: pa.Table) -> Floats:
    """The most precise time of each row, in whole epoch microseconds; NaN for none.

    Every sensible time is below 2⁵³ microseconds (the year 2255), so a float holds it exactly.
    """
    names = set(raw.column_names)
    times = []
    if MILLIS in names:
        times.append(_millis(raw.column(MILLIS)))
    if {DATE, TIME} <= names:
        days, seconds = floats(raw.column(DATE)), floats(raw.column(TIME))
        times.append((days * 86_400.0 + seconds) * 1_000_000.0)
    if SECONDS in names:
        seconds = _in_seconds(floats(raw.column(SECONDS)))
        times.append(scaled(seconds, _LATEST_SECOND, 1_000_000))
    best: Floats = np.full(raw.num_rows, np.nan)
    for other in times:
        best = np.where(np.isnan(best), other, best) if np.isnan(best).any() else best
    return best


def _in_seconds(epochs: Floats) -> Floats:
    """Epochs of seconds, or of milli-, micro- or nanoseconds as other writers log them.

    Their size tells: none of a second since 1973 is one of another unit before the year 5000.
    """
    for largest, per_second in ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3)):
        if within(epochs, 0, int(largest)):
            continue
        epochs = np.where(epochs >= largest, epochs / per_second, epochs)
    return epochs


def _millis(column: pa.ChunkedArray) -> Floats:
    return scaled(floats(column), _LATEST_SECOND * 1000, 1000)


def floats(column: pa.ChunkedArray) -> Floats:
    """The values of a column, NaN for null; days for a date, seconds for a time of day."""
    if column.type in (TYPES[DATE], TYPES[TIME]):
        column = column.cast(pa.int32())
    numbers: Floats = column.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    return numbers


def scaled(numbers: Floats, largest: int, scale: int) -> Floats:
    """Numbers from 0 to `largest`, scaled and rounded; NaN for everything else."""
    if not within(numbers, 0, largest):
        sensible = (numbers >= 0.0) & (numbers <= float(largest))
        numbers = np.where(sensible, numbers, np.nan)
    return np.rint(numbers * float(scale))


def within(numbers: Floats, smallest: int, largest: int) -> bool:
    """Whether all numbers lie in this range. NaN lies in none."""
    return not len(numbers) or bool(numbers.min() >= smallest and numbers.max() <= largest)
