"""A commit in numbers: the figures of objects for the ledger, and rows of aggregates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hours import HOURS_PER_DAY, Period
from pipeline.objects import ObjectRef
from pipeline.sites import BySite, Place, by_hour, by_place


class RowKey(NamedTuple):
    """A stored aggregate: a site's hour or day (both numbered since the epoch), of a generation."""

    site: str
    period: Period
    start: int
    generation: int = 0

    @property
    def day(self) -> int:
        """The day of the row, numbered since the epoch."""
        return self.start // HOURS_PER_DAY if self.period == "hour" else self.start


@dataclass(frozen=True, slots=True)
class Counted:
    """One object's figures for the ledger.

    `sites` has the records by site in every hour (since the epoch) that the object touches, and at
    least one hour. `rejected` counts the lines that were not counted, by reason; rows have them in
    the first place. `layout` says which layout the lines were read in, and why.
    """

    ref: ObjectRef
    sites: BySite
    rejected: Mapping[str, int] = field(default_factory=dict)
    layout: str = ""

    @property
    def hours(self) -> dict[int, int]:
        """The records of all sites by hour."""
        return by_hour(self.sites)

    @property
    def places(self) -> dict[Place, int]:
        """The records by place, in order."""
        return by_place(self.sites)

    @property
    def records(self) -> int:
        """The lines of the object that are counted."""
        return sum(self.places.values())


@dataclass(frozen=True, slots=True)
class Delta:
    """Objects to be committed together, and what they add to each row: one aggregate a row.

    Each hour is in its hour row and in the row of its day. The tables of the aggregates may be
    larger than their caps. There is an object, and no two have the same bucket and key.
    """

    objects: Sequence[Counted]
    rows: Mapping[RowKey, HourlyAggregate]

    @property
    def sites(self) -> set[str]:
        """The sites that the objects have lines of."""
        return {site for counted in self.objects for site in counted.sites}
