"""TAB-separated lines → rows: standard logs, v2 w3c and plain, real-time.

Whole blocks go through Arrow's CSV reader. A block it refuses (a ragged line, a value that does
not convert, invalid UTF-8) is mended line by line and read again as text, so that one odd line
never costs its neighbours, and every line is either in the table or rejected.
"""

from dataclasses import replace

import pyarrow as pa

from pipeline.read.layout import Layout
from pipeline.read.records import (
    BAD_TIMESTAMP,
    TOO_FEW_FIELDS,
    TYPES,
    WORD,
    Example,
    Rows,
    no_rows,
    read_csv,
    sane_rows,
    typed,
    utf8,
)
from pipeline.schema.dimensions import ABSENT

SHOWN = 200
"""Characters of a rejected line that an example shows."""

_TAB = b"\t"


def read_lines(block: bytes, layout: Layout, latest_us: int) -> Rows:
    """The lines of a block that has no `#` lines; `latest_us` bounds a sensible time."""
    if b"\r" in block:  # Arrow ends a line there too; CloudFront writes a CR in a field as %0D
        block = unix_line_ends(block).replace(b"\r", b"%0D")
    try:
        raw = _read(block, layout, as_text=False)
    except pa.ArrowInvalid:
        return _without_empty_lines(block, layout, latest_us)
    rows = sane_rows(raw, latest_us, lambda row: example(numbered(block)[row]))
    # To Arrow an empty line is a row of nothing, so of no time.
    if BAD_TIMESTAMP in rows.rejected and (block.startswith(b"\n") or b"\n\n" in block):
        return _without_empty_lines(block, layout, latest_us)
    return rows


def _without_empty_lines(block: bytes, layout: Layout, latest_us: int) -> Rows:
    lines = numbered(block)
    text = b"".join(line + b"\n" for _, line in lines)
    try:
        raw = _read(text, layout, as_text=False)
    except pa.ArrowInvalid:
        return replace(_mended(block, layout, latest_us), lines=line_ends(block))
    rows = sane_rows(raw, latest_us, lambda row: example(lines[row]))
    return replace(rows, lines=line_ends(block))


def read_whole(block: bytes, layout: Layout, latest_us: int) -> pa.Table | None:
    """`Rows.table` of a block without CR in which every line is a row; None for another one."""
    try:
        raw = _read(block, layout, as_text=False)
    except pa.ArrowInvalid:
        return None
    rows = sane_rows(raw, latest_us, lambda row: Example(row + 1, ""))
    return None if rows.rejected else rows.table


def numbered(block: bytes) -> list[tuple[int, bytes]]:
    """The lines of a block that are not empty, with their numbers from 1."""
    return [(number, line) for number, line in enumerate(block.split(b"\n"), 1) if line]


def line_ends(block: bytes) -> int:
    """How many lines a block of whole lines has; its last one may lack its end."""
    return block.count(b"\n") + (not block.endswith(b"\n"))


def example(numbered_line: tuple[int, bytes]) -> Example:
    """A rejected line as it is shown."""
    number, line = numbered_line
    return Example(number, line[:SHOWN].decode("utf-8", "replace"))


def unix_line_ends(block: bytes) -> bytes:
    """Whole lines with LF for CRLF, also where the very last line has only its CR."""
    return block.replace(b"\r\n", b"\n").removesuffix(b"\r") if b"\r" in block else block


def _read(block: bytes, layout: Layout, *, as_text: bool) -> pa.Table:
    wanted = {str(position): name for name, position in layout.wanted.items()}
    types = {
        position: WORD if as_text else TYPES.get(name, WORD) for position, name in wanted.items()
    }
    names = [str(position) for position in range(len(layout.fields))]
    return read_csv(block, names, types).rename_columns(list(wanted.values()))


def _mended(block: bytes, layout: Layout, latest_us: int) -> Rows:
    """The block's lines with exactly the layout's fields.

    Extra trailing fields are dropped, fields missing behind the last needed one are absent.
    """
    width, needed = len(layout.fields), layout.needed
    kept: list[tuple[int, bytes]] = []
    short: list[Example] = []
    for number, line in numbered(utf8(block)):
        fields = line.split(_TAB)
        if len(fields) < needed:
            short.append(example((number, line)))
            continue
        fields = fields[:width] + [ABSENT.encode()] * (width - len(fields))
        kept.append((number, _TAB.join(fields)))
    if not kept:
        return Rows(no_rows()).also_rejected(TOO_FEW_FIELDS, short)
    text = b"".join(line + b"\n" for _, line in kept)
    raw = typed(_read(text, layout, as_text=True))
    rows = sane_rows(raw, latest_us, lambda row: example(kept[row]))
    return rows.also_rejected(TOO_FEW_FIELDS, short)
