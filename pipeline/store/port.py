"""What the use cases need from the outside: a store, a source of objects' bytes, a queue."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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


class Store(Protocol):
    """Ledger, aggregates and cache. Errors of the backend surface as StoreError.

    A row past its time to live is never seen, deleted or not.
    """

    lag_seconds: float
    """How far, at most, an eventually consistent read is behind what was written."""

    def ledger(self, refs: Sequence[ObjectRef]) -> dict[ObjectRef, LedgerEntry]:
        """The entries of those objects (by bucket and key) that the ledger knows."""
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
        self,
        sites: Sequence[str],
        spans: Sequence[Span],
        generations: Generations | None = None,
        wanted: Wanted = EVERYTHING,
    ) -> Iterator[StoredRow]:
        """The rows of these sites in some spans, in no particular order, as `generations` says; or
        as the pointer says now. Only what is `wanted` of them is decoded."""
        ...

    def versions(
        self, sites: Sequence[str], spans: Sequence[Span], generations: Generations
    ) -> Iterator[tuple[RowKey, str]]:
        """The keys and versions of the rows that `read` would give."""
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

    def put_cached(self, key: str, body: bytes, ttl_seconds: int) -> None:
        """Keep an answer under a key for a time."""
        ...

    def lease(self, key: str, owner: str, seconds: int) -> bool:
        """Whether `owner` may compute what is cached under a key: nobody else may until it
        releases that, or for so many seconds if it dies."""
        ...

    def release(self, key: str, owner: str) -> None:
        """Give back a lease that is still the owner's."""
        ...


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
