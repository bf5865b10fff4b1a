"""The plan of a kernel: the fields of a layout, and the meaning of their values."""

import ctypes
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from pipeline.hour.histogram import BUCKETS, CELL_OF_1, CELL_SHIFT, FIRST, LOWER
from pipeline.hour.vector import FAILURES, HITS, MISSES
from pipeline.read.layout import Layout
from pipeline.read.records import EARLIEST_US
from pipeline.schema.dimensions import ABSENT
from pipeline.schema.fields import (
    BYTES_RECEIVED,
    BYTES_SENT,
    CLIENT_IP,
    DATE,
    FIRST_BYTE,
    METHOD,
    MILLIS,
    ORIGIN_FIRST_BYTE,
    ORIGIN_LAST_BYTE,
    PROTOCOL,
    RESULT_TYPE,
    SECONDS,
    STATUS,
    TIME,
    TIME_TAKEN,
    USER_AGENT,
)
from pipeline.tally.meaning import (
    CACHEABLE,
    CLEAN,
    RESULTS,
    UPGRADES,
    is_4xx,
    is_5xx,
    is_switched,
)
from pipeline.tally.native import library
from pipeline.tally.native.library import Column, Known, Plan
from pipeline.tally.tally import FIELDS
from pipeline.tally.visitors import Visitors

MEASURES = (
    *(BYTES_SENT, BYTES_RECEIVED, TIME_TAKEN),
    *(FIRST_BYTE, ORIGIN_FIRST_BYTE, ORIGIN_LAST_BYTE),
)
"""The fields of numbers, in the kernel's order."""

_Meaning = tuple[int, Callable[[str], bool]]
_MEANINGS: dict[str, tuple[str, tuple[_Meaning, ...]]] = {
    RESULT_TYPE: (
        "result_type",
        (
            (library.HIT, HITS.__contains__),
            (library.MISS, MISSES.__contains__),
            (library.FAILURE, FAILURES.__contains__),
        ),
    ),
    STATUS: (
        "status",
        (
            (library.ERROR_4XX, is_4xx),
            (library.ERROR_5XX, is_5xx),
            (library.SWITCHED, is_switched),
            (library.UNSAID, ABSENT.__eq__),
        ),
    ),
    METHOD: ("method", ((library.CACHEABLE, CACHEABLE.__contains__),)),
    PROTOCOL: ("protocol", ((library.UPGRADE, UPGRADES.__contains__),)),
}
"""The dimension whose counted values mean something, and the flags of a value, by field."""

_KNOWN: dict[str, Iterable[str]] = {
    RESULT_TYPE: sorted(RESULTS),
    STATUS: ["0", *(f"{status:03}" for status in range(1000))],
    METHOD: sorted(CACHEABLE),
    PROTOCOL: sorted(UPGRADES),
}
"""The logged values whose flags may differ from those of an absent one."""

_CELLS = np.ascontiguousarray(FIRST, np.int32)
_LOWER = np.ascontiguousarray(LOWER, np.int64)


def columns_of(layout: Layout, site_field: str) -> list[str]:
    """The fields of a layout whose values are told apart, in the kernel's order."""
    fields = dict.fromkeys([*FIELDS, CLIENT_IP, *filter(None, [site_field])])
    return [field for field in fields if field in layout.wanted]


def is_plannable(layout: Layout) -> bool:
    """Whether the kernel can count lines of a layout."""
    return len(layout.fields) <= library.MOST_FIELDS and layout.has_clock


def plan_of(layout: Layout, latest_us: int, visitors: Visitors, site_field: str) -> Plan:
    """The plan for lines of a layout, whose times are not behind `latest_us`. `site_field` names
    the site of each line, "" if none does."""
    places = layout.wanted
    columns = columns_of(layout, site_field)
    plan = Plan(
        earliest_us=EARLIEST_US,
        latest_us=latest_us,
        seeds=(ctypes.c_uint64 * 3)(*(secrets.randbits(64) for _ in range(3))),
        no_agent=visitors.agent(ABSENT),
        key=visitors.key,
        key_length=len(visitors.key),
        lower=_LOWER.ctypes.data,
        first=_CELLS.ctypes.data,
        cells=len(_CELLS),
        cell_shift=CELL_SHIFT,
        cell_of_1=CELL_OF_1,
        buckets=BUCKETS,
        width=len(layout.fields),
        columns=len(columns),
        measures=(ctypes.c_int32 * len(MEASURES))(*(places.get(name, -1) for name in MEASURES)),
        **_clock(places),
        **{
            name: columns.index(field) if field in columns else -1
            for name, field in (
                ("address", CLIENT_IP),
                ("agent", USER_AGENT),
                ("group", site_field),
            )
        },
    )
    for field in _MEANINGS.keys() - places.keys():
        plan.flags |= _flags(field, ABSENT, places)
    for at, field in enumerate(columns):
        plan.column[at] = _column(field, places)
    return plan


def _place(columns: Sequence[str], field: str) -> int:
    return columns.index(field) if field in columns else -1


def _clock(places: Mapping[str, int]) -> dict[str, int]:
    """The most precise clock of a layout: a line whose clock is damaged is an odd one."""
    if MILLIS in places:
        return {"clock": library.MILLIS_CLOCK, "clock_field": places[MILLIS]}
    if {DATE, TIME} <= places.keys():
        fields = {"clock_field": places[DATE], "clock_field_2": places[TIME]}
        return {"clock": library.DATE_CLOCK, **fields}
    return {"clock": library.SECONDS_CLOCK, "clock_field": places[SECONDS]}


def _column(field: str, places: Mapping[str, int]) -> Column:
    column = Column(field=places[field], is_counted=field in FIELDS)
    known: list[tuple[str, int]] = []
    if field in _MEANINGS:
        column.usual_flags = _flags(field, ABSENT, places)
        known = [(value, _flags(field, value, places)) for value in _KNOWN[field]]
    if field == CLIENT_IP:
        column.is_hashed = True
        known = [("", library.NO_ADDRESS), (ABSENT, library.NO_ADDRESS)]
    if field == USER_AGENT:
        column.is_hashed = True
        column.prefix, column.prefix_length = Visitors.AGENT.encode(), len(Visitors.AGENT)
    column.known_count = len(known)
    column.known = (Known * len(known))(
        *(Known(value.encode(), len(value), flags) for value, flags in known)
    )
    return column


def _flags(field: str, value: str, places: Mapping[str, int]) -> int:
    """The flags of a logged value. Without all three fields it is unknown what is cacheable."""
    dimension, meanings = _MEANINGS[field]
    counted = CLEAN[dimension][value]
    flags = sum(flag for flag, holds in meanings if holds(counted))
    return flags if {METHOD, RESULT_TYPE, STATUS} <= places.keys() else flags & ~library.CACHEABLE
