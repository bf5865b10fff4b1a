"""The contents of a store: rows of aggregates, and the ledger's entries."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hours import HOURS_PER_DAY
from pipeline.objects import ObjectRef
from pipeline.sites import BySite, Place, by_hour, by_place
from pipeline.store.counted import Counted, RowKey
from pipeline.store.generations import Days, Generations, Rebuild

PARSER_VERSION = 4
"""Kept in every ledger row; raised whenever the same bytes would give other counts."""

State = Literal["committed", "partial", "failed", "dismissed", "forgotten"]
UNCOUNTED: tuple[State, State] = ("failed", "dismissed")
"""The states of an object that counts nothing and may still be counted."""

Standing = Literal["new", "duplicate", "conflict"]


@dataclass(frozen=True, slots=True)
class Recount:
    """An object's count in the generation of a rebuild: the whole of it, as an entry has it.
    A `forgotten` object counts nothing, for good."""

    generation: int
    state: Literal["committed", "forgotten"]
    sites: BySite
    rejected: Mapping[str, int]
    layout: str
    parser_version: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """A delivery of other content under a counted key: its etag, how often, and the last time
    (epoch seconds). A `dismissed` one is known and no problem."""

    etag: str
    times: int
    at: int
    dismissed: bool = False


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """The ledger's entry for one object, since `at` (epoch seconds).

    Only `committed` objects are counted in full; `partial` ones are being committed in parts;
    `failed` ones count nothing, and have the `reason` of the last of their `attempts`; `dismissed`
    ones are failures that are known and no problem any more. `sites` has
    the records by site in every hour (since the epoch) that it touches; its `rejected` lines are
    counted in the first place. `layout` says how it was read. `generation` is the latest that it is
    counted in; `recount` is what it counts there, if it was counted before that began.
    """

    ref: ObjectRef
    state: State
    at: int
    reason: str = ""
    attempts: int = 0
    sites: BySite = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    layout: str = ""
    parser_version: int = 0
    generation: int = 0
    recount: Recount | None = None
    conflict: Conflict | None = None

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
        """The lines of it that are counted."""
        return sum(self.places.values())

    def touches(self, days: Days) -> bool:
        """Whether it has an hour in these days."""
        return any(hour // HOURS_PER_DAY in days for hour in self.hours)

    def standing(self, ref: ObjectRef) -> Standing:
        """The standing of a delivery of `ref`, given this entry for its key.

        An event that names no etag is taken for the object that is there.
        """
        if self.state in UNCOUNTED:
            return "new"
        if ref.etag and ref.etag != self.ref.etag:
            return "conflict"
        return "new" if self.state == "partial" else "duplicate"

    def as_read(self, generations: Generations) -> "LedgerEntry":
        """The entry as it accounts for the rows that readers see: with its recount in place of
        its own figures, if readers see the recount's generation."""
        recount = self.recount
        if recount is None or not generations.counts(recount.generation):
            return replace(self, recount=None)
        return replace(
            self,
            state=recount.state,
            sites=recount.sites,
            rejected=recount.rejected,
            layout=recount.layout,
            parser_version=recount.parser_version,
            recount=None,
        )


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One aggregate as read: of a site's hour or day. A sharded store gives several per key.
    Whatever generation it is stored in, its key says 0. `version` is another one whenever the
    row's content is."""

    key: RowKey
    aggregate: HourlyAggregate
    version: str = ""


def as_written(
    rows: Mapping[RowKey, HourlyAggregate], generations: Generations
) -> dict[RowKey, HourlyAggregate]:
    """The rows of a delta in every generation that commits write."""
    return {
        key._replace(generation=generation): aggregate
        for key, aggregate in rows.items()
        for generation in generations.written(key.day)
    }


def as_recounted(
    rows: Mapping[RowKey, HourlyAggregate], rebuild: Rebuild
) -> dict[RowKey, HourlyAggregate]:
    """The rows of a delta that lie in the days of a rebuild, in the rebuild's generation."""
    return {
        key._replace(generation=rebuild.generation): aggregate
        for key, aggregate in rows.items()
        if key.day in rebuild.days
    }


def recounted(
    entry: LedgerEntry, counted: Counted | None, rebuild: Rebuild, generations: Generations
) -> LedgerEntry:
    """An entry after its object was counted (or, with None, forgotten) in a rebuild."""
    entry = entry.as_read(generations)
    recount = _forgotten(entry, rebuild) if counted is None else _counted(entry, counted, rebuild)
    return replace(entry, generation=rebuild.generation, recount=recount)


def _forgotten(entry: LedgerEntry, rebuild: Rebuild) -> Recount:
    return Recount(rebuild.generation, "forgotten", {}, {}, entry.layout, entry.parser_version)


def _counted(entry: LedgerEntry, counted: Counted, rebuild: Rebuild) -> Recount:
    # The row of the first hour has the rejected lines: a row that is not rebuilt keeps its own.
    first_is_rebuilt = min(counted.hours) // HOURS_PER_DAY in rebuild.days
    return Recount(
        rebuild.generation,
        "committed",
        counted.sites,
        counted.rejected if first_is_rebuilt else entry.rejected,
        counted.layout,
        PARSER_VERSION,
    )
