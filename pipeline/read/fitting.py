"""Whether the values of named columns look like what their names say.

Names that do not fit their columns give nonsense in every figure: a header whose names are shifted
by one, or two names in each other's place.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice, zip_longest
from typing import NamedTuple

import pyarrow as pa

from pipeline.errors import ObjectRefused
from pipeline.read.domains import DOMAINS
from pipeline.read.layout import CLOCK_FIELDS, Layout
from pipeline.schema.dimensions import ABSENT
from pipeline.schema.fields import SPELLINGS, normalised

ROWS = 20
"""Rows that are looked at."""
_LOOKED_AT = 64 << 10

_MANY = 3
"""Rows from which on values that do not look like their field's are no damage. In one column they
may be of a form that CloudFront has come to write; names that do not fit spoil two."""

_PLAIN_KINDS = (
    r"[0-9]{1,15}(\.[0-9]{1,9})?|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"|/.*|https?://.*|[Mm]ozilla/.*|https?|wss?|HTTP/[0-9.]+|(TLS|SSL)v[0-9.]+"
    r"|GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS"
    r"|Hit|RefreshHit|OriginShieldHit|Miss|Error|Redirect|LimitExceeded|CapacityExceeded"
    r"|[A-Z]{3}[0-9]{1,4}-[A-Z]{1,2}[0-9]{1,4}|[A-Z]{2}|(TLS_|ECDHE-|AES|DHE-)[A-Z0-9_-]{5,60}"
    r"|(text|image|application|video|audio|font)/[\w.+-]+"
)
_NAME = r"[A-Za-z][\w-]*(\.[\w-]+)*\.[A-Za-z]{2,}"
_OF_A_KIND = re.compile(
    rf"{_PLAIN_KINDS}|{_NAME}|[\w-]{{40,}}==|[0-9]{{1,3}}(\.[0-9]{{1,3}}){{3}}|[0-9A-Fa-f]{{0,4}}(:[0-9A-Fa-f]{{0,4}}){{2,7}}"
)
"""Values that are surely of some field."""
_DAMAGE = re.compile(
    r"[^\w]*|[+-].*|[0-9]{16,}|[0-9]+[eE].*|(?i:nan|inf|infinity|null|none|true|false)"
)
"""Values that are of no field, as damage and other writers leave them: they prove nothing."""
_OF_OTHERS = frozenset(
    normalised(name) for name in ("cs(User-Agent)", "cs(Referer)", "cs-referrer", "sc-content-type")
)
"""Fields that viewers and origins fill as they like. They alone prove nothing: nobody shall be able
to have an object refused."""
_FREE = r"(?!/|[0-9.]+$|(?:TLS|SSL)v|HTTP/)\S*[./;].*"
"""Agents, addresses and media types, as most of these fields are."""
_HIDDEN = frozenset(("c_ip", "s_ip"))
"""Fields that many hide, in many ways, before they pass logs on."""


def _patterns() -> dict[str, "re.Pattern[str]"]:
    free = dict.fromkeys(_OF_OTHERS, re.compile(_FREE))
    hidden = re.compile(rf"(?!(?:{_PLAIN_KINDS}|{_NAME})$).*")
    found = {**free, **DOMAINS, **dict.fromkeys(_HIDDEN, hidden)}
    for field, (first, *others) in SPELLINGS.items():
        if field in CLOCK_FIELDS:  # a line without a sensible time is rejected by itself
            found.pop(first, None)
        elif first in found:
            found |= dict.fromkeys(others, found[first])
    return found


_PATTERNS = _patterns()


class _Doubt(NamedTuple):
    """A column most of whose values are not its name's: so many of them, and whether some are
    surely of another field."""

    name: str
    wrong: int
    rows: int
    is_sure: bool


def check_columns(rows: pa.Table) -> None:
    """Raise ObjectRefused if most of the first values of a column, which are text by field name,
    are of another kind than its name says."""
    _check((SPELLINGS[name][0], rows.column(name)[:ROWS].to_pylist()) for name in rows.column_names)


def _check(columns: Iterable[tuple[str, Sequence[str | None]]]) -> None:
    doubts = [doubt for name, values in columns if (doubt := _doubt(name, values))]
    of_others = [doubt for doubt in doubts if normalised(doubt.name) in _OF_OTHERS]
    of_logs = [doubt for doubt in doubts if doubt not in of_others]
    many = [doubt for doubt in of_logs if doubt.wrong >= _MANY]
    is_sure = of_others or len(many) > 1 or any(doubt.is_sure for doubt in of_logs)
    if of_logs and is_sure:
        name, wrong, rows, _ = max(of_logs, key=lambda doubt: doubt.is_sure)
        raise ObjectRefused(
            f"its field {name} does not look like one in {wrong} of the first {rows} rows: the "
            "names of its fields do not fit its columns, which would be counted wrong; correct "
            "the names, and deliver it again"
        )


def _doubt(name: str, values: Sequence[str | None]) -> _Doubt | None:
    own = _PATTERNS.get(normalised(name))
    if own is None:
        return None
    logged = [value for value in values[:ROWS] if value and value != ABSENT]
    wrong = [each for each in logged if not own.fullmatch(each) and not _DAMAGE.fullmatch(each)]
    of_a_kind = list(filter(_OF_A_KIND.fullmatch, wrong))
    if normalised(name) in _OF_OTHERS:
        wrong = of_a_kind
    if 2 * len(wrong) <= len(logged):
        return None
    return _Doubt(name, len(wrong), len(logged), bool(of_a_kind))


def check_header(layout: Layout, block: bytes) -> None:
    """Raise ObjectRefused if the first lines of a block do not fit the names of their header."""
    if fits(layout, block):  # nearly always
        return
    rows = [line.decode("utf-8", "replace").split("\t") for line in _first(block)]
    columns = list(zip_longest(*rows))
    _check_twice(layout.fields, columns)
    _check(zip(layout.fields, columns, strict=False))


def _check_twice(names: Sequence[str], columns: Sequence[Sequence[str | None]]) -> None:
    """Raise ObjectRefused if two columns of the same name have different values."""
    first: dict[str, Sequence[str | None]] = {}
    for name, column in zip(names, columns, strict=False):
        if first.setdefault(normalised(name), column) != column:
            raise ObjectRefused(
                f"its #Fields header names {name} twice, for columns with different values; "
                "correct the names, and deliver it again"
            )


def fits(layout: Layout, block: bytes, rows: int = ROWS) -> bool:
    """Whether each of the first lines of a block fits the names of its header. If not, it may
    still be so that most lines do."""
    return _are_single(layout.fields) and all(
        map(_line_pattern(layout.fields).fullmatch, _first(block, rows))
    )


def _first(block: bytes, rows: int = ROWS) -> list[bytes]:
    return list(islice(filter(None, block[:_LOOKED_AT].split(b"\n", rows)), rows))


@lru_cache(maxsize=256)
def _are_single(names: tuple[str, ...]) -> bool:
    return len(set(map(normalised, names))) == len(names)


@lru_cache(maxsize=256)
def _line_pattern(fields: tuple[str, ...]) -> "re.Pattern[bytes]":
    """The pattern of lines that fit the names at once, which is faster than field by field."""
    each = []
    for field in fields:
        pattern = DOMAINS.get(normalised(field))
        each.append(rf"(?:{pattern.pattern}|-?)" if pattern else r"[^\t]*")
    return re.compile(r"\t".join(each).encode(), re.ASCII)
