"""A log object: what it is called, whose it is, and what was counted in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipeline.hour.aggregate import HourlyAggregate
from pipeline.objects import ObjectRef


class Untallied(Protocol):
    """An object's lines that are best tallied together with those of other objects; `lines`
    counts them by hour since the epoch."""

    @property
    def lines(self) -> Mapping[int, int]: ...  # noqa: D102 - the class says it

    def tally(self, others: Sequence[Any]) -> dict[int, HourlyAggregate]:
        """What these lines and those of the others hold, by hour since the epoch."""
        ...


@dataclass(frozen=True, slots=True)
class Counted:
    """One object, parsed to the end: its hours (since the epoch), and the figures of its ledger
    row. `rejected` counts the lines that were not counted, by reason; `layout` says which layout
    the lines were read in, and why. Where there is a `share`, the lines are there, and `hours`
    has every hour they lie in without them."""

    ref: ObjectRef
    site: str
    records: int
    rejected: Mapping[str, int] = field(default_factory=dict)
    hours: Mapping[int, HourlyAggregate] = field(default_factory=dict)
    layout: str = ""
    share: Untallied | None = None

    @property
    def by_hour(self) -> dict[int, int]:
        """The records in each hour that the object touches. The first is the one that its
        rejected lines are counted in."""
        shared = self.share.lines if self.share else {}
        return {
            hour: self.hours[hour].totals.requests + shared.get(hour, 0)
            for hour in sorted(self.hours)
        }
