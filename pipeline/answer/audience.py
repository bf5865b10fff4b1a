"""People and crawlers among the viewers, and the purposes of the crawlers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.answer.entries import OTHER, Entry, entries_of
from pipeline.hour.vector import ZERO, Vector, add
from pipeline.schema.crawlers import group
from pipeline.schema.dimensions import ABSENT

if TYPE_CHECKING:
    from pipeline.hour.heavy_hitters import Table
    from pipeline.hour.totals import Totals

HUMAN, CRAWLER = "human", "crawler"


def audience(devices: Table, totals: Totals) -> list[Entry]:
    """The totals of `human` and `crawler`, and of `unknown` where no agent was logged.

    They are exact: there are fewer classes of devices than a table holds.
    """
    counted = [(_kind(value), vector) for value, vector in devices.entries.items()]
    return entries_of(_summed(counted), totals, "device")


def crawler_groups(crawlers: Table, totals: Totals) -> list[Entry]:
    """The totals of each group of crawlers, most requests first.

    What fell out of the table of crawlers closes the list as `(other)`.
    """
    entries = crawlers.entries.items()
    groups = _summed([(group(value), vector) for value, vector in entries if value != ABSENT])
    rest = [(OTHER, crawlers.other)] if crawlers.other.requests else []
    return entries_of([*groups, *rest], totals, "crawler")


def _kind(device: str) -> str:
    return device if device in (ABSENT, CRAWLER) else HUMAN


def _summed(counted: list[tuple[str, Vector]]) -> list[tuple[str, Vector]]:
    totals: dict[str, Vector] = {}
    for name, vector in counted:
        totals[name] = add(totals.get(name, ZERO), vector)
    return sorted(totals.items(), key=lambda total: (-total[1].requests, total[0]))
