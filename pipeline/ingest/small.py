"""Small objects with a header, read one by one and turned into columns together."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise
from typing import NamedTuple

import pyarrow as pa

from pipeline.read.blocks import BLOCK
from pipeline.read.fitting import fits
from pipeline.read.layout import Layout, header_layout
from pipeline.read.limits import Limits
from pipeline.read.line_ends import has_mark
from pipeline.read.records import CLOCK, latest_of
from pipeline.read.tabbed import read_whole
from pipeline.sites import Place
from pipeline.tally.naming import Naming, lines_by_place

_GLANCE = 3
"""Lines that are held against their header: more would take as long as reading such an object."""

SMALL = 256 << 10
"""Bytes of text up to which an object is worth reading together with others."""


@dataclass(frozen=True, slots=True)
class Small:
    """A small object that was read to its end.

    `text` is all of it: a header, then `lines` of one layout, which are `body`. `modified` is the
    object's own time, and `naming` names the sites of its lines.
    """

    text: bytes
    body: bytes
    lines: int
    layout: Layout
    modified: datetime
    naming: Naming


class Piece(NamedTuple):
    """The rows of an object, `start` to `end`, in columns that it shares with others; and how many
    of them are at each place."""

    columns: pa.Table
    start: int
    end: int
    places: dict[Place, int]


def small(text: bytes, modified: datetime, limits: Limits, naming: Naming) -> Small | None:
    """The object that a whole text is, if it is of the plainest kind: comments, one of them a
    #Fields header, and then lines. None for everything else."""
    if not text.startswith(b"#") or b"\r" in text or len(text) > min(SMALL, limits.max_line):
        return None
    if has_mark(text):
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
    if not fits(layout, body, _GLANCE):
        return None
    return Small(text, body, body.count(b"\n"), layout, modified, naming)


def read_together(objects: Sequence[Small]) -> list[Piece | None]:
    """The rows of each object. None if an object must be parsed alone, because its times are not
    sensible, or because a line of an object that was read with it is not as it should be."""
    pieces: list[Piece | None] = [None] * len(objects)
    for group in _groups(objects):
        # Whatever one of them raises, it raises again when it is parsed alone, and fails alone.
        with suppress(Exception):
            members = [objects[place] for place in group]
            for place, piece in zip(group, list(_pieces(members)), strict=False):
                pieces[place] = piece
    return pieces


def _pieces(members: Sequence[Small]) -> Iterator[Piece | None]:
    """The rows of each of these objects, which have one layout and one naming; or nothing."""
    latest = [latest_of(member.modified) for member in members]
    rows = read_whole(b"".join(member.body for member in members), members[0].layout, max(latest))
    # No line is two rows, so equal sums mean equal counts for every object.
    if rows is None or rows.num_rows != sum(member.lines for member in members):
        return
    times = rows.column(CLOCK).to_numpy()
    bounds = pairwise(accumulate((member.lines for member in members), initial=0))
    codes, sites = members[0].naming.sites(rows)
    for latest_us, (start, end) in zip(latest, bounds, strict=True):
        sensible = times[start:end].max() <= latest_us
        own = None if codes is None else codes[start:end]
        places = lines_by_place(times[start:end], own, sites)
        yield Piece(rows, start, end, places) if sensible else None


def _groups(objects: Sequence[Small]) -> Iterator[list[int]]:
    """The places of objects of the same layout and naming that make a block together."""
    alike: dict[tuple[Layout, Naming], list[int]] = {}
    for place, each in enumerate(objects):
        alike.setdefault((each.layout, each.naming), []).append(place)
    for places in alike.values():
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
