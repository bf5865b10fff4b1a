"""The delimiter of lines that have no TABs: for messages, as such lines cannot be read."""

import re
from itertools import islice

from pipeline.errors import ObjectRefused
from pipeline.read.layout import Layout

_ROWS = 20
_LOOKED_AT = 64 << 10
_CLOCK = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}([^0-9T]{0,5}?)[0-9]{2}:[0-9]{2}:[0-9]{2}")
_USUAL = (b"||", b"::", b",", b";", b"|", b" ", b"^", b"~")
_LEAST = 4
_REMEDY = (
    "choose TAB as the field delimiter of the delivery, or JSON or Parquet as its format: a value "
    "may hold any other delimiter, so that its lines cannot be told into fields again"
)


def refuse_other_delimiters(block: bytes, layout: Layout | None = None) -> None:
    """Raise ObjectRefused if none of the first lines of a block has a TAB. A layout of a single
    field needs none."""
    lines = list(islice(filter(None, block[:_LOOKED_AT].split(b"\n", _ROWS)), _ROWS))
    if not lines or any(b"\t" in line for line in lines):
        return
    if layout and len(layout.fields) == 1:
        return
    raise ObjectRefused(f"{_told(lines[0], layout)}: {_REMEDY}")


def _told(line: bytes, layout: Layout | None) -> str:
    text = "" if layout else "has no #Fields header, and its lines fit no known layout: "
    found = _delimiter(line)
    if found is None:
        return f"{text}they have no TABs" if text else "its lines have no TABs"
    named = ascii(found.decode("latin-1")) if found else "nothing"
    return f"{text}its fields are separated by {named} instead of TABs"


def _delimiter(line: bytes) -> bytes | None:
    """The text between a date and a time of day, else the most frequent of the usual ones."""
    if match := _CLOCK.search(line):
        return match[1]
    likeliest = max(_USUAL, key=line.count)
    return likeliest if line.count(likeliest) >= _LEAST else None
