"""Compressed chunks in, inflated chunks out: any number of gzip members, checked and bounded."""

from collections.abc import Iterable, Iterator

from isal import igzip_lib

from pipeline.core.errors import ObjectRefused
from pipeline.core.limits import Limits

GZIP_MAGIC = b"\x1f\x8b"
_PIECE = 1 << 20


def inflate(chunks: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    """The text of an object: gzip by its magic bytes, anything else as it is.

    Raises ObjectRefused for a truncated or damaged object (every member's CRC and length are
    checked), for bytes behind the last member that are not zeros, and beyond the limits. An
    error comes after text has been yielded: count nothing before the end.
    """
    stream = iter(chunks)
    head = b""
    while len(head) < len(GZIP_MAGIC) and (chunk := next(stream, None)) is not None:
        head += chunk
    plain = not head.startswith(GZIP_MAGIC)
    pieces = _Pieces(head, stream)
    inflated = 0
    for text in pieces if plain else _members(pieces):
        inflated += len(text)
        _check(inflated, pieces.taken, plain, limits)
        yield text


def _check(inflated: int, taken: int, plain: bool, limits: Limits) -> None:
    if inflated > limits.max_inflated:
        raise ObjectRefused(
            f"inflates to more than {limits.max_inflated:,} bytes; "
            "if it is a log, raise EDGETALLY_MAX_INFLATED_BYTES"
        )
    if not plain and inflated > limits.ratio_from and inflated > limits.max_ratio * taken:
        raise ObjectRefused(
            f"inflates to more than {limits.max_ratio} times its size; "
            "if it is a log, raise EDGETALLY_MAX_INFLATE_RATIO"
        )


class _Pieces:
    """The compressed chunks, with the count of bytes taken and what a member left unread."""

    def __init__(self, head: bytes, rest: Iterator[bytes]) -> None:
        self._pushed_back = head
        self._rest = rest
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._pushed_back:
            chunk, self._pushed_back = self._pushed_back, b""
        else:
            chunk = next(self._rest)
        self.taken += len(chunk)
        return chunk

    def push_back(self, chunk: bytes) -> None:
        self._pushed_back = chunk
        self.taken -= len(chunk)


def _members(pieces: _Pieces) -> Iterator[bytes]:
    position = 0
    for chunk in pieces:
        if position and not chunk.strip(b"\0"):
            continue  # padding behind the last member, as tape and block tools write it
        pieces.push_back(chunk)
        position += 1
        yield from _member(pieces, position)


def _member(pieces: _Pieces, position: int) -> Iterator[bytes]:
    decompressor = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    for chunk in pieces:
        try:
            text = decompressor.decompress(chunk, _PIECE)
            yield text
            while not decompressor.eof and not decompressor.needs_input:
                yield decompressor.decompress(b"", _PIECE)
        except igzip_lib.IsalError as error:  # type: ignore[misc] # its stub calls it an instance
            where = "not gzip" if position > 1 else "damaged gzip"
            raise ObjectRefused(f"{where} in member {position}: {error}") from error
        if decompressor.eof:
            pieces.push_back(decompressor.unused_data)
            return
    raise ObjectRefused(f"truncated: the gzip stream ends inside member {position}")
