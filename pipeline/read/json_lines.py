"""JSON lines → rows: standard logging v2 as JSON, and Firehose's JSON of real-time fields.

Every value is a string as CloudFront writes it, or typed as others' transforms do. Whole blocks
are decoded at once; a block in which some line is no object is decoded line by line.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.read.layout import COUNTED
from pipeline.read.records import BAD_JSON, Example, Rows, no_rows, sane_rows, typed, utf8
from pipeline.read.tabbed import example, line_ends, numbered
from pipeline.schema.fields import SPELLINGS

# JSON's keys are as the log spells them, and capital letters matter in them.
_SPELLED = {
    name: [
        each.replace("user-agent)", "User-Agent)").replace("referer)", "Referer)")
        for each in SPELLINGS[name]
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


def one_per_line(texts: Iterable[bytes]) -> Iterator[bytes]:
    """The text, with a line end between objects that a stream put one behind the other.

    Firehose does so unless it is told otherwise, and the object would be one endless line. Text
    that has its line ends passes as it is, and so does text that is not JSON.
    """
    seen = b""
    endless = False
    last = b""
    for text in texts:
        if len(seen) < _LOOKED_AT and not endless:
            seen += text[:_LOOKED_AT]
            is_json = seen.lstrip().startswith(b"{")
            endless = is_json and seen.count(b"{") > 2 * seen.count(b"\n") + 2
        if endless:
            if last == b"}" and text.startswith(b"{"):
                yield b"\n"
            text = _separated(text)
        last = text[-1:]
        yield text


def read_json(block: bytes, latest_us: int) -> Rows:
    """The objects of a block of JSON lines; `latest_us` bounds a sensible time.

    Objects may share a line. Where one is damaged, they are told apart by `}{`, which CloudFront
    encodes inside a value.
    """
    lines = line_ends(block)
    block = utf8(block)
    try:
        found = _decoder.decode_lines(block)
    except (msgspec.MsgspecError, RecursionError):
        return replace(_one_by_one(_separated(block), latest_us), lines=lines)
    rows = sane_rows(_columns(found), latest_us, partial(_line_of, block))
    return replace(rows, lines=lines)


def _separated(text: bytes) -> bytes:
    return text.replace(b"}{", b"}\n{")


def _filled(block: bytes) -> list[tuple[int, bytes]]:
    """The lines that hold more than white space, with their numbers from 1."""
    return [(number, line) for number, line in numbered(block) if line.strip()]


def _line_of(block: bytes, row: int) -> Example:
    """The line of a row; where objects share lines, one near it."""
    lines = _filled(block)
    return example(lines[min(row, len(lines) - 1)])


def _one_by_one(block: bytes, latest_us: int) -> Rows:
    """Line by line: what is an object is a row, what is not is rejected."""
    found: list[Any] = []
    lines: list[tuple[int, bytes]] = []
    bad: list[Example] = []
    for number, line in _filled(block):
        try:
            found.append(_decoder.decode(line))
            lines.append((number, line))
        except (msgspec.MsgspecError, RecursionError):
            bad.append(example((number, line)))
    if not found:
        return Rows(no_rows()).also_rejected(BAD_JSON, bad)
    rows = sane_rows(_columns(found), latest_us, lambda row: example(lines[row]))
    return rows.also_rejected(BAD_JSON, bad)


def _columns(found: Sequence[Any]) -> pa.Table:
    """The columns of decoded objects by field name: of its spellings, whichever an object has."""
    values = {key: list(map(value_of, found)) for key, value_of in _VALUES.items()}
    return typed(
        pa.table(
            {
                name: pc.coalesce(*(_text(values[key]) for key in spellings))
                for name, spellings in _SPELLED.items()
            }
        )
    )


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
