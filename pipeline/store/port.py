"""The store as its users see it, in four roles; each use case asks for the roles it needs."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pipeline.deadline import Deadline
from pipeline.hour.sketches import EVERYTHING, Wanted
from pipeline.hours import Span
from pipeline.objects import ObjectRef
from pipeline.store.counted import Counted, Delta
from pipeline.store.generations import Generations, Rebuild
from pipeline.store.ledger import LedgerEntry, StoredRow
from pipeline.store.settings import Given, StoreSettings

VISITOR_KEY_BYTES = 32

TIMEOUT = 60.0
"""Seconds after which an operation that keeps meeting others is given up."""


@dataclass(frozen=True, slots=True)
class CommitResult:
    """The outcome of a delta: all of it was committed, or nothing was and the rest says why.

    `duplicates` and `conflicts` are objects that the ledger has already, with the same etag or
    another one. `partial` are objects that are half committed: each has to be committed alone.
    `too_large` says that several objects do not fit one transaction together. `unshown` are
    committed objects of which readers see no row: all their hours are past the retention.
    """

    duplicates: tuple[ObjectRef, ...] = ()
    conflicts: tuple[ObjectRef, ...] = ()
    partial: tuple[ObjectRef, ...] = ()
    too_large: bool = False
    unshown: tuple[ObjectRef, ...] = ()

    @property
    def committed(self) -> bool:
        """Whether all objects were committed."""
        return not (self.refused or self.too_large)

    @property
    def refused(self) -> tuple[ObjectRef, ...]:
        """The objects that stand in the way of the others."""
        return self.duplicates + self.conflicts + self.partial


COMMITTED = CommitResult()
TOO_LARGE = CommitResult(too_large=True)


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
    """The state that every reading of rows goes by, in one round trip: the sites that have rows
    (sorted), the generations of their days, the settings that the rows were written under, and
    the day of the store's clock."""

    sites: tuple[str, ...] = ()
    generations: Generations = Generations()
    settings: StoreSettings = StoreSettings()
    today: int = 0

    @property
    def first_row_day(self) -> int:
        """The first day whose rows are visible."""
        return self.settings.first_row_day(self.today, self.generations)

    @property
    def first_ledger_day(self) -> int:
        """The first day of which the ledger knows every object."""
        return self.settings.first_ledger_day(self.today)


class Ledger(Protocol):
    """The knowledge of each object, and the one way to count."""

    lag_seconds: float
    """How far, at most, an eventually consistent read is behind what was written."""

    def ledger(self, refs: Sequence[ObjectRef]) -> dict[ObjectRef, LedgerEntry]:
        """The entries of those objects (by bucket and key) that the ledger knows."""
        ...

    def objects(self, since: datetime | None = None) -> Iterator[LedgerEntry]:
        """Every entry of the ledger, or those written since the hour of a moment; in no particular
        order, and the latter possibly a second old."""
        ...

    def agree(self) -> StoreSettings:
        """The settings of the store; they are written if it has none. From now on, a commit under
        others raises OtherSettings. So does this, if the store was opened with others."""
        ...

    def commit(self, delta: Delta, deadline: Deadline) -> CommitResult:
        """Count the objects, each exactly once, all of them or none: their ledger rows and the
        rows of the delta are written together.

        A delta of one object that does not fit one transaction is committed in parts. A commit
        that keeps meeting others is given up at the deadline. Raises CommitRefused for what
        cannot be stored, CorruptRow for a row that cannot be added to, StoreError for the rest.
        """
        ...

    def record_failure(self, ref: ObjectRef, reason: str, attempts: int = 1) -> None:
        """Note that an object could not be counted, in so many attempts more than before. The note
        counts nothing, and is replaced when the object commits."""
        ...

    def record_conflict(self, ref: ObjectRef) -> None:
        """Note that other content was delivered under the key of a counted object."""
        ...

    def dismiss(self, ref: ObjectRef) -> None:
        """Clear an object's failure or conflict for good: it is no problem any more, unless other
        content is delivered again. The object counts if it is delivered and can be read. Raises
        StoreError if it has neither."""
        ...

    def admit(self, names: Collection[str], most: int) -> frozenset[str]:
        """Let names that lines have be sites, as long as there are fewer than `most`, and return
        all that are: the same for every process, and never one less. The sites that the store
        already has at the first call are the first."""
        ...

    def visitor_key(self) -> bytes:
        """The secret under which visitors are hashed: `VISITOR_KEY_BYTES` random bytes, made at
        the first call and the same ever after, so that a visitor of two hours is one."""
        ...


class Hours(Protocol):
    """The rows of hours and days."""

    def meta(self) -> Meta:
        """The sites, generations and settings of now, in one round trip."""
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
    """Writing that is not counting: generations, settings, and a whole store from another."""

    def turn(self, change: Callable[[Generations], Generations]) -> Generations:
        """Change the generations. Every commit that succeeds after this returns has used the new
        ones."""
        ...

    def settle(self, changes: Given) -> StoreSettings:
        """Change the settings, and with them the times to live of entries and rows. Every commit
        that succeeds after this returns has used the new ones. Raises SettingError for values
        that contradict each other, StoreError while a rebuild is open."""
        ...

    def recount(self, rebuild: Rebuild, delta: Delta) -> CommitResult:
        """Count committed objects in the new generation of an open rebuild too, as `commit` does:
        their ledger rows and the rows of the rebuild's days are written together.

        `duplicates` are objects that the rebuild has already, or that are not committed.
        """
        ...

    def forget(self, rebuild: Rebuild, refs: Sequence[ObjectRef]) -> None:
        """Count these objects as nothing in the new generation of an open rebuild."""
        ...

    def sweep(self) -> int:
        """Delete the rows of the unswept days in generations that were over when this began.
        Returns how many there were."""
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


def sort_out(objects: Sequence[Counted], ledger: Mapping[ObjectRef, LedgerEntry]) -> CommitResult:
    """Why objects cannot be committed together, by the ledger's entries; or that they can."""
    standings = {
        counted.ref: ledger[counted.ref].standing(counted.ref)
        for counted in objects
        if counted.ref in ledger
    }
    partial = [ref for ref in standings if ledger[ref].state == "partial"]
    return CommitResult(
        tuple(ref for ref, standing in standings.items() if standing == "duplicate"),
        tuple(ref for ref, standing in standings.items() if standing == "conflict"),
        tuple(ref for ref in partial if standings[ref] == "new" and len(objects) > 1),
    )


def behind(
    objects: Sequence[Counted], ledger: Mapping[ObjectRef, LedgerEntry], rebuild: Rebuild
) -> CommitResult:
    """As `sort_out`, for a rebuild."""
    ready = {
        ref
        for ref, entry in ledger.items()
        if entry.state == "committed" and entry.generation < rebuild.generation
    }
    return CommitResult(tuple(c.ref for c in objects if c.ref not in ready))
