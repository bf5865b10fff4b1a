"""HourlyAggregate ⇄ bytes: versioned, exact, and the same bytes for equal aggregates.

A row is a MessagePack array of the format version and a map of sections, each compressed by
itself, so that a reader can take the totals or one table without decoding the rest. A table is
stored by columns: its values in order, then one column of integers per measure.

Version 1 (0.1.0 while it was developed) had the totals and seven tables, and is still read. What
its hours did not note, `merge` takes for unknown.
"""

import zlib
from collections.abc import Mapping
from typing import TypeVar

import msgspec
import numpy as np
from isal import isal_zlib

from pipeline.core.aggregate import HISTOGRAMS, HourlyAggregate, merge
from pipeline.core.counters import MEASURES, Vector
from pipeline.core.dimensions import DIMENSIONS, Caps
from pipeline.core.histogram import BUCKETS, Histogram
from pipeline.core.planes import pack, unpack
from pipeline.core.top import Table
from pipeline.core.uniques import LARGEST as LARGEST_REGISTER
from pipeline.core.uniques import REGISTERS, Uniques

VERSION = 2
LARGEST = 300_000
"""The largest encoded row in bytes. DynamoDB takes 400 KB an item, keys and attributes included."""

_TOTALS, _VISITORS, _PATHS = "totals", "unique:visitors", "unique:paths"
_TABLE, _LATENCY = "table:", "latency:"
_RETIRED = frozenset({"user_agent"})
"""Tables that earlier versions kept, and whose rows may still have them."""
T = TypeVar("T")


class CodecError(ValueError):
    """Bytes that are no aggregate."""


class TooLarge(ValueError):
    """An aggregate that takes more bytes than a store has room for."""


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
    cacheable: int = 0
    cacheable_hits: int = 0


class _Table(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    values: list[str]
    counts: bytes
    other: Vector
    bound: int
    cuts: bytes
    """What was taken from the counter of each value: its requests less its weight."""


class _Table1(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    values: list[str]
    columns: list[list[int]]
    other: Vector
    bound: int
    weights: list[int]


class _Histogram(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    first: int
    size: int
    counts: bytes
    sum_us: int
    max_us: int


_encoder = msgspec.msgpack.Encoder()


def encode(aggregate: HourlyAggregate) -> bytes:
    """The bytes of an aggregate; equal aggregates give equal bytes.

    Raises TooLarge when the row would be larger than a store takes.
    """
    head = _Totals(
        aggregate.totals,
        aggregate.bytes_received,
        aggregate.first_us,
        aggregate.last_us,
        dict(sorted(aggregate.objects.items())),
        dict(sorted(aggregate.rejected.items())),
        aggregate.cacheable,
        aggregate.cacheable_hits,
    )
    sections = {_TOTALS: _pack(head)}
    for name, table in sorted(aggregate.tables.items()):
        sections[_TABLE + name] = _pack(_from_table(table))
    for name, histogram in sorted(aggregate.latency.items()):
        sections[_LATENCY + name] = _pack(_from_histogram(histogram))
    for name, uniques in ((_VISITORS, aggregate.visitors), (_PATHS, aggregate.paths)):
        if uniques is not None:
            sections[name] = _pack(uniques.registers.tobytes())
    row = _encoder.encode(_Row(VERSION, sections))
    if len(row) > LARGEST:
        raise TooLarge(f"an encoded hour of {len(row):,} bytes exceeds {LARGEST:,}")
    return row


def encode_fitting(aggregate: HourlyAggregate, caps: Caps) -> bytes:
    """The bytes of an aggregate, with smaller tables where it would be too large for a row. Only
    values made to be long, numerous and random at once come here."""
    try:
        return encode(aggregate)
    except TooLarge:
        smaller = {name: cap // 2 for name, cap in caps.items()}
        return encode_fitting(merge([aggregate], smaller), smaller)


def decode(blob: bytes) -> HourlyAggregate:
    """The aggregate that `encode` made these bytes of. Raises CodecError for any other bytes."""
    row = _row(blob)
    try:
        head = _unpack(row.sections[_TOTALS], _Totals)
    except KeyError:
        raise CodecError("the totals are missing") from None
    return HourlyAggregate(
        totals=head.totals,
        bytes_received=head.bytes_received,
        cacheable=head.cacheable,
        cacheable_hits=head.cacheable_hits,
        first_us=head.first_us,
        last_us=head.last_us,
        objects=head.objects,
        rejected=head.rejected,
        tables=_tables(row),
        latency={
            name: _to_histogram(_unpack(raw, _Histogram))
            for name, raw in _named(row.sections, _LATENCY, HISTOGRAMS).items()
        },
        visitors=_to_uniques(row.sections.get(_VISITORS)),
        paths=_to_uniques(row.sections.get(_PATHS)),
    )


def _row(blob: bytes) -> _Row:
    try:
        version = msgspec.msgpack.decode(blob, type=tuple[int, msgspec.Raw])[0]
        if version not in (1, VERSION):
            raise CodecError(f"format version {version}, and this edgetally reads 1 to {VERSION}")
        row = msgspec.msgpack.decode(blob, type=_Row)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CodecError(f"not an encoded aggregate ({error})") from error
    known = (_TOTALS, _VISITORS, _PATHS)
    for section in row.sections:
        if section not in known and not section.startswith((_TABLE, _LATENCY)):
            raise CodecError(f"section {section!r} is unknown")
    return row


def _named(
    sections: Mapping[str, bytes], kind: str, known: tuple[str, ...] | Mapping[str, object]
) -> dict[str, bytes]:
    """The sections of a kind by name. Raises CodecError for one with an unknown name."""
    found = {
        section.removeprefix(kind): raw
        for section, raw in sections.items()
        if section.startswith(kind)
    }
    for name in found:
        if name not in known and name not in _RETIRED:
            raise CodecError(f"section {kind + name!r} is unknown")
    return {name: raw for name, raw in found.items() if name in known}


def _tables(row: _Row) -> dict[str, Table]:
    return {
        name: _to_table1(_unpack(raw, _Table1)) if row.version == 1 else _to_table(raw)
        for name, raw in _named(row.sections, _TABLE, DIMENSIONS).items()
    }


def _from_table(table: Table) -> _Table:
    order = sorted(range(len(table)), key=table.values.__getitem__)
    return _Table(
        [table.values[place] for place in order],
        pack(table.counts[:, order]),
        table.other,
        table.bound,
        pack((table.counts[0] - table.weights)[np.newaxis, order]) if table.bound else b"",
    )


def _to_table(section: bytes) -> Table:
    raw = _unpack(section, _Table)
    size = len(raw.values)
    try:
        counts = unpack(raw.counts, MEASURES, size)
        weights = counts[0] - unpack(raw.cuts, 1, size)[0] if raw.bound else None
    except ValueError as error:
        raise CodecError(f"the columns of a table do not fit together ({error})") from error
    return Table(raw.values, counts, raw.other, raw.bound, weights)


def _to_table1(raw: _Table1) -> Table:
    try:
        vectors = map(Vector._make, zip(*raw.columns, strict=True))
        entries = dict(zip(raw.values, vectors, strict=True))
        weights = dict(zip(raw.values, raw.weights, strict=True)) if raw.bound else None
    except (TypeError, ValueError) as error:
        raise CodecError(f"the columns of a table do not fit together ({error})") from error
    return Table.of(entries, raw.other, raw.bound, weights)


def _from_histogram(histogram: Histogram) -> _Histogram:
    filled = np.flatnonzero(histogram.counts)
    first, end = (int(filled[0]), int(filled[-1]) + 1) if len(filled) else (0, 0)
    counts = pack(histogram.counts[np.newaxis, first:end])
    return _Histogram(first, end - first, counts, histogram.sum_us, histogram.max_us)


def _to_histogram(raw: _Histogram) -> Histogram:
    counts = np.zeros(BUCKETS, np.int64)
    try:
        if raw.first < 0 or raw.size < 0 or raw.first + raw.size > BUCKETS:
            raise ValueError(f"no buckets {raw.first} to {raw.first + raw.size}")
        counts[raw.first : raw.first + raw.size] = unpack(raw.counts, 1, raw.size)[0]
    except ValueError as error:
        raise CodecError(f"a histogram is damaged ({error})") from error
    return Histogram(counts, raw.sum_us, raw.max_us)


def _to_uniques(section: bytes | None) -> Uniques | None:
    if section is None:
        return None
    registers = np.frombuffer(_unpack(section, bytes), np.uint8)
    if len(registers) != REGISTERS or registers.max() > LARGEST_REGISTER:
        raise CodecError("the registers of a set are damaged")
    return Uniques(registers)


def _pack(section: object) -> bytes:
    return zlib.compress(_encoder.encode(section), 6)


def _unpack(raw: bytes, kind: type[T]) -> T:
    try:
        return msgspec.msgpack.decode(isal_zlib.decompress(raw), type=kind)
    except (
        isal_zlib.error,  # type: ignore[misc] # its stub calls it an instance
        msgspec.MsgspecError,
        UnicodeDecodeError,
    ) as error:
        raise CodecError(f"a section is damaged ({error})") from error
