"""HourlyAggregate ⇄ bytes: versioned, exact, and the same bytes for equal aggregates.

A row is a MessagePack array of the format version and a map of sections, each compressed by
itself, so that a reader can take the totals or one table without decoding the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pipeline.hour.aggregate import EVERYTHING, HISTOGRAMS, HourlyAggregate, Wanted, merge
from pipeline.hour.packing import CodecError as CodecError
from pipeline.hour.packing import pack, unpack
from pipeline.hour.vector import Vector
from pipeline.schema.dimensions import DIMENSIONS, Caps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.hour.hyperloglog import Uniques

VERSION = 3
LARGEST = 300_000
"""The largest encoded row in bytes. DynamoDB takes 400 KB an item, keys and attributes included."""

_TOTALS, _VISITORS, _PATHS = "totals", "unique:visitors", "unique:paths"
_TABLE, _LATENCY = "table:", "latency:"


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


_encoder = msgspec.msgpack.Encoder()


def encode(aggregate: HourlyAggregate) -> bytes:
    """The bytes of an aggregate; equal aggregates give equal bytes.

    Raises TooLarge when the row would be larger than a store takes.
    """
    from pipeline.hour.sections import pack_histogram, pack_table, pack_uniques

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
    sections = {_TOTALS: pack(head)}
    for name, table in sorted(aggregate.tables.items()):
        sections[_TABLE + name] = pack_table(table)
    for name, histogram in sorted(aggregate.latency.items()):
        sections[_LATENCY + name] = pack_histogram(histogram)
    for name, uniques in ((_VISITORS, aggregate.visitors), (_PATHS, aggregate.paths)):
        if uniques is not None:
            sections[name] = pack_uniques(uniques)
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


def totals_of(blob: bytes) -> bytes:
    """The bytes of an aggregate that has only the totals of the one in these. Raises CodecError."""
    row = _row(blob)
    return _encoder.encode(_Row(row.version, {_TOTALS: row.sections[_TOTALS]}))


def decode(blob: bytes, wanted: Wanted = EVERYTHING) -> HourlyAggregate:
    """The aggregate that `encode` made these bytes of, or its totals and what is `wanted` of it.

    Raises CodecError for any other bytes; what is not wanted is not looked at.
    """
    row = _row(blob)
    try:
        head = unpack(row.sections[_TOTALS], _Totals)
    except KeyError:
        raise CodecError("the totals are missing") from None
    whole = HourlyAggregate(
        totals=head.totals,
        bytes_received=head.bytes_received,
        cacheable=head.cacheable,
        cacheable_hits=head.cacheable_hits,
        first_us=head.first_us,
        last_us=head.last_us,
        objects=head.objects,
        rejected=head.rejected,
    )
    tables = _named(row.sections, _TABLE, DIMENSIONS)
    latency = _named(row.sections, _LATENCY, HISTOGRAMS)
    if wanted is not None and not wanted:
        return whole
    return _with_sketches(whole, row, _only(wanted, tables), _only(wanted, latency), wanted)


def _with_sketches(
    whole: HourlyAggregate,
    row: _Row,
    tables: Mapping[str, bytes],
    latency: Mapping[str, bytes],
    wanted: Wanted,
) -> HourlyAggregate:
    from dataclasses import replace

    from pipeline.hour.sections import unpack_histogram, unpack_table, unpack_uniques

    def uniques(section: str, name: str) -> Uniques | None:
        raw = row.sections.get(section)
        return unpack_uniques(raw) if raw is not None and _is_wanted(wanted, name) else None

    return replace(
        whole,
        tables={name: unpack_table(raw) for name, raw in tables.items()},
        latency={name: unpack_histogram(raw) for name, raw in latency.items()},
        visitors=uniques(_VISITORS, "visitors"),
        paths=uniques(_PATHS, "paths"),
    )


def _only(wanted: Wanted, sections: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: raw for name, raw in sections.items() if _is_wanted(wanted, name)}


def _is_wanted(wanted: Wanted, name: str) -> bool:
    return wanted is None or name in wanted


def _row(blob: bytes) -> _Row:
    try:
        version = msgspec.msgpack.decode(blob, type=tuple[int, msgspec.Raw])[0]
        if version != VERSION:
            raise CodecError(f"format version {version}, and this edgetally reads {VERSION}")
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
        if name not in known:
            raise CodecError(f"section {kind + name!r} is unknown")
    return found
