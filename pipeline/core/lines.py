"""Text in any pieces in, blocks of whole lines out, with no line longer than a limit."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

BLOCK = 4 << 20
"""Bytes of a block: its overhead vanishes, and it is small enough for a small memory."""


class Block(NamedTuple):
    """Whole lines (the last one perhaps without its end), and how many lines came before them."""

    lines_before: int
    text: bytes


class LineBlocks:
    """Iterates blocks that end at a line end (or at the end of the text).

    Lines longer than `max_line` bytes become empty lines, and their numbers (from 1) are in
    `too_long`, without ever holding more than a block and a line of them.
    """

    def __init__(self, texts: Iterable[bytes], max_line: int, block: int = BLOCK) -> None:
        self._texts = texts
        self._max_line = max_line
        self._block = block
        self._lines = 0
        self.too_long: list[int] = []

    def __iter__(self) -> Iterator[Block]:
        held: list[bytes] = []
        size = 0
        skipping = False
        for text in self._texts:
            if skipping:
                end = text.find(b"\n")
                if end < 0:
                    continue
                text, skipping = text[end:], False
            held.append(text)
            size += len(text)
            if size < self._block:
                continue
            block = b"".join(held)
            end = block.rfind(b"\n") + 1
            if end:
                yield self._made(block[:end])
            rest = block[end:]
            if len(rest) > self._max_line:
                self.too_long.append(self._lines + 1)
                rest, skipping = b"", True
            held, size = [rest], len(rest)
        if block := b"".join(held):
            yield self._made(block)

    def _made(self, text: bytes) -> Block:
        block = Block(self._lines, self._shortened(text))
        self._lines += text.count(b"\n")
        return block

    def _shortened(self, text: bytes) -> bytes:
        """The text with its lines that are too long made empty (nearly always, the text itself)."""
        if not self._may_hold_long_line(text):
            return text
        lines = text.split(b"\n")
        for number, line in enumerate(lines):
            if len(line) > self._max_line:
                self.too_long.append(self._lines + number + 1)
                lines[number] = b""
        return b"\n".join(lines)

    def _may_hold_long_line(self, text: bytes) -> bool:
        # A line longer than max_line holds a whole aligned window of half that length.
        step = max(1, self._max_line // 2)
        return any(text.find(b"\n", start, start + step) < 0 for start in range(0, len(text), step))
