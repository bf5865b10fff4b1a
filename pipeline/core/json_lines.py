"""JSON lines → rows: standard logging v2 as JSON, and Firehose's JSON of real-time fields.

Every value is a string as CloudFront writes it, or typed as others' transforms do. Whole blocks
go through Arrow's JSON reader; a block it refuses is read line by line.
"""

import json
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pyarrow_json

from pipeline.core.columns import example, numbered
from pipeline.core.fields import SPELLINGS, STATUS
from pipeline.core.formats import COUNTED
from pipeline.core.rows import BAD_JSON, TYPES, Example, Rows, no_rows, sane_rows, typed, utf8

# JSON's keys are as the log spells them, so capital letters matter to Arrow.
_SPELLED = {
    name: [each.replace("user-agent)", "User-Agent)") for each in SPELLINGS[name]]
    for name in SPELLINGS
    if name in COUNTED
}
_KEYS = [key for spellings in _SPELLED.values() for key in spellings]
_NUMBERS = frozenset(
    key
    for name, spellings in _SPELLED.items()
    for key in spellings
    if TYPES.get(name) == pa.float64() or name == STATUS
)
_AS_TEXT = pa.schema([(key, pa.string()) for key in _KEYS])
_AS_NUMBERS = pa.schema([(key, pa.float64() if key in _NUMBERS else pa.string()) for key in _KEYS])


def one_per_line(texts: Iterable[bytes]) -> Iterator[bytes]:
    """The text, with a line end between objects that a stream put one behind the other.

    Firehose does so unless it is told otherwise. Text that is not JSON passes as it is. Inside a
    value CloudFront encodes braces; a value that has `}{` all the same is rejected (`bad_json`).
    """
    is_json: bool | None = None
    last = b""
    for text in texts:
        if is_json is None and (begun := text.lstrip()):
            is_json = begun.startswith(b"{")
        if is_json:
            if last == b"}" and text.startswith(b"{"):
                yield b"\n"
            last = text[-1:]
            if b"}{" in text:
                text = text.replace(b"}{", b"}\n{")
        yield text


def read_json(block: bytes, latest_us: int) -> Rows:
    """The objects of a block of JSON lines; `latest_us` bounds a sensible time."""
    block = utf8(block)
    for schema in (_AS_TEXT, _AS_NUMBERS):
        try:
            raw = _read(block, schema)
        except pa.ArrowInvalid:
            continue
        if raw.num_rows == len(
            _filled(block)
        ):  # else objects share a line, which is for the slow way
            return sane_rows(typed(raw), latest_us, partial(_line_of, block))
    return _one_by_one(block, latest_us)


def _filled(block: bytes) -> list[tuple[int, bytes]]:
    """The lines that hold more than white space, with their numbers from 1."""
    return [(number, line) for number, line in numbered(block) if line.strip()]


def _line_of(block: bytes, row: int) -> Example:
    return example(_filled(block)[row])


def _read(block: bytes, schema: pa.Schema) -> pa.Table:
    table = pyarrow_json.read_json(
        pa.BufferReader(block),
        pyarrow_json.ReadOptions(use_threads=False, block_size=len(block) + 1),
        pyarrow_json.ParseOptions(
            explicit_schema=schema,
            newlines_in_values=False,
            unexpected_field_behavior="ignore",
        ),
    )
    return _by_name({key: table.column(key) for key in _KEYS})


def _by_name(columns: dict[str, pa.ChunkedArray]) -> pa.Table:
    """The columns by field name: of a field's spellings, whichever a row has."""
    return pa.table(
        {
            name: pc.coalesce(*(_text(columns[key]) for key in spellings))
            for name, spellings in _SPELLED.items()
        }
    )


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if column.type == pa.string():
        return column
    whole = pc.round(column)
    is_whole = pc.and_(pc.equal(whole, column), pc.less(pc.abs(column), 2.0**53))
    integers = pc.if_else(is_whole, whole, None).cast(pa.int64()).cast(pa.string())
    return pc.coalesce(integers, column.cast(pa.string()))


def _one_by_one(block: bytes, latest_us: int) -> Rows:
    """Line by line: what is an object is a row, what is not is rejected."""
    rows: list[dict[str, str | None]] = []
    lines: list[tuple[int, bytes]] = []
    bad: list[Example] = []
    for number, line in _filled(block):
        try:
            values = _object(line)
        except (ValueError, RecursionError):
            bad.append(example((number, line)))
            continue
        rows.append({key: _scalar(values[key]) for key in _KEYS if key in values})
        lines.append((number, line))
    if not rows:
        return Rows(no_rows()).also_rejected(BAD_JSON, bad)
    columns = {
        key: pa.chunked_array([pa.array([row.get(key) for row in rows], pa.string())])
        for key in _KEYS
    }
    result = sane_rows(typed(_by_name(columns)), latest_us, lambda row: example(lines[row]))
    return result.also_rejected(BAD_JSON, bad)


def _object(line: bytes) -> dict[str, Any]:
    value = json.loads(line, strict=False)
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - as the decoder's own errors
    return value


def _scalar(value: Any) -> str | None:
    if value is None or isinstance(value, (dict, list)):
        return None
    return str(value).encode("utf-8", "replace").decode()
