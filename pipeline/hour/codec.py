"""HourlyAggregate ⇄ bytes: versioned, exact, and the same bytes for equal aggregates.

A row is a MessagePack array of the format version and a map of sections. Each section is
compressed by itself, so that a reader can take the totals or one table without the rest.
"""

from collections.abc import Mapping

import msgspec

from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.hour.section import CONTENTS, HEAD, pack, unpack
from pipeline.hour.section import CodecError as CodecError
from pipeline.hour.sketches import EVERYTHING, NO_SKETCHES, Sketches, Wanted, only
from pipeline.hour.totals import Totals
from pipeline.schema.dimensions import Caps

VERSION = 3
LARGEST = 300_000
"""The largest encoded row in bytes. DynamoDB takes 400 KB an item, keys and attributes included."""


class TooLarge(ValueError):
    """An aggregate that takes more bytes than a store has room for."""


class _Row(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    sections: dict[str, bytes]


_encoder = msgspec.msgpack.Encoder()


def encode(aggregate: HourlyAggregate) -> bytes:
    """The bytes of an aggregate; equal aggregates give equal bytes.

    Raises TooLarge if the row is larger than a store takes.
    """
    sections = {HEAD: pack(_in_order(aggregate.totals))}
    if aggregate.sketches != NO_SKETCHES:
        from pipeline.hour.packing import pack_sketches  # needs numpy, which totals do without

        sections |= pack_sketches(aggregate.sketches)
    row = _encoder.encode(_Row(VERSION, sections))
    if len(row) > LARGEST:
        raise TooLarge(f"an encoded hour of {len(row):,} bytes exceeds {LARGEST:,}")
    return row


def encode_fitting(aggregate: HourlyAggregate, caps: Caps) -> bytes:
    """The bytes of an aggregate, with smaller tables if a row has no room for it.

    Only values made to be long, numerous and random at once need that.
    """
    try:
        return encode(aggregate)
    except TooLarge:
        smaller = {name: cap // 2 for name, cap in caps.items()}
        return encode_fitting(merge([aggregate], smaller), smaller)


def totals_of(blob: bytes) -> bytes:
    """The bytes of an aggregate that has only the totals of this one. Raises CodecError."""
    row = _row(blob)
    return _encoder.encode(_Row(row.version, {HEAD: row.sections[HEAD]}))


def decode(blob: bytes, wanted: Wanted = EVERYTHING) -> HourlyAggregate:
    """The aggregate of these bytes: its totals, and the `wanted` sketches.

    Raises CodecError for bytes that `encode` did not make. Other sketches are not looked at.
    """
    sections = _row(blob).sections
    totals = unpack(sections.pop(HEAD), Totals)
    return HourlyAggregate(totals, _sketches(sections, wanted))


def _in_order(totals: Totals) -> Totals:
    """The totals with sorted mappings, so that equal totals give equal bytes."""
    return msgspec.structs.replace(
        totals,
        objects=dict(sorted(totals.objects.items())),
        rejected=dict(sorted(totals.rejected.items())),
        lacking=dict(sorted(totals.lacking.items())),
        five_minutes=dict(sorted(totals.five_minutes.items())),
    )


def _sketches(sections: dict[str, bytes], wanted: Wanted) -> Sketches:
    chosen = sections if wanted is None else _holding(wanted, sections)
    if not chosen:
        return NO_SKETCHES
    from pipeline.hour.packing import unpack_sketches  # needs numpy, which totals do without

    return only(wanted, unpack_sketches(chosen))


def _holding(wanted: frozenset[str], sections: Mapping[str, bytes]) -> dict[str, bytes]:
    """The sections of the wanted sketches: their own, and for the rest those of many."""
    rest = wanted - {section.partition(":")[2] for section in sections}
    return {
        section: raw
        for section, raw in sections.items()
        if CONTENTS[section] & (wanted if ":" in section else rest)
    }


def _row(blob: bytes) -> _Row:
    try:
        version = msgspec.msgpack.decode(blob, type=tuple[int, msgspec.Raw])[0]
        if version != VERSION:
            raise CodecError(f"format version {version}, and this edgetally reads {VERSION}")
        row = msgspec.msgpack.decode(blob, type=_Row)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CodecError(f"not an encoded aggregate ({error})") from error
    for section in row.sections:
        if section not in CONTENTS:
            raise CodecError(f"section {section!r} is unknown")
    if HEAD not in row.sections:
        raise CodecError("the totals are missing")
    return row
