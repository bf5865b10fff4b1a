"""TAB-separated lines → rows: standard logs, v2 w3c and plain, real-time.

Whole blocks go through Arrow's CSV reader. It refuses a block with a ragged line, a value that
does not convert, or invalid UTF-8. Such a block is mended line by line and read again as text, so
that one odd line never costs its neighbours.
"""

from dataclasses import dataclass

import pyarrow as pa

from pipeline.read.layout import Layout
from pipeline.read.line_ends import unix_line_ends
from pipeline.read.records import TOO_FEW_FIELDS, Line, Part, rows_of
from pipeline.read.values import TYPES, WORD, read_csv, typed, utf8
from pipeline.schema.dimensions import ABSENT

_TAB = b"\t"


@dataclass(frozen=True, slots=True)
class Tabbed:
    """Lines of a layout, none of them a `#` line. A call reads them."""

    text: bytes
    layout: Layout

    def __call__(self) -> Part:
        """The lines as columns."""
        return read_lines(self.text, self.layout)


def read_lines(block: bytes, layout: Layout) -> Part:
    """The lines of a block that has no `#` lines."""
    if b"\r" in block:  # Arrow ends a line there too; CloudFront writes a CR in a field as %0D
        block = unix_line_ends(block).replace(b"\r", b"%0D")
    try:
        columns = _read(block, layout)
        return Part(columns.num_rows, columns, lambda: _numbered(block))
    except pa.ArrowInvalid:
        return _mended(block, layout)


def read_whole(block: bytes, layout: Layout, latest_us: int) -> pa.Table | None:
    """`Rows.table` of a block without CR; None unless every line is a row with a sensible time."""
    count = line_ends(block)
    try:
        part = Part(count, _read(block, layout), lambda: [(0, b"")] * count)
    except pa.ArrowInvalid:
        return None
    rows = rows_of(part, latest_us)
    return rows.table if rows.table.num_rows == rows.count else None


def filled_lines(block: bytes) -> list[Line]:
    """The lines of a block that are not empty."""
    return [line for line in _numbered(block) if line[1]]


def line_ends(block: bytes) -> int:
    """The number of lines in a block of whole lines; the last one may lack its end."""
    return block.count(b"\n") + (not block.endswith(b"\n"))


def _numbered(block: bytes) -> list[Line]:
    return list(enumerate(block.split(b"\n"), 1))


def _read(block: bytes, layout: Layout) -> pa.Table:
    return _read_as(block, layout, {name: TYPES.get(name, WORD) for name in layout.wanted})


def _read_as(block: bytes, layout: Layout, types: dict[str, pa.DataType]) -> pa.Table:
    names = [str(position) for position in range(len(layout.fields))]
    columns = {str(position): types[name] for name, position in layout.wanted.items()}
    return read_csv(block, names, columns).rename_columns(list(layout.wanted))


def _mended(block: bytes, layout: Layout) -> Part:
    """The block's lines with exactly the layout's fields.

    Extra trailing fields are dropped. Fields missing behind the last needed one are absent.
    """
    width, needed = len(layout.fields), layout.needed
    kept: list[Line] = []
    short: list[Line] = []
    for number, line in filled_lines(utf8(block)):
        fields = line.split(_TAB)
        if len(fields) < needed:
            short.append((number, line))
            continue
        fields = fields[:width] + [ABSENT.encode()] * (width - len(fields))
        kept.append((number, _TAB.join(fields)))
    rejected = {TOO_FEW_FIELDS: short}
    if not kept:
        return Part(line_ends(block), rejected=rejected)
    text = b"".join(line + b"\n" for _, line in kept)
    columns = typed(_read_as(text, layout, dict.fromkeys(layout.wanted, WORD)))
    return Part(line_ends(block), columns, lambda: kept, rejected)
