"""A section of a stored row: its name, and its bytes (MessagePack, compressed by itself)."""

import zlib
from typing import TypeVar

import msgspec
from isal import isal_zlib

from pipeline.hour.sketches import HISTOGRAMS
from pipeline.schema.dimensions import DIMENSIONS

T = TypeVar("T")

HEAD, TABLES, LATENCY = "totals", "tables", "latency"
TABLE, UNIQUE = "table:", "unique:"
CONTENTS = {
    HEAD: frozenset[str](),
    TABLES: frozenset(DIMENSIONS),
    LATENCY: frozenset(HISTOGRAMS),
    **{TABLE + name: frozenset({name}) for name in DIMENSIONS},
    **{UNIQUE + name: frozenset({name}) for name in ("visitors", "paths")},
}
"""The sketches that each section of a row may hold."""

_encoder = msgspec.msgpack.Encoder()


class CodecError(ValueError):
    """Bytes that are not an aggregate."""


def pack(section: object, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> bytes:
    """The bytes of a section, compressed by a strategy of zlib."""
    compressor = zlib.compressobj(strategy=strategy)
    return compressor.compress(_encoder.encode(section)) + compressor.flush()


def unpack(raw: bytes, kind: type[T]) -> T:
    """The section that `pack` turned into these bytes. Raises CodecError for any other bytes."""
    try:
        return msgspec.msgpack.decode(isal_zlib.decompress(raw), type=kind)
    except (
        isal_zlib.error,  # type: ignore[misc] # its stub calls it an instance
        msgspec.MsgspecError,
        UnicodeDecodeError,
    ) as error:
        raise CodecError(f"a section is damaged ({error})") from error
