"""People and crawlers among the viewers, and the purposes of the crawlers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.answer.entries import OTHER, Entry, entries_of
from pipeline.hour.vector import ZERO, Vector, add
from pipeline.schema.crawlers import group
from pipeline.schema.dimensions import ABSENT

if TYPE_CHECKING:
    from pipeline.hour.heavy_hitters import Table

HUMAN, CRAWLER = "human", "crawler"


def audience(devices: Table) -> list[Entry]:
    """The totals of `human` and `crawler`, and of `unknown` where no agent was logged.

    They are exact: there are fewer classes of devices than a table holds.
    """
    return _summed([(_kind(value), vector) for value, vector in devices.entries.items()])


def crawler_groups(crawlers: Table) -> list[Entry]:
    """The totals of each group of crawlers, most requests first.

    What fell out of the table of crawlers closes the list as `(other)`.
    """
    entries = crawlers.entries.items()
    groups = _summed([(group(value), vector) for value, vector in entries if value != ABSENT])
    return groups + (entries_of([(OTHER, crawlers.other)]) if crawlers.other.requests else [])


def _kind(device: str) -> str:
    return device if device in (ABSENT, CRAWLER) else HUMAN


def _summed(counted: list[tuple[str, Vector]]) -> list[Entry]:
    totals: dict[str, Vector] = {}
    for name, vector in counted:
        totals[name] = add(totals.get(name, ZERO), vector)
    ordered = sorted(totals.items(), key=lambda total: (-total[1].requests, total[0]))
    return entries_of(ordered)
