"""What the use cases need from the outside: a store, and a source of objects' bytes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from pipeline.core.aggregate import HourlyAggregate
from pipeline.core.objects import Counted, ObjectRef, Untallied
from pipeline.core.window import HOURS_PER_DAY, Period, Span

PARSER_VERSION = 2
"""Kept in every ledger row; raised whenever the same bytes would give other counts."""

VISITOR_KEY_BYTES = 32

State = Literal["committed", "partial", "failed"]
Standing = Literal["new", "duplicate", "conflict"]


class RowKey(NamedTuple):
    """A stored aggregate: a site's hour or day (both numbered since the epoch)."""

    site: str
    period: Period
    start: int


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What the ledger says of one object. Only `committed` objects are counted in full;
    `partial` ones are being committed in parts; `failed` ones count nothing, and have the
    `reason` of the last of their `attempts`. `layout` says how a counted object was read."""

    state: State
    etag: str
    reason: str = ""
    attempts: int = 0
    layout: str = ""

    def standing(self, ref: ObjectRef) -> Standing:
        """What a delivery of `ref` is, given this entry for its key.

        An event that names no etag is taken for the object that is there.
        """
        if self.state == "failed":
            return "new"
        if ref.etag and ref.etag != self.etag:
            return "conflict"
        return "duplicate" if self.state == "committed" else "new"


@dataclass(frozen=True, slots=True)
class CommitResult:
    """What became of the objects of one commit; together they are all that were given."""

    committed: tuple[ObjectRef, ...] = ()
    duplicates: tuple[ObjectRef, ...] = ()
    conflicts: tuple[ObjectRef, ...] = ()

    def __add__(self, other: "CommitResult") -> "CommitResult":
        return CommitResult(
            self.committed + other.committed,
            self.duplicates + other.duplicates,
            self.conflicts + other.conflicts,
        )


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One aggregate as read: of a site's hour or day. A sharded store gives several per key."""

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

    def commit(self, objects: Sequence[Counted]) -> CommitResult:
        """Count the objects, each exactly once: its ledger row and its share of every hour and
        day row are written together or not at all. No two may have the same bucket and key.

        An object the ledger already has is left out: a duplicate if its etag is the same, a
        conflict otherwise.
        """
        ...

    def record_failure(self, ref: ObjectRef, reason: str) -> None:
        """Note that an object could not be counted. It counts nothing, adds to the object's
        attempts, and is replaced when the object commits."""
        ...

    def visitor_key(self) -> bytes:
        """The secret under which visitors are hashed: `VISITOR_KEY_BYTES` random bytes, made at
        the first call and the same ever after, so that a visitor of two hours is one."""
        ...

    def sites(self) -> list[str]:
        """Every site that has rows, sorted."""
        ...

    def read(self, sites: Sequence[str], span: Span) -> Iterator[StoredRow]:
        """The rows of these sites in a span, in no particular order."""
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
