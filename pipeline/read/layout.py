"""Layouts: the fields of a log line, in order."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from pipeline.schema.dimensions import DIMENSIONS
from pipeline.schema.fields import (
    BYTES_RECEIVED,
    BYTES_SENT,
    CLIENT_IP,
    CLOCKS,
    DISTRIBUTION,
    EDGE_LOCATION,
    FIRST_BYTE,
    KNOWN_NAMES,
    METHOD,
    ORIGIN_FIRST_BYTE,
    ORIGIN_LAST_BYTE,
    PATH,
    RESULT_TYPE,
    SPELLINGS,
    STATUS,
    TIME_TAKEN,
    is_realtime,
    normalised,
    spelling,
)

LATENCIES = (TIME_TAKEN, FIRST_BYTE, ORIGIN_FIRST_BYTE, ORIGIN_LAST_BYTE)
MEASURES = (BYTES_SENT, BYTES_RECEIVED, *LATENCIES)
CLOCK_FIELDS = frozenset(field for clock in CLOCKS for field in clock)
COUNTED = frozenset(
    {*CLOCK_FIELDS, *MEASURES, CLIENT_IP, DISTRIBUTION}
    | {*(dimension.field for dimension in DIMENSIONS.values())}
)
"""The fields that are read, of whatever format."""

_EVERY_LOG = (STATUS, PATH)

_HEADER = "#fields:"
_NAME = re.compile(r"[A-Za-z][A-Za-z_]{2,40}")

_NEEDED = (
    CLOCK_FIELDS
    | {BYTES_SENT, BYTES_RECEIVED, TIME_TAKEN, STATUS, METHOD, PATH}
    | {
        EDGE_LOCATION,
        RESULT_TYPE,
    }
)
"""The fields without which a line is damaged, if its layout has them. Not all counted fields: a
new dimension must not change which lines are counted."""


@dataclass(frozen=True)
class Layout:
    """The fields of a line in order, as the log spells them, and the source of that list."""

    fields: tuple[str, ...]
    source: str

    @cached_property
    def positions(self) -> dict[str, int]:
        """The place of each known field."""
        return positions(self.fields)

    @cached_property
    def wanted(self) -> dict[str, int]:
        """The place of each counted field."""
        return {name: at for name, at in self.positions.items() if name in COUNTED}

    @property
    def has_clock(self) -> bool:
        """Whether its lines have a time."""
        return has_clock(self.positions)

    @cached_property
    def needed(self) -> int:
        """The number of leading fields that a line must have."""
        return max(at for name, at in self.wanted.items() if name in _NEEDED) + 1


def positions(names: Sequence[str]) -> dict[str, int]:
    """The place of each known field among these logged names."""
    realtime = is_realtime(names)
    spelled: dict[str, int] = {}
    for place, name in enumerate(names):
        spelled.setdefault(spelling(name, realtime=realtime), place)
    return {
        field: next(spelled[each] for each in spellings if each in spelled)
        for field, spellings in SPELLINGS.items()
        if not spelled.keys().isdisjoint(spellings)
    }


def host_beside(names: Sequence[str], *, realtime: bool) -> int | None:
    """The place of the other column of a host, if `cs_host` may be either; None if it is told.

    Standard logs may have a `timestamp` and no date, too. Then names with `_` do not tell them
    from real-time logs, which have both hosts the other way round.
    """
    lowered = list(map(str.lower, names))
    is_told = not realtime or "cs_host" not in lowered or "x_host_header" not in lowered
    return None if is_told else lowered.index("x_host_header")


def misnamed(names: Sequence[str]) -> str:
    """The reason to refuse these names, or "".

    A field that every log has is missing, and an unknown name may be it.
    """
    known = positions(names)
    missing = [field for field in _EVERY_LOG if field not in known]
    strange = [name for name in names if normalised(name) not in KNOWN_NAMES]
    if not missing or not strange:
        return ""
    if any(name.lower() == "records" for name in strange):
        return (
            "holds its records in an array, as files of CloudTrail and events of S3 do; "
            "deliver a line of JSON for each request"
        )
    shown = [name for name in strange if _NAME.fullmatch(name)][:5]
    unknown = f"unknown ones: {', '.join(shown)}" if shown else "unknown ones"
    return (
        f"has no field {' and '.join(SPELLINGS[field][0] for field in missing)}, and {unknown}; "
        "name its fields as CloudFront does (connection logs and other kinds are not access logs)"
    )


def named(fields: Sequence[str]) -> list[str]:
    """The names of a layout, for messages. An odd one may be a value of a line, and is not told."""
    is_name = (normalised(field) in KNOWN_NAMES or _NAME.fullmatch(field) for field in fields)
    return [field if known else "(unknown)" for field, known in zip(fields, is_name, strict=True)]


def has_clock(fields: Iterable[str]) -> bool:
    """Whether lines of these fields have a time."""
    known = set(fields)
    return any(known.issuperset(clock) for clock in CLOCKS)


def listed_layout(fields: str, source: str) -> Layout:
    """A layout from names separated by commas or white space."""
    return Layout(tuple(fields.replace(",", " ").split()), source)


@lru_cache(maxsize=256)
def header_layout(line: bytes) -> Layout | None:
    """The layout that a `#` line declares; None for another directive or a comment.

    Names are split on any delimiter: a TAB-separated header is seen in the wild.
    """
    text = line.decode("utf-8", "replace")
    if not text.lower().startswith(_HEADER):
        return None
    words = re.split(r"[\s,;|]+", text[len(_HEADER) :])
    return Layout(tuple(filter(None, words)), "its #Fields header")
