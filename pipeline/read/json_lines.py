"""JSON lines → rows: standard logging v2 as JSON, and Firehose's JSON of real-time fields.

Every value is a string as CloudFront writes it, or typed as others' transforms do. Whole blocks
are decoded at once. A block with a line that is no object is decoded line by line.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.read.layout import CLOCK_FIELDS, COUNTED
from pipeline.read.records import BAD_JSON, Line, Part
from pipeline.read.tabbed import filled_lines, line_ends
from pipeline.read.values import typed, utf8
from pipeline.schema.fields import SPELLINGS

# JSON's keys are as the log spells them, and capital letters matter in them.
_SPELLED = {
    name: [
        spelling.replace("user-agent)", "User-Agent)").replace("referer)", "Referer)")
        for spelling in SPELLINGS[name]
    ]
    for name in SPELLINGS
    if name in COUNTED
}
_KEYS = [key for spellings in _SPELLED.values() for key in spellings]
_ATTRIBUTES = [f"value{number}" for number in range(len(_KEYS))]
_Object = msgspec.defstruct(
    "_Object",
    [(name, Any, None) for name in _ATTRIBUTES],
    rename=dict(zip(_ATTRIBUTES, _KEYS, strict=True)),
    gc=False,
)
_decoder = msgspec.json.Decoder(_Object)
_VALUES = {key: attrgetter(name) for key, name in zip(_KEYS, _ATTRIBUTES, strict=True)}
_LOOKED_AT = 64 << 10

# In JSON a quote inside a value is escaped. So `}{"` is the end of a value only if the value ends
# with `}{`, and then its closing quote is followed by one of these characters.
_BETWEEN = re.compile(rb'\}\{(?="[^,}\]:\s])')
_LONGEST_BETWEEN = 4


def one_per_line(texts: Iterable[bytes]) -> Iterator[bytes]:
    """The text, with a line end between objects that a stream put one behind the other.

    Firehose does so unless it is told otherwise, and the object would be one endless line. Text
    that has its line ends passes as it is, and so does text that is not JSON.
    """
    seen = held = b""
    endless = False
    for text in texts:
        if len(seen) < _LOOKED_AT and not endless:
            seen += text[:_LOOKED_AT]
            is_json = seen.lstrip().startswith(b"{")
            endless = is_json and seen.count(b"{") > 2 * seen.count(b"\n") + 2
        if endless:
            text = _separated(held + text)
            end = text.rfind(b"}", max(0, len(text) - _LONGEST_BETWEEN))
            text, held = (text[:end], text[end:]) if end >= 0 else (text, b"")
        yield text
    yield held


def read_json(block: bytes) -> Part:
    """The objects of a block of JSON lines. Several objects may share a line."""
    count = line_ends(block)
    block = utf8(block)
    try:
        objects = _decoder.decode_lines(block)
    except (msgspec.MsgspecError, RecursionError):
        return _one_by_one(_separated(block), count)
    return Part(count, _columns(objects), lambda: _lines_of(block, len(objects)))


def _separated(text: bytes) -> bytes:
    return _BETWEEN.sub(b"}\n{", text)


def _filled(block: bytes) -> list[Line]:
    return [(number, line) for number, line in filled_lines(block) if line.strip()]


def _lines_of(block: bytes, rows: int) -> list[Line]:
    """The line of each row; one near it if objects share lines."""
    lines = _filled(block)
    return [lines[min(row, len(lines) - 1)] for row in range(rows)]


def _one_by_one(block: bytes, count: int) -> Part:
    """The lines that are an object as rows; the others are rejected."""
    objects: list[Any] = []
    lines: list[Line] = []
    bad: list[Line] = []
    for number, line in _filled(block):
        try:
            objects.append(_decoder.decode(line))
            lines.append((number, line))
        except (msgspec.MsgspecError, RecursionError):
            bad.append((number, line))
    columns = _columns(objects) if objects else None
    return Part(count, columns, lambda: lines, {BAD_JSON: bad})


def _columns(objects: Sequence[Any]) -> pa.Table:
    """The columns of decoded objects by field name, from whichever spelling an object has.

    A field that no object has is no column.
    """
    values = {key: list(map(value_of, objects)) for key, value_of in _VALUES.items()}
    columns = {
        name: pc.coalesce(*(_text(values[key]) for key in spellings))
        for name, spellings in _SPELLED.items()
    }
    logged = {
        name: column
        for name, column in columns.items()
        if name in CLOCK_FIELDS or column.null_count < len(column)
    }
    return typed(pa.table(logged))


def _text(values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowException, TypeError, UnicodeEncodeError):
        return pa.array(map(_as_text, values), pa.string())


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, (dict, list)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).encode("utf-8", "replace").decode()
