"""A text object → rows, run of lines by run of lines."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeAlias

from pipeline.errors import ObjectRefused
from pipeline.read.blocks import Block, LineBlocks
from pipeline.read.delimiters import refuse_other_delimiters
from pipeline.read.detect import choose_layout
from pipeline.read.fitting import check_header
from pipeline.read.inflate import Inflated, peeked
from pipeline.read.json_lines import one_per_line, read_json
from pipeline.read.layout import Layout, header_layout, misnamed
from pipeline.read.limits import Limits
from pipeline.read.line_ends import check_comment, lines_of_cr, unix_line_ends
from pipeline.read.records import LINE_TOO_LONG, Part
from pipeline.read.tabbed import Tabbed, line_ends
from pipeline.read.unwrap import array_lines, is_enveloped, is_exported, messages, without_times

Task: TypeAlias = Callable[[], Part]
"""Reads a run of lines: a `Tabbed` for those of a layout."""

Reader: TypeAlias = Callable[[bytes], Task]

EMPTY, JSON = "empty", "json"
WITH_HEADER, HEADERLESS = "lines with a header", "lines without a header"


class TextObject:
    """The text of an object, read once and part by part.

    Iterates functions that read the next part, so that parts can be read in threads. `format` and
    `layouts` are complete when the iteration is. Raises ObjectRefused if it is no access log.
    """

    def __init__(
        self,
        text: Inflated,
        pieces: Iterable[bytes],
        configured: tuple[Layout, ...],
        limits: Limits,
    ) -> None:
        self._text = text
        self._pieces = pieces
        self._configured = configured
        self._limits = limits
        self._read: Reader | None = None
        self._unchecked: Layout | None = None
        self._unwrap: Callable[[bytes], bytes] | None = None
        self.format = EMPTY
        self.layouts: list[Layout] = []

    @property
    def container(self) -> str:
        """The container that the bytes were found to be."""
        return self._text.container

    @property
    def layout(self) -> str:
        """The sources of its fields, for the ledger."""
        if self.format == JSON:
            return "its JSON keys"
        return ", then ".join(dict.fromkeys(layout.source for layout in self.layouts))

    def head(self, size: int) -> bytes:
        """The first `size` bytes of the text, fewer if it is shorter. Call it before iterating."""
        head, self._pieces = peeked(self._pieces, size)
        return head

    def __iter__(self) -> Iterator[Task]:
        texts = one_per_line(array_lines(lines_of_cr(self._pieces), self._limits))
        for block in LineBlocks(texts, self._limits.max_line):
            if block.too_long:
                yield partial(_too_long, block)
            for run in _runs(self._unwrapped(unix_line_ends(block.text))):
                yield self._task(run)

    def _unwrapped(self, text: bytes) -> bytes:
        """The lines of a block without what another service put round them."""
        if self._unwrap is None:
            self._unwrap = _wrapping(text)
        return self._unwrap(text)

    def _task(self, run: bytes) -> Task:
        if run.startswith(b"#"):
            check_comment(run)
        if run.startswith(b"#") and (layout := _declared(run)):
            self._read_as(layout, WITH_HEADER)
            self._unchecked = layout
        if run.startswith(b"\n") or (run.startswith(b"#") and self.format != JSON):
            return partial(Part, line_ends(run))
        if self._unchecked:
            refuse_other_delimiters(run, self._unchecked)
            check_header(self._unchecked, run)
            self._unchecked = None
        return (self._read or self._detected(run))(run)

    def _detected(self, run: bytes) -> Reader:
        """The reader of the first run of lines, and of those behind it."""
        if run.lstrip().startswith(b"{"):
            self._read, self.format = partial(partial, read_json), JSON
            return partial(partial, read_json, is_first=True)
        if run.startswith(b'"'):
            raise ObjectRefused("its lines are texts of JSON: deliver the objects that are in them")
        refuse_other_delimiters(run)
        return self._read_as(choose_layout(run, self._configured), HEADERLESS)

    def _read_as(self, layout: Layout, form: str) -> Reader:
        self._read, self.format = partial(Tabbed, layout=layout), form
        if layout not in self.layouts:
            self.layouts.append(layout)
        return self._read


def _wrapping(text: bytes) -> Callable[[bytes], bytes]:
    if is_enveloped(text):
        return messages
    return without_times if is_exported(text) else bytes


def _too_long(block: Block) -> Part:
    lines = [(number, b"(too long to show)") for number in block.too_long]
    return Part(0, rejected={LINE_TOO_LONG: lines})  # the block has them as empty lines


def _runs(block: bytes) -> Iterator[bytes]:
    """Each `#` line by itself, the empty lines that a run begins with, and the runs of lines."""
    start = 0
    while start < len(block):
        if block.startswith(b"#", start):
            end = block.find(b"\n", start) + 1 or len(block)
        elif block.startswith(b"\n", start):
            end = len(block) - len(block[start:].lstrip(b"\n"))
        else:
            # Looking for the one byte first is many times faster, and nearly always enough.
            mark = block.find(b"\n#", start) if b"#" in block else -1
            end = mark + 1 if mark >= 0 else len(block)
        yield block if end - start == len(block) else block[start:end]
        start = end


def _declared(line: bytes) -> Layout | None:
    layout = header_layout(line)
    if layout is not None and not layout.has_clock:
        raise ObjectRefused(
            "its #Fields header has no time field (date and time, timestamp, or timestamp(ms)): "
            "add one to the fields of the log delivery"
        )
    if layout is not None and (reason := misnamed(layout.fields)):
        raise ObjectRefused(reason)
    return layout
