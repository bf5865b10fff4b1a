"""The store as its users see it, in four roles; each use case asks for the roles it needs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pipeline.deadline import NEVER, Deadline
from pipeline.errors import StoreError
from pipeline.hour.sketches import EVERYTHING, Wanted
from pipeline.hours import Span
from pipeline.objects import ObjectRef
from pipeline.store.counted import Counted
from pipeline.store.generations import Generations, Rebuild
from pipeline.store.ledger import LedgerEntry, RowKey, StoredRow

VISITOR_KEY_BYTES = 32

TIMEOUT = 60.0
"""Seconds after which an operation that keeps meeting others is given up."""


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
class Cached:
    """A cached answer and when it was stored."""

    body: bytes
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """The answer to a request for a lease: whether it was `granted`, and what is cached under its
    key at that moment."""

    granted: bool
    cached: Cached | None = None


@dataclass(frozen=True, slots=True)
class Meta:
    """What every reading of rows goes by, read in one round trip: the sites that have rows
    (sorted), the generations of their days, and over how many shards each site's rows
    are spread, where rows are."""

    sites: tuple[str, ...] = ()
    generations: Generations = Generations()
    shards: Mapping[str, int] = field(default_factory=dict)


class Ledger(Protocol):
    """What is known of each object, and the one way to count."""

    lag_seconds: float
    """How far, at most, an eventually consistent read is behind what was written."""

    def ledger(self, refs: Sequence[ObjectRef]) -> dict[ObjectRef, LedgerEntry]:
        """The entries of those objects (by bucket and key) that the ledger knows."""
        ...

    def objects(self, since: datetime | None = None) -> Iterator[LedgerEntry]:
        """Every entry of the ledger, or those written since the hour of a moment; in no particular
        order, and the latter possibly a second old."""
        ...

    def commit(self, objects: Sequence[Counted], deadline: Deadline = NEVER) -> CommitResult:
        """Count the objects, each exactly once: its ledger row and its share of every hour and
        day row are written together or not at all. No two may have the same bucket and key.

        An object the ledger already has is left out: a duplicate if its etag is the same, a
        conflict otherwise. A commit that keeps meeting others is given up at the
        deadline.
        """
        ...

    def record_failure(self, ref: ObjectRef, reason: str) -> None:
        """Note that an object could not be counted. It counts nothing, adds to the object's
        attempts, and is replaced when the object commits."""
        ...

    def record_conflict(self, ref: ObjectRef) -> None:
        """Note that other content was delivered under the key of a counted object."""
        ...

    def visitor_key(self) -> bytes:
        """The secret under which visitors are hashed: `VISITOR_KEY_BYTES` random bytes, made at
        the first call and the same ever after, so that a visitor of two hours is one."""
        ...


class Hours(Protocol):
    """The rows of hours and days."""

    def meta(self) -> Meta:
        """The sites and the generations of now, in one round trip."""
        ...

    def read(
        self,
        sites: Sequence[str],
        spans: Sequence[Span],
        meta: Meta | None = None,
        wanted: Wanted = EVERYTHING,
    ) -> Iterator[StoredRow]:
        """The rows of these sites in some spans, in no particular order, in the generations that
        `meta` says (default: those of now). Only what is `wanted` of them is decoded."""
        ...

    def versions(
        self, sites: Sequence[str], spans: Sequence[Span], meta: Meta
    ) -> Iterator[tuple[RowKey, str]]:
        """The keys and versions of the rows that `read` returns for the same arguments."""
        ...


class Cache(Protocol):
    """Cached answers, and for each the right to compute it."""

    def cached(self, key: str) -> Cached | None:
        """The cached answer under a key, None when there is none or its time has passed."""
        ...

    def lease(self, key: str, owner: str, seconds: int) -> Lease:
        """Ask for the right to compute the answer under a key. Nobody else has it until the owner
        caches an answer or releases it; or for `seconds`, if the owner dies. The result has the
        answer that is cached at that moment, so that nobody needs to look again."""
        ...

    def put_cached(self, key: str, body: bytes, ttl_seconds: int) -> None:
        """Cache an answer under a key for a time, and end the key's lease, in one write."""
        ...

    def release(self, key: str, owner: str) -> None:
        """End a lease without an answer, if it is still the owner's."""
        ...


class Rebuilding(Protocol):
    """Writing that is not counting: generations, and a whole store from another."""

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


class Store(Ledger, Hours, Cache, Rebuilding, Protocol):
    """A store in all its roles. Errors of the backend surface as StoreError.

    An entry, a row or an answer past its time to live is never seen, deleted or not.
    """


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
