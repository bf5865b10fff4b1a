"""Compressed chunks → inflated chunks: any number of gzip members, checked and bounded."""

from collections.abc import Iterable, Iterator
from itertools import chain

from isal import igzip_lib

from pipeline.errors import ObjectRefused
from pipeline.read.limits import Limits

GZIP_MAGIC = b"\x1f\x8b"
_PIECE = 1 << 20


def peeked(chunks: Iterable[bytes], size: int) -> tuple[bytes, Iterator[bytes]]:
    """The first `size` bytes, or all if there are fewer; and all chunks, with these bytes."""
    stream = iter(chunks)
    head = b""
    while len(head) < size and (chunk := next(stream, None)) is not None:
        head += chunk
    return head[:size], chain([head] if head else [], stream)


class Inflated:
    """Iterates the text of an object. gzip is told by its first bytes; other bytes are the text.

    Raises ObjectRefused if the object is truncated or damaged (the CRC and length of every member
    are checked), if bytes behind the last member are not zeros, and beyond the limits. An error
    comes after text has been yielded: count nothing before the end.
    """

    def __init__(self, chunks: Iterable[bytes], limits: Limits) -> None:
        self._chunks = chunks
        self._limits = limits
        self.members = 0
        """The number of gzip members so far; 0 for plain text."""

    @property
    def container(self) -> str:
        """The container that the bytes are."""
        if not self.members:
            return "plain text"
        return "gzip" if self.members == 1 else f"gzip, {self.members:,} members"

    def __iter__(self) -> Iterator[bytes]:
        head, chunks = peeked(self._chunks, len(GZIP_MAGIC))
        pieces = _Pieces(chunks)
        zipped = head == GZIP_MAGIC
        inflated = 0
        for text in self._all_members(pieces) if zipped else pieces:
            inflated += len(text)
            _check(inflated, pieces.taken, not zipped, self._limits)
            yield text

    def _all_members(self, pieces: "_Pieces") -> Iterator[bytes]:
        for chunk in pieces:
            if self.members and not chunk.strip(b"\0"):
                continue  # padding behind the last member, as tape and block tools write it
            if len(chunk) < len(GZIP_MAGIC):
                chunk += next(pieces, b"")
            if not chunk.startswith(GZIP_MAGIC):
                raise ObjectRefused(
                    f"damaged: bytes that are not gzip follow its member {self.members}"
                )
            pieces.push_back(chunk)
            self.members += 1
            yield from _member(pieces, self.members)


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
    """The compressed chunks, the number of bytes taken, and the bytes that a member left unread."""

    def __init__(self, rest: Iterator[bytes]) -> None:
        self._pushed_back = b""
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
