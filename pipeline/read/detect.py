"""The layout of an object without a header: the one in which its lines are plausible.

A wrong list of fields silently shifts every column. So the first lines are held against every
layout with as many fields before anything is counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.errors import ObjectRefused
from pipeline.read.domains import CLOCKS, DOMAINS
from pipeline.read.layout import Layout, listed_layout
from pipeline.schema.dimensions import ABSENT
from pipeline.schema.fields import (
    CANONICAL,
    REALTIME,
    STANDARD,
    STANDARD_COUNTS,
    canonical_sets,
    is_realtime,
    normalised,
)

SAMPLE = 200
"""Lines that are held against the layouts."""

_CANONICAL_PLACE = {name: place for place, name in enumerate(CANONICAL.split())}


@dataclass(frozen=True, slots=True)
class _Fit:
    """The fit of a layout: the share of plausible lines, and the first contradiction."""

    layout: Layout
    share: float
    contradiction: str


def choose_layout(block: bytes, configured: tuple[Layout, ...]) -> Layout:
    """The one layout in which more than half of the first lines are plausible.

    A configured layout wins if it is. Else several are no tie if they count the same columns.
    Raises ObjectRefused if there is none, or a tie that would change a count.
    """
    lines = [line.rstrip(b"\r") for line in block.split(b"\n", SAMPLE)[:SAMPLE]]
    sample = [line.decode("utf-8", "replace").split("\t") for line in lines if line]
    fits = [_fit(layout, sample) for layout in _candidates(configured, sample)]
    plausible = [fit.layout for fit in fits if fit.share > 0.5]
    if not plausible:
        raise ObjectRefused(_no_layout(fits, sample, configured))
    chosen = plausible[0]
    rivals = [layout for layout in plausible if layout.wanted != chosen.wanted]
    if chosen in configured:
        rivals = [layout for layout in rivals if layout in _claimed(configured)]
    if rivals:
        raise ObjectRefused(_tie(chosen, rivals[0]))
    return chosen


def _candidates(configured: tuple[Layout, ...], sample: list[list[str]]) -> Iterator[Layout]:
    """The layouts that have as many fields as some line of the sample, the likeliest first."""
    widths = {len(_trimmed(line)) for line in sample} | {len(line) for line in sample}
    default = listed_layout(REALTIME, "real-time, the default 27 fields")
    for layout in (*_claimed(configured), default, _in_canonical_order(default)):
        if len(layout.fields) in widths:
            yield layout
    standard = STANDARD.split()
    for count in STANDARD_COUNTS:
        if count in widths:
            yield Layout(tuple(standard[:count]), f"standard, its {count} fields")
    for count, fields in canonical_sets().items():
        if count in widths:
            yield Layout(fields, f"real-time, all {count} fields in CloudFront's order")


def _claimed(configured: tuple[Layout, ...]) -> list[Layout]:
    """The configured layouts, and those of real-time logs in the order in which they come."""
    realtime = [layout for layout in configured if is_realtime(layout.fields)]
    return [*configured, *map(_in_canonical_order, realtime)]


def _in_canonical_order(layout: Layout) -> Layout:
    last = len(_CANONICAL_PLACE)
    ordered = sorted(layout.fields, key=lambda name: _CANONICAL_PLACE.get(name, last))
    return Layout(tuple(ordered), f"{layout.source}, in CloudFront's order")


def _fit(layout: Layout, sample: list[list[str]]) -> _Fit:
    contradictions = [_contradiction(layout, number, line) for number, line in enumerate(sample, 1)]
    against = [each for each in contradictions if each]
    return _Fit(layout, 1 - len(against) / len(sample), against[0] if against else "")


def _contradiction(layout: Layout, number: int, line: list[str]) -> str:
    """The first field of a line that does not look like the layout's, without its value; or ""."""
    if len(line) != len(layout.fields) and len(_trimmed(line)) != len(layout.fields):
        return f"line {number} has {len(line)} fields"
    for field, value in zip(layout.fields, line, strict=False):
        name = normalised(field)
        domain = DOMAINS.get(name)
        absent = value in ("", ABSENT) and name not in CLOCKS
        if domain and not absent and not domain.fullmatch(value):
            return f"field {field} of line {number} does not look like one"
    return ""


def _trimmed(line: list[str]) -> list[str]:
    """The line without empty fields at its end."""
    end = len(line)
    while end and not line[end - 1]:
        end -= 1
    return line[:end]


def _tie(chosen: Layout, rival: Layout) -> str:
    return (
        f"has no #Fields header, and its lines are plausible both as {chosen.source} "
        f"and as {rival.source}, which would be counted differently; set EDGETALLY_PLAIN_FIELDS "
        "to its fields in the order in which they come, and EDGETALLY_REALTIME_FIELDS to none or "
        "to fields in CloudFront's order"
    )


def _no_layout(fits: list[_Fit], sample: list[list[str]], configured: tuple[Layout, ...]) -> str:
    text = "has no #Fields header, and its lines fit no known layout: "
    if fits:
        best = max(fits, key=lambda fit: fit.share)
        text += f"the nearest is {best.layout.source}, but {best.contradiction}"
    else:
        known = ", ".join(f"{len(each.fields)} of {each.source}" for each in configured)
        text += f"they have {len(sample[0]) if sample else 0} fields, unlike every known list"
        text += f" and the {known}" if known else ""
    return (
        f"{text}; set EDGETALLY_REALTIME_FIELDS (or EDGETALLY_PLAIN_FIELDS) to the fields it was "
        "delivered with, in their order"
    )
