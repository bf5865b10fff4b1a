"""Pieces of text → blocks of whole lines, with no line longer than a limit."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

BLOCK = 2 << 20
"""Bytes of a block: large enough to be fast, small enough for a small memory."""


class Block(NamedTuple):
    """Whole lines of text; the last may lack its newline. Over-long lines are blanked; `too_long`
    lists their 1-based numbers."""

    text: bytes
    too_long: tuple[int, ...] = ()


class LineBlocks:
    """Iterates blocks that end at a line end, or at the end of the text.

    Lines longer than `max_line` bytes become empty lines. Holds at most a block and a line.
    """

    def __init__(self, texts: Iterable[bytes], max_line: int, block: int = BLOCK) -> None:
        self._texts = texts
        self._max_line = max_line
        self._block = block

    def __iter__(self) -> Iterator[Block]:
        held: list[bytes | memoryview] = []
        size = 0
        skipping = skipped = False  # an over-long line; whether the first held line is its rest
        for text in self._texts:
            if skipping:
                end = text.find(b"\n")
                if end < 0:
                    continue
                text, skipping, skipped = text[end:], False, True
            held.append(text)
            size += len(text)
            if size < self._block:
                continue
            if b"\n" not in text:  # the last line end may be in an earlier piece
                text = b"".join(held)
                held = [text]
            if end := text.rfind(b"\n") + 1:
                held[-1] = memoryview(text)[:end]
                yield self._made(b"".join(held), skipped)
                held, size, skipped = [text[end:]], len(text) - end, False
            if size > self._max_line:
                held, size, skipping = [], 0, True
        if skipping:
            yield Block(b"", (1,))
        elif size:
            yield self._made(b"".join(held), skipped)

    def _made(self, text: bytes, skipped: bool) -> Block:
        """The block of a text: nearly always the text itself."""
        first = (1,) if skipped else ()
        if not self._may_hold_long_line(text):
            return Block(text, first)
        lines = text.split(b"\n")
        long = [place for place, line in enumerate(lines) if len(line) > self._max_line]
        for place in long:
            lines[place] = b""
        return Block(b"\n".join(lines), (*first, *(place + 1 for place in long)))

    def _may_hold_long_line(self, text: bytes) -> bool:
        # A line longer than max_line holds a whole aligned window of half that length.
        step = max(1, self._max_line // 2)
        return any(text.find(b"\n", start, start + step) < 0 for start in range(0, len(text), step))
