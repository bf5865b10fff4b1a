"""What the use cases need from the outside: a store, and a source of objects' bytes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from pipeline.core.aggregate import HourlyAggregate
from pipeline.core.errors import StoreError
from pipeline.core.generations import Days, Generations, Rebuild
from pipeline.core.objects import Counted, ObjectRef, Untallied
from pipeline.core.window import HOURS_PER_DAY, Period, Span

PARSER_VERSION = 2
"""Kept in every ledger row; raised whenever the same bytes would give other counts."""

VISITOR_KEY_BYTES = 32

PATIENCE = 60.0
"""Seconds for which a commit that keeps meeting others is tried, if nobody says otherwise."""

State = Literal["committed", "partial", "failed", "forgotten"]
Standing = Literal["new", "duplicate", "conflict"]


class RowKey(NamedTuple):
    """A stored aggregate: a site's hour or day (both numbered since the epoch), of a generation."""

    site: str
    period: Period
    start: int
    generation: int = 0

    @property
    def day(self) -> int:
        """The day it is of."""
        return self.start // HOURS_PER_DAY if self.period == "hour" else self.start


@dataclass(frozen=True, slots=True)
class Recount:
    """What a rebuild of `days` found in an object: its records by hour, in those days only, and
    its rejected lines. `hours` is None for an object that the rebuild forgot."""

    generation: int
    days: Days
    hours: Mapping[int, int] | None
    rejected: Mapping[str, int]
    layout: str
    parser_version: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """A delivery of other content under a counted key: its etag, how often, and the last time
    (epoch seconds)."""

    etag: str
    times: int
    at: int


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What the ledger says of one object, since `at` (epoch seconds).

    Only `committed` objects are counted in full; `partial` ones are being committed in parts;
    `failed` ones count nothing, and have the `reason` of the last of their `attempts`. `hours` has
    the records in every hour (since the epoch) that it touches; its `rejected` lines are counted
    in the first of them. `layout` says how it was read. `generation` is the latest that it is
    counted in, `recount` what that found where it was not counted at first.
    """

    ref: ObjectRef
    state: State
    at: int
    reason: str = ""
    attempts: int = 0
    site: str = ""
    hours: Mapping[int, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    layout: str = ""
    parser_version: int = 0
    generation: int = 0
    recount: Recount | None = None
    conflict: Conflict | None = None

    @property
    def records(self) -> int:
        """The lines of it that are counted."""
        return sum(self.hours.values())

    def touches(self, days: Days) -> bool:
        """Whether it has an hour in these days."""
        return any(hour // HOURS_PER_DAY in days for hour in self.hours)

    def standing(self, ref: ObjectRef) -> Standing:
        """What a delivery of `ref` is, given this entry for its key.

        An event that names no etag is taken for the object that is there.
        """
        if self.state == "failed":
            return "new"
        if ref.etag and ref.etag != self.ref.etag:
            return "conflict"
        return "new" if self.state == "partial" else "duplicate"

    def as_read(self, generations: Generations) -> "LedgerEntry":
        """The entry as it accounts for the rows that readers see: with its recount, where that is
        of the generation they see."""
        found = self.recount
        if found is None or not self._shown(found, generations):
            return replace(self, recount=None)
        kept = {h: n for h, n in self.hours.items() if h // HOURS_PER_DAY not in found.days}
        first_is_kept = min(self.hours) in kept
        return replace(
            self,
            state="forgotten" if found.hours is None else self.state,
            hours=kept | dict(found.hours or {}),
            rejected=self.rejected if first_is_kept else found.rejected,
            layout=found.layout,
            parser_version=found.parser_version,
            recount=None,
        )

    def _shown(self, recount: Recount, generations: Generations) -> bool:
        days = (hour // HOURS_PER_DAY for hour in self.hours)
        return any(
            generations.read(day) == recount.generation for day in days if day in recount.days
        )


@dataclass(frozen=True, slots=True)
class CommitResult:
    """What became of the objects of one commit; together they are all that were given.

    `failed` are those of a transaction that did not go through after others had.
    """

    committed: tuple[ObjectRef, ...] = ()
    duplicates: tuple[ObjectRef, ...] = ()
    conflicts: tuple[ObjectRef, ...] = ()
    failed: tuple[tuple[ObjectRef, StoreError], ...] = ()

    def __add__(self, other: "CommitResult") -> "CommitResult":
        return CommitResult(
            self.committed + other.committed,
            self.duplicates + other.duplicates,
            self.conflicts + other.conflicts,
            self.failed + other.failed,
        )


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One aggregate as read: of a site's hour or day. A sharded store gives several per key.
    Whatever generation it is stored in, its key says 0."""

    key: RowKey
    aggregate: HourlyAggregate


@dataclass(frozen=True, slots=True)
class Cached:
    """A cached answer and when it was stored."""

    body: str
    stored_at: datetime


class Store(Protocol):
    """Ledger, aggregates and cache. Errors of the backend surface as StoreError.

    A row past its time to live is never seen, deleted or not.
    """

    def ledger(self, refs: Sequence[ObjectRef]) -> dict[ObjectRef, LedgerEntry]:
        """The entries of those objects (by bucket and key) that the ledger knows."""
        ...

    def commit(self, objects: Sequence[Counted], patience: float = PATIENCE) -> CommitResult:
        """Count the objects, each exactly once: its ledger row and its share of every hour and
        day row are written together or not at all. No two may have the same bucket and key.

        An object the ledger already has is left out: a duplicate if its etag is the same, a
        conflict otherwise. A commit that keeps meeting others is given up after `patience`
        seconds.
        """
        ...

    def record_failure(self, ref: ObjectRef, reason: str) -> None:
        """Note that an object could not be counted. It counts nothing, adds to the object's
        attempts, and is replaced when the object commits."""
        ...

    def record_conflict(self, ref: ObjectRef) -> None:
        """Note that other content was delivered under the key of a counted object."""
        ...

    def objects(self, since: datetime | None = None) -> Iterator[LedgerEntry]:
        """Every entry of the ledger, or those written since the hour of a moment; in no particular
        order, and the latter possibly a second old."""
        ...

    def visitor_key(self) -> bytes:
        """The secret under which visitors are hashed: `VISITOR_KEY_BYTES` random bytes, made at
        the first call and the same ever after, so that a visitor of two hours is one."""
        ...

    def sites(self) -> list[str]:
        """Every site that has rows, sorted."""
        ...

    def read(
        self, sites: Sequence[str], span: Span, generations: Generations | None = None
    ) -> Iterator[StoredRow]:
        """The rows of these sites in a span, in no particular order, as `generations` says; or as
        the pointer says now."""
        ...

    def generations(self) -> Generations:
        """The pointer: which generation of each day is read and written."""
        ...

    def turn(self, change: Callable[[Generations], Generations]) -> Generations:
        """Change the pointer. When this returns, every commit yet to come knows of it."""
        ...

    def recount(
        self, rebuild: Rebuild, objects: Sequence[Counted], forgotten: Sequence[ObjectRef] = ()
    ) -> None:
        """Count committed objects in the new generation of an open rebuild too, each exactly once:
        its rows and its ledger row are written together. The `forgotten` are counted as nothing."""
        ...

    def sweep(self) -> int:
        """Delete the rows that the pointer calls unswept and that are neither read nor written.
        How many there were."""
        ...

    def restore(self, entries: Sequence[LedgerEntry], rows: Sequence[StoredRow]) -> None:
        """Write entries and rows as they are, into a store that nothing else writes to."""
        ...

    def restore_visitor_key(self, key: bytes) -> None:
        """Take over the secret of another store, before the first visitor is hashed."""
        ...

    def cached(self, key: str) -> Cached | None:
        """The cached answer under a key, None when there is none or its time has passed."""
        ...

    def put_cached(self, key: str, body: str, ttl_seconds: int) -> None:
        """Keep an answer under a key for a time."""
        ...


class Content(NamedTuple):
    """An opened object: which version it is, its own time, and its bytes in chunks."""

    ref: ObjectRef
    modified: datetime
    chunks: Iterable[bytes]


class Listed(NamedTuple):
    """An object as it is found in its bucket, and its own time."""

    ref: ObjectRef
    modified: datetime


class Depth(NamedTuple):
    """About how many messages wait, and how many are being worked on."""

    waiting: int
    in_flight: int


class Source(Protocol):
    """Where objects are read from."""

    def open(self, ref: ObjectRef) -> AbstractContextManager[Content]:
        """The object's content, exactly the version that `ref` names.

        The content's `ref` is `ref` with etag and size filled in. Raises ObjectUnavailable when
        that version cannot be read, from here or while the chunks are.
        """
        ...


def deltas(objects: Iterable[Counted]) -> dict[RowKey, list[HourlyAggregate]]:
    """What objects add to each row they touch: every hour goes into its hour and its day row.

    The lines that objects share are tallied here, all of a site's in one go: what is left out of
    `objects` is left out of the tally.
    """
    added: dict[RowKey, list[HourlyAggregate]] = {}
    shares: dict[str, list[Untallied]] = {}
    for counted in objects:
        _add(added, counted.site, counted.hours)
        if counted.share is not None:
            shares.setdefault(counted.site, []).append(counted.share)
    for site, (first, *others) in shares.items():
        _add(added, site, first.tally(others))
    return added


def as_written(
    added: Mapping[RowKey, list[HourlyAggregate]], generations: Generations
) -> dict[RowKey, list[HourlyAggregate]]:
    """The same, in every generation that is written."""
    return {
        key._replace(generation=generation): parts
        for key, parts in added.items()
        for generation in generations.written(key.day)
    }


def as_recounted(
    added: Mapping[RowKey, list[HourlyAggregate]], rebuild: Rebuild
) -> dict[RowKey, list[HourlyAggregate]]:
    """What of it lies in the days of a rebuild, in its generation."""
    return {
        key._replace(generation=rebuild.generation): parts
        for key, parts in added.items()
        if key.day in rebuild.days
    }


def recounted(
    entry: LedgerEntry, counted: Counted | None, rebuild: Rebuild, generations: Generations
) -> LedgerEntry:
    """An entry after its object was counted (or, with None, forgotten) in a rebuild."""
    entry = replace(entry.as_read(generations), state=entry.state)
    if counted is None:
        found = Recount(rebuild.generation, rebuild.days, None, {}, entry.layout, PARSER_VERSION)
    else:
        hours = {h: n for h, n in counted.by_hour.items() if h // HOURS_PER_DAY in rebuild.days}
        found = Recount(
            rebuild.generation,
            rebuild.days,
            hours,
            counted.rejected,
            counted.layout,
            PARSER_VERSION,
        )
    return replace(entry, generation=rebuild.generation, recount=found)


def _add(
    added: dict[RowKey, list[HourlyAggregate]], site: str, hours: Mapping[int, HourlyAggregate]
) -> None:
    for hour, aggregate in hours.items():
        added.setdefault(RowKey(site, "hour", hour), []).append(aggregate)
        added.setdefault(RowKey(site, "day", hour // HOURS_PER_DAY), []).append(aggregate)


def sort_out(
    objects: Iterable[Counted], ledger: Mapping[ObjectRef, LedgerEntry]
) -> tuple[list[Counted], CommitResult]:
    """The objects that are still to be counted, and the result for those that are not."""
    fresh: list[Counted] = []
    duplicates: list[ObjectRef] = []
    conflicts: list[ObjectRef] = []
    for counted in objects:
        entry = ledger.get(counted.ref)
        standing = entry.standing(counted.ref) if entry else "new"
        if standing == "new":
            fresh.append(counted)
        else:
            (duplicates if standing == "duplicate" else conflicts).append(counted.ref)
    return fresh, CommitResult((), tuple(duplicates), tuple(conflicts))
