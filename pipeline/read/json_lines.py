"""JSON lines → rows: standard logging v2 as JSON, and Firehose's JSON of real-time fields.

Every value is a string as CloudFront writes it, or typed as others' transforms do. Whole blocks
are decoded at once. A block with a line that is no object is decoded line by line.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import astuple

from pipeline.errors import UNDECODABLE, ObjectRefused
from pipeline.read.fitting import check_columns
from pipeline.read.layout import COUNTED, host_beside, misnamed
from pipeline.read.records import BAD_JSON, Line, Part
from pipeline.read.tabbed import filled_lines, line_ends
from pipeline.read.values import typed, utf8, with_host
from pipeline.schema.fields import (
    KNOWN_NAMES,
    SPELLINGS,
    is_realtime,
    normalised,
    spelling,
)

_USUAL = [
    *(spellings[0].replace("_", "-") for spellings in SPELLINGS.values()),
    *("cs(User-Agent)", "cs(Referer)", "timestamp(ms)", "x-host-header"),
]
"""The keys that CloudFront writes."""

_SAMPLE = 20
"""Objects of a block whose keys are looked at for others."""
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


class NestedValue(ValueError):
    """A field that has an array or an object as its value."""


class _Keys:
    """Decodes objects to the values of these keys. `fields` has the places of each field's keys,
    the one to prefer first."""

    def __init__(self, keys: Sequence[str], *, realtime: bool) -> None:
        attributes = [f"value{number}" for number in range(len(keys))]
        kind = msgspec.defstruct(
            "_Object",
            [(name, Any, None) for name in attributes],
            rename=dict(zip(attributes, keys, strict=True)),
            gc=False,
        )
        names = [spelling(key, realtime=realtime) for key in keys]
        self.host_beside = host_beside(keys, realtime=realtime)
        self.decoder = msgspec.json.Decoder(kind)
        self.fields = {
            field: [
                place
                for spelled in SPELLINGS[field]
                for place, name in enumerate(names)
                if name == spelled
            ]
            for field in SPELLINGS
            if field in COUNTED
        }


@lru_cache(maxsize=256)
def _keys(unusual: frozenset[str], realtime: bool) -> _Keys:
    return _Keys([*_USUAL, *sorted(unusual)], realtime=realtime)


def _keys_of(block: bytes) -> _Keys:
    """The keys of the first objects of a block, and the usual ones.

    Raises ObjectRefused if they are not those of a log.
    """
    found: dict[str, None] = {}
    for _, line in _filled(b"\n".join(_separated(block[:_LOOKED_AT]).split(b"\n")[:_SAMPLE])):
        with suppress(*UNDECODABLE):
            found |= dict.fromkeys(msgspec.json.decode(line, type=dict[str, msgspec.Raw]))
    if reason := misnamed(list(found)):
        raise ObjectRefused(reason)
    unusual = {key for key in found if key not in _USUAL and normalised(key) in KNOWN_NAMES}
    return _keys(frozenset(unusual), is_realtime(found))


def read_json(block: bytes, *, is_first: bool = False) -> Part:
    """The objects of a block of JSON lines. Several objects may share a line. Raises ObjectRefused
    if the values of the first block do not fit their names."""
    count = line_ends(block)
    block = utf8(block)
    keys = _keys_of(block)
    try:
        objects = keys.decoder.decode_lines(block)
        columns = _columns(objects, keys, is_first)
    except UNDECODABLE:  # NestedValue is one
        return _one_by_one(_separated(block), count, keys, is_first)
    return Part(count, columns, lambda: _lines_of(block, len(objects)))


def _separated(text: bytes) -> bytes:
    return _BETWEEN.sub(b"}\n{", text)


def _filled(block: bytes) -> list[Line]:
    return [(number, line) for number, line in filled_lines(block) if line.strip()]


def _lines_of(block: bytes, rows: int) -> list[Line]:
    """The line of each row; one near it if objects share lines."""
    lines = _filled(block)
    return [lines[min(row, len(lines) - 1)] for row in range(rows)]


def _one_by_one(block: bytes, count: int, keys: _Keys, is_first: bool) -> Part:
    """The lines that are an object as rows; the others are rejected."""
    objects: list[Any] = []
    lines: list[Line] = []
    bad: list[Line] = []
    for number, line in _filled(block):
        try:
            decoded = _decoded(line, keys)
        except UNDECODABLE:
            bad.append((number, line))
            continue
        objects.append(decoded)
        lines.append((number, line))
    columns = _columns(objects, keys, is_first) if objects else None
    return Part(count, columns, lambda: lines, {BAD_JSON: bad})


def _decoded(line: bytes, keys: _Keys) -> Any:
    """The object of a line. NaN and half a surrogate pair, which other writers take for JSON, are
    no values of a field, and cost no line. Raises ValueError for what is no object, or has an
    array or an object as a value."""
    try:
        found = keys.decoder.decode(line)
    except msgspec.MsgspecError:
        found = msgspec.convert(json.loads(line), keys.decoder.type)
    values = astuple(found)
    counted = chain.from_iterable(keys.fields.values())
    if any(isinstance(values[place], (dict, list)) for place in counted):
        raise NestedValue
    return found


def _columns(objects: Sequence[Any], keys: _Keys, is_first: bool) -> pa.Table:
    """The columns of decoded objects by field name, from whichever spelling an object has.

    A field that no object has is no column.
    """
    values = list(zip(*map(astuple, objects), strict=True))
    logged = {
        place
        for place, column in enumerate(values)
        if column[0] is not None or column.count(None) < len(column)
    }
    columns = {
        field: [_text(values[place]) for place in places if place in logged]
        for field, places in keys.fields.items()
    }
    raw = pa.table({field: pc.coalesce(*each) for field, each in columns.items() if each})
    if keys.host_beside in logged:
        raw = with_host(raw, _text(values[keys.host_beside]))
    if is_first:
        check_columns(raw)
    return typed(raw)


def _text(values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowException, TypeError, UnicodeEncodeError):
        return pa.array(map(_as_text, values), pa.string())


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, (dict, list)):
        raise NestedValue
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).encode("utf-8", "replace").decode()
