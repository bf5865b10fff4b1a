"""Columns of any Arrow type → the text that a log would have, or the reason that there is none."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from pipeline.read.layout import LATENCIES
from pipeline.read.values import utf8
from pipeline.schema.fields import DATE, MILLIS, SECONDS, TIME

_MOMENTS = (MILLIS, SECONDS)
_Is: TypeAlias = Callable[[pa.DataType], bool]


_TEXT: tuple[_Is, ...] = (
    types.is_string,
    types.is_large_string,
    types.is_string_view,
    types.is_binary,
    types.is_large_binary,
    types.is_binary_view,
    types.is_fixed_size_binary,
)
_NUMBERS: tuple[_Is, ...] = (types.is_integer, types.is_floating, types.is_decimal)
_TOO_COARSE: tuple[_Is, ...] = (types.is_float16, types.is_float32)
"""Numbers of too few bits for a moment of today."""

_OTHERS: dict[str, tuple[_Is, ...]] = {
    DATE: (types.is_date, types.is_timestamp),
    TIME: (types.is_time, types.is_timestamp),
    **dict.fromkeys(_MOMENTS, (types.is_timestamp,)),
    **dict.fromkeys(LATENCIES, (types.is_duration,)),
}
"""The types beside text and numbers that a field may have."""


def _is(kind: pa.DataType, kinds: Iterable[_Is]) -> bool:
    return any(each(kind) for each in kinds)


def stored(kind: pa.DataType) -> pa.DataType:
    """The type of a column's values: those of a dictionary, or of an extension's storage."""
    if types.is_dictionary(kind):
        return stored(kind.value_type)
    return stored(kind.storage_type) if isinstance(kind, pa.BaseExtensionType) else kind


def is_readable(field: str, kind: pa.DataType) -> bool:
    """Whether a field can have values of a type. Nested ones and truth values are no field's."""
    if field in _MOMENTS and _is(kind, _TOO_COARSE):
        return False
    return _is(kind, (types.is_null, *_TEXT, *_NUMBERS, *_OTHERS.get(field, ())))


def as_text(column: pa.Array, field: str) -> pa.Array:
    """A column whose type `is_readable` for the field, as strings; null where it has no value."""
    if types.is_dictionary(column.type):
        return as_text(column.dictionary_decode(), field)
    if isinstance(column.type, pa.BaseExtensionType):
        return as_text(column.storage, field)
    kind = column.type
    if types.is_timestamp(kind):
        column = _of_moments(column.cast(pa.timestamp("us"), safe=False), field)
    elif types.is_time(kind):  # Parquet knows no whole seconds
        column = column.cast(pa.time32("s"), safe=False)
    elif types.is_date(kind):
        column = column.cast(pa.date32())
    elif types.is_duration(kind):
        column = _seconds(column)
    elif _is(kind, _NUMBERS):
        return _of_numbers(column, field)
    return _of_text(column) if _is(kind, _TEXT) else column.cast(pa.string())


def _of_text(column: pa.Array) -> pa.Array:
    binary = column.cast(pa.large_binary())
    try:
        return binary.cast(pa.large_string()).cast(pa.string())
    except pa.ArrowInvalid:  # bytes that are not UTF-8
        words = [None if word is None else utf8(word).decode() for word in binary.to_pylist()]
        return pa.array(words, pa.string())


def _of_numbers(column: pa.Array, field: str) -> pa.Array:
    """Numbers as a log writes them: whole ones without a point, but for times of requests."""
    if not types.is_integer(column.type) and field not in LATENCIES:
        numbers = column.cast(pa.float64(), safe=False)
        is_whole = pc.fill_null(pc.equal(pc.floor(numbers), numbers), False)
        small = pc.less(pc.abs(numbers), float(2**63))
        whole = pc.if_else(pc.and_(is_whole, pc.fill_null(small, False)), numbers, None)
        text = whole.cast(pa.int64()).cast(pa.string())
        return pc.coalesce(text, _plain(column))
    return _plain(column)


def _plain(column: pa.Array) -> pa.Array:
    if types.is_float16(column.type):
        column = column.cast(pa.float32())
    return column.cast(pa.string())


def _seconds(column: pa.Array) -> pa.Array:
    """Durations in seconds, which is the unit of every time in a log."""
    micros = column.cast(pa.duration("us"), safe=False).cast(pa.int64())
    return pc.divide(micros.cast(pa.float64(), safe=False), 1e6)


def _of_moments(column: pa.Array, field: str) -> pa.Array:
    """Moments as a date, a time of day, or an epoch in the unit of the field."""
    if field == DATE:
        return column.cast(pa.date32(), safe=False)
    if field == TIME:
        return column.cast(pa.time32("s"), safe=False)
    return pc.divide(column.cast(pa.int64()), 1e3 if field == MILLIS else 1e6)
