"""Text in any pieces in, blocks of whole lines out, with no line longer than a limit."""

from collections.abc import Iterable, Iterator

BLOCK = 4 << 20
"""Bytes of a block: large enough that a block's overhead vanishes, small enough for small memory
(4 to 8 MiB are equally fast, `make bench`)."""


class LineBlocks:
    """Iterates blocks that end at a line end (or at the end of the text).

    Lines longer than `max_line` bytes are left out and counted in `too_long`, without ever
    holding more than a block and a line of them.
    """

    def __init__(self, texts: Iterable[bytes], max_line: int, block: int = BLOCK) -> None:
        self._texts = texts
        self._max_line = max_line
        self._block = block
        self.too_long = 0

    def __iter__(self) -> Iterator[bytes]:
        held: list[bytes] = []
        size = 0
        skipping = False
        for text in self._texts:
            if skipping:
                end = text.find(b"\n")
                if end < 0:
                    continue
                text, skipping = text[end + 1 :], False
            held.append(text)
            size += len(text)
            if size < self._block:
                continue
            block = b"".join(held)
            end = block.rfind(b"\n") + 1
            if end:
                yield self._shorten(block[:end])
            rest = block[end:]
            if len(rest) > self._max_line:
                self.too_long += 1
                rest, skipping = b"", True
            held, size = [rest], len(rest)
        if block := b"".join(held):
            yield self._shorten(block)

    def _shorten(self, block: bytes) -> bytes:
        """The block without its lines that are too long (nearly always, the block itself)."""
        if not self._may_hold_long_line(block):
            return block
        lines = block.split(b"\n")
        kept = [line for line in lines if len(line) <= self._max_line]
        self.too_long += len(lines) - len(kept)
        return b"\n".join(kept)

    def _may_hold_long_line(self, block: bytes) -> bool:
        # A line longer than max_line holds a whole aligned window of half that length.
        step = max(1, self._max_line // 2)
        return any(
            block.find(b"\n", start, start + step) < 0 for start in range(0, len(block), step)
        )
