"""Which layout an object without a header has: the one its lines are plausible in.

A wrong list of fields silently shifts every column. So nothing is counted before the first lines
have been held against every layout that has as many fields.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.errors import ObjectRefused
from pipeline.read.layout import Layout, listed_layout
from pipeline.schema.dimensions import ABSENT
from pipeline.schema.fields import (
    CANONICAL,
    DATE,
    EDGE_LOCATION,
    METHOD,
    MILLIS,
    PROTOCOL,
    REALTIME,
    RESULT_TYPE,
    SECONDS,
    STANDARD,
    STANDARD_COUNTS,
    STATUS,
    TIME,
    canonical_sets,
)

SAMPLE = 200
"""Lines that are looked at."""

_DOMAINS = {
    SECONDS: re.compile(r"(1[2-9]|[2-9][0-9])[0-9]{8}(\.[0-9]+)?"),
    MILLIS: re.compile(r"(1[2-9]|[2-9][0-9])[0-9]{11}"),
    DATE: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    TIME: re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}"),
    STATUS: re.compile(r"[0-9]{3}"),
    EDGE_LOCATION: re.compile(r"[A-Z]{3}[0-9]{1,4}(-[A-Z]{1,2}[0-9]{1,4})?"),
    RESULT_TYPE: re.compile(r"[A-Z][A-Za-z]{2,40}"),
    METHOD: re.compile(r"[A-Z][A-Z_-]{1,30}"),
    PROTOCOL: re.compile(r"https?|wss?|grpcs?"),
}
"""What a plausible value looks like, for the fields that tell one layout from another."""

_CLOCKS = (SECONDS, MILLIS, DATE, TIME)
_CANONICAL_PLACE = {name: place for place, name in enumerate(CANONICAL.split())}


@dataclass(frozen=True, slots=True)
class _Fit:
    """How a layout fits the sample: the share of lines, and the first value against it."""

    layout: Layout
    share: float
    contradiction: str


def choose_layout(block: bytes, configured: tuple[Layout, ...]) -> Layout:
    """The one layout in which more than half of the first lines are plausible.

    Several are no tie when they count the same columns; the configured one is then named.
    Raises ObjectRefused when there is none, or a tie that would change a count.
    """
    lines = [line.rstrip(b"\r") for line in block.split(b"\n", SAMPLE)[:SAMPLE]]
    sample = [line.decode("utf-8", "replace").split("\t") for line in lines if line]
    fits = [_fit(layout, sample) for layout in _candidates(configured, sample)]
    plausible = [fit.layout for fit in fits if fit.share > 0.5]
    if not plausible:
        raise ObjectRefused(_no_layout(fits, sample, configured))
    rivals = [each for each in plausible if each.wanted != plausible[0].wanted]
    if rivals:
        raise ObjectRefused(
            f"has no #Fields header, and its lines are plausible both as {plausible[0].source} "
            f"and as {rivals[0].source}, which would be counted differently; "
            "set EDGETALLY_REALTIME_FIELDS to the fields it was delivered with, in their order"
        )
    return plausible[0]


def _candidates(configured: tuple[Layout, ...], sample: list[list[str]]) -> Iterator[Layout]:
    """The layouts that have as many fields as some line of the sample, the likeliest first."""
    widths = {len(_trimmed(line)) for line in sample} | {len(line) for line in sample}
    default = listed_layout(REALTIME, "real-time, the default 27 fields")
    known = [*configured, default]
    for layout in (*known, *map(_in_canonical_order, known)):
        if len(layout.fields) in widths:
            yield layout
    standard = STANDARD.split()
    for count in STANDARD_COUNTS:
        if count in widths:
            yield Layout(tuple(standard[:count]), f"standard, its {count} fields")
    for count, fields in canonical_sets().items():
        if count in widths:
            yield Layout(fields, f"real-time, all {count} fields in CloudFront's order")


def _in_canonical_order(layout: Layout) -> Layout:
    last = len(_CANONICAL_PLACE)
    ordered = sorted(layout.fields, key=lambda name: _CANONICAL_PLACE.get(name, last))
    return Layout(tuple(ordered), f"{layout.source}, in CloudFront's order")


def _fit(layout: Layout, sample: list[list[str]]) -> _Fit:
    contradictions = [_contradiction(layout, number, line) for number, line in enumerate(sample, 1)]
    against = [each for each in contradictions if each]
    return _Fit(layout, 1 - len(against) / len(sample), against[0] if against else "")


def _contradiction(layout: Layout, number: int, line: list[str]) -> str:
    """What speaks against a line being of the layout; "" when nothing does."""
    if len(line) != len(layout.fields) and len(_trimmed(line)) != len(layout.fields):
        return f"line {number} has {len(line)} fields"
    for name, domain in _DOMAINS.items():
        position = layout.positions.get(name)
        if position is None:
            continue
        value = line[position] if position < len(line) else ""
        absent = value in ("", ABSENT) and name not in _CLOCKS
        if not absent and not domain.fullmatch(value):
            # Never the value: in another layout it may be an address, a cookie, a query string.
            return f"{layout.fields[position]} of line {number} is not what it should be"
    return ""


def _trimmed(line: list[str]) -> list[str]:
    """The line without stray empty fields at its end."""
    end = len(line)
    while end and not line[end - 1]:
        end -= 1
    return line[:end]


def _no_layout(fits: list[_Fit], sample: list[list[str]], configured: tuple[Layout, ...]) -> str:
    if fits:
        best = max(fits, key=lambda fit: fit.share)
        found = f"the nearest is {best.layout.source}, but {best.contradiction}"
    else:
        width = len(sample[0]) if sample else 0
        known = ", ".join(f"{len(each.fields)} of {each.source}" for each in configured)
        found = f"they have {width} fields, unlike every known list" + (
            f" and the {known}" if known else ""
        )
    return (
        f"has no #Fields header, and its lines fit no known layout: {found}; "
        "set EDGETALLY_REALTIME_FIELDS (or EDGETALLY_PLAIN_FIELDS) to the fields it was delivered "
        "with, in their order"
    )
