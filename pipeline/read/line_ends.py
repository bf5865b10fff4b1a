"""Line ends of any system → LF: CRLF, the lone CR of old editors, and a mark between two files.

Only these end a line. NEL, U+2028, form feed and vertical tab may stand inside a value.
"""

import re
from collections.abc import Iterable, Iterator

from pipeline.errors import ObjectRefused
from pipeline.read.inflate import peeked

UTF8_MARK = b"\xef\xbb\xbf"
"""The byte-order mark that some editors put before UTF-8."""

_OTHER_ENDS = {
    b"\xc2\x85": "NEL (U+0085)",
    b"\xe2\x80\xa8": "U+2028",
    b"\xe2\x80\xa9": "U+2029",
    b"\x0b": "vertical tabs",
    b"\x0c": "form feeds",
    b"\x1e": "record separators",
}
"""What other programs end a line with. In a value they are a part of it."""

_LOOKED_AT = 64 << 10
_BETWEEN = re.compile(rb"\r|\xef\xbb\xbf")


def lines_of_cr(texts: Iterable[bytes]) -> Iterator[bytes]:
    """The text, with LF for CR if its first lines end with a lone CR."""
    head, texts = peeked(texts, _LOOKED_AT)
    is_ended_by_cr = b"\r" in head[:-1] and b"\n" not in head
    for text in texts:
        yield text.replace(b"\r", b"\n") if is_ended_by_cr else text


def has_mark(text: bytes) -> bool:
    """Whether there is a byte-order mark in a text."""
    # Looking for one byte is ten times faster than for three, and nearly always enough.
    return UTF8_MARK[:1] in text and UTF8_MARK in text


def unix_line_ends(block: bytes) -> bytes:
    """Whole lines with LF at their ends, and without byte-order marks between them.

    A CR or mark ends a line if there is a line on both of its sides. Else it is a part of a value.
    """
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n").removesuffix(b"\r")
    if b"\r" not in block and not has_mark(block):
        return block
    return b"\n".join(_parted(line) for line in block.split(b"\n"))


def check_comment(line: bytes) -> None:
    """Raise ObjectRefused if a `#` line has what other programs end a line with: the lines behind
    it would be a part of the comment, and lost."""
    for end, name in _OTHER_ENDS.items():
        if end in line:
            raise ObjectRefused(f"its lines end with {name}: save it with LF at the end of lines")


def _parted(line: bytes) -> bytes:
    parts = [part for part in _BETWEEN.split(line) if part]
    if not parts:
        return b""
    return b"\n".join(parts) if _are_lines(parts) else line


def _are_lines(parts: list[bytes]) -> bool:
    """Whether each part is a line: a comment, an object, or about as many fields as the others."""
    rows = [part for part in parts if not part.startswith(b"#")]
    if len(rows) < 2:
        return True
    if any(row.lstrip().startswith((b"{", b"[")) for row in rows):
        return all(row.lstrip().startswith((b"{", b"[")) for row in rows)
    fields = [row.count(b"\t") for row in rows]
    return 3 * min(fields) >= 2 * max(fields)
