"""HourlyAggregate ⇄ bytes: versioned, exact, and the same bytes for equal aggregates.

A row is a MessagePack array of the format version and a map of sections, each compressed by
itself, so that a reader can take the totals or one table without decoding the rest. A table is
stored by columns: its values in order, then one column of integers per measure.
"""

import zlib
from typing import TypeVar

import msgspec

from pipeline.core.aggregate import HourlyAggregate
from pipeline.core.counters import Vector
from pipeline.core.dimensions import DIMENSIONS
from pipeline.core.top import Table

VERSION = 1
LARGEST = 380_000
"""The largest encoded row in bytes. DynamoDB takes 400 KB an item, keys and attributes included."""

_TOTALS = "totals"
T = TypeVar("T")


class CodecError(ValueError):
    """Bytes that are no aggregate, or an aggregate that is too large to store."""


class _Row(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    sections: dict[str, bytes]


class _Totals(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    totals: Vector
    bytes_received: int
    first_us: int | None
    last_us: int | None
    objects: dict[int, int]
    rejected: dict[str, int]


class _Table(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    values: list[str]
    columns: list[list[int]]
    other: Vector
    bound: int
    weights: list[int]


_encoder = msgspec.msgpack.Encoder()


def encode(aggregate: HourlyAggregate) -> bytes:
    """The bytes of an aggregate; equal aggregates give equal bytes.

    Raises CodecError when the row would be larger than a store takes.
    """
    head = _Totals(
        aggregate.totals,
        aggregate.bytes_received,
        aggregate.first_us,
        aggregate.last_us,
        dict(sorted(aggregate.objects.items())),
        dict(sorted(aggregate.rejected.items())),
    )
    sections = {_TOTALS: _pack(head)}
    for name, table in sorted(aggregate.tables.items()):
        sections[f"table:{name}"] = _pack(_columns(table))
    row = _encoder.encode(_Row(VERSION, sections))
    if len(row) > LARGEST:
        raise CodecError(f"an encoded hour of {len(row):,} bytes exceeds {LARGEST:,}")
    return row


def decode(blob: bytes) -> HourlyAggregate:
    """The aggregate that `encode` made these bytes of. Raises CodecError for any other bytes."""
    sections = _row(blob).sections
    try:
        head = _unpack(sections.pop(_TOTALS), _Totals)
    except KeyError:
        raise CodecError("the totals are missing") from None
    return HourlyAggregate(
        totals=head.totals,
        bytes_received=head.bytes_received,
        first_us=head.first_us,
        last_us=head.last_us,
        objects=head.objects,
        rejected=head.rejected,
        tables={_dimension(name): _table(_unpack(raw, _Table)) for name, raw in sections.items()},
    )


def _row(blob: bytes) -> _Row:
    try:
        version = msgspec.msgpack.decode(blob, type=tuple[int, msgspec.Raw])[0]
        if version != VERSION:
            raise CodecError(f"format version {version}, and this edgetally reads {VERSION}")
        return msgspec.msgpack.decode(blob, type=_Row)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CodecError(f"not an encoded aggregate ({error})") from error


def _dimension(section: str) -> str:
    name = section.removeprefix("table:")
    if name not in DIMENSIONS:
        raise CodecError(f"section {section!r} is unknown")
    return name


def _columns(table: Table) -> _Table:
    values = sorted(table.entries)
    vectors = [table.entries[value] for value in values]
    columns = [list(column) for column in zip(*vectors, strict=True)]
    weights = [table.weights[value] for value in values] if table.bound else []
    return _Table(values, columns, table.other, table.bound, weights)


def _table(raw: _Table) -> Table:
    try:
        vectors = map(Vector._make, zip(*raw.columns, strict=True))
        entries = dict(zip(raw.values, vectors, strict=True))
        weights = dict(zip(raw.values, raw.weights, strict=True)) if raw.bound else {}
    except (TypeError, ValueError) as error:
        raise CodecError(f"the columns of a table do not fit together ({error})") from error
    return Table(entries, raw.other, raw.bound, weights)


def _pack(section: object) -> bytes:
    return zlib.compress(_encoder.encode(section), 6)


def _unpack(raw: bytes, kind: type[T]) -> T:
    try:
        return msgspec.msgpack.decode(zlib.decompress(raw), type=kind)
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CodecError(f"a section is damaged ({error})") from error
