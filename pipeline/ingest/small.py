"""Small objects with a header, read one by one and turned into columns together."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from pipeline.ingest.share import Share
from pipeline.read.blocks import BLOCK
from pipeline.read.layout import Layout, header_layout
from pipeline.read.limits import Limits
from pipeline.read.records import CLOCK
from pipeline.read.tabbed import read_whole
from pipeline.tally.tally import lines_by_hour
from pipeline.tally.visitors import Visitors

SMALL = 256 << 10
"""Bytes of text up to which an object is worth reading together with others."""


@dataclass(frozen=True, slots=True)
class Small:
    """An object that was read to its end: a header, then `lines` of one layout (`body`, whole
    lines). `text` is all of it, `modified` its own time, `latest_us` bounds a sensible one."""

    text: bytes
    body: bytes
    lines: int
    layout: Layout
    modified: datetime
    latest_us: int


def small(text: bytes, modified: datetime, latest_us: int, limits: Limits) -> Small | None:
    """The object that a whole text is, if it is of the plainest kind: comments, one of them a
    #Fields header, and then lines. None for everything else."""
    if not text.startswith(b"#") or b"\r" in text or len(text) > min(SMALL, limits.max_line):
        return None
    layout: Layout | None = None
    start = 0
    while text.startswith(b"#", start):
        end = text.find(b"\n", start) + 1 or len(text)
        layout = header_layout(text[start:end]) or layout
        start = end
    body = text[start:]
    if layout is None or not layout.has_clock or not body or b"\n#" in body:
        return None
    if not body.endswith(b"\n"):
        body += b"\n"
    return Small(text, body, body.count(b"\n"), layout, modified, latest_us)


def read_together(objects: Sequence[Small], visitors: Visitors) -> list[Share | None]:
    """The rows of each object; None for one that has to be read alone, because it or another one
    that it was read with has a line that is not as it should be."""
    found: dict[int, Share] = {}
    for group in _groups(objects):
        members = [objects[place] for place in group]
        rows = read_whole(
            b"".join(member.body for member in members),
            members[0].layout,
            min(member.latest_us for member in members),
        )
        # No line is two rows, so equal sums mean equal counts for every object.
        if rows is None or rows.num_rows != sum(member.lines for member in members):
            continue
        times = rows.column(CLOCK).to_numpy()
        ends = np.cumsum([member.lines for member in members]).tolist()
        for place, start, end in zip(group, [0, *ends], ends, strict=False):
            found[place] = Share(rows, start, end, lines_by_hour(times[start:end]), visitors)
    return [found.get(place) for place in range(len(objects))]


def _groups(objects: Sequence[Small]) -> Iterator[list[int]]:
    """The places of objects of the same layout that make a block together."""
    by_layout: dict[Layout, list[int]] = {}
    for place, each in enumerate(objects):
        by_layout.setdefault(each.layout, []).append(place)
    for places in by_layout.values():
        yield from _blocks(places, objects)


def _blocks(places: Iterable[int], objects: Sequence[Small]) -> Iterator[list[int]]:
    block: list[int] = []
    size = 0
    for place in places:
        if size + len(objects[place].body) > BLOCK:
            yield block
            block, size = [], 0
        block.append(place)
        size += len(objects[place].body)
    if block:
        yield block
