"""Text in any pieces in, blocks of whole lines out, with no line longer than a limit."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

BLOCK = 2 << 20
"""Bytes of a block: its overhead vanishes, and it is small enough for a small memory."""


def line_ends(text: bytes) -> int:
    """How many line ends a text has; several times faster than `bytes.count`."""
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord("\n")))


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
        size = ends = 0
        skipping = False
        for text in self._texts:
            if skipping:
                end = text.find(b"\n")
                if end < 0:
                    continue
                text, skipping = text[end:], False
            held.append(text)
            size += len(text)
            ends += line_ends(text)  # while it is in the processor's cache
            if size < self._block:
                continue
            if ends:
                if b"\n" not in text:  # the last line end is in an earlier piece
                    text = b"".join(held)
                    held = [text]
                end = text.rfind(b"\n") + 1
                held[-1] = text[:end]
                yield self._made(b"".join(held), ends)
                held, ends = [text[end:]], 0
            size = sum(map(len, held))
            if size > self._max_line:
                self.too_long.append(self._lines + 1)
                held, size, skipping = [], 0, True
        if block := b"".join(held):
            yield self._made(block, ends)

    def _made(self, text: bytes, ends: int) -> Block:
        block = Block(self._lines, self._shortened(text))
        self._lines += ends
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
