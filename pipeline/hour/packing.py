"""A section of a stored row: MessagePack, compressed by itself."""

import zlib
from typing import TypeVar

import msgspec
from isal import isal_zlib

T = TypeVar("T")

_encoder = msgspec.msgpack.Encoder()


class CodecError(ValueError):
    """Bytes that are no aggregate."""


def pack(section: object) -> bytes:
    """The bytes of a section."""
    return zlib.compress(_encoder.encode(section), 6)


def unpack(raw: bytes, kind: type[T]) -> T:
    """The section that `pack` made these bytes of. Raises CodecError for any other bytes."""
    try:
        return msgspec.msgpack.decode(isal_zlib.decompress(raw), type=kind)
    except (
        isal_zlib.error,  # type: ignore[misc] # its stub calls it an instance
        msgspec.MsgspecError,
        UnicodeDecodeError,
    ) as error:
        raise CodecError(f"a section is damaged ({error})") from error
