"""The store's semantics over a few primitives: the one implementation behind memory and SQLite.

A transaction of a local store locks everything. So each operation reads what it needs, decides,
and writes, in one transaction.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from secrets import token_bytes

from typing_extensions import override

from pipeline.deadline import NEVER, Deadline
from pipeline.hour.sketches import EVERYTHING, Wanted
from pipeline.hours import Span
from pipeline.objects import ObjectRef
from pipeline.store import local_cache, local_rows, local_state
from pipeline.store.counted import Delta
from pipeline.store.generations import Generations, Rebuild
from pipeline.store.ledger import (
    LedgerEntry,
    StoredRow,
    as_recounted,
    as_written,
    recounted,
)
from pipeline.store.local_state import read_state, write_state
from pipeline.store.port import (
    VISITOR_KEY_BYTES,
    Cached,
    CommitResult,
    Lease,
    Meta,
    Store,
    behind,
    sort_out,
)
from pipeline.store.rows import (
    decode_row,
    dismissed,
    encode_row,
    entered,
    forgettable,
    in_conflict,
    is_over,
    ledger_expiry,
    now,
    require_remembered,
    row_version,
    today,
    unshown,
    visible,
)
from pipeline.store.settings import NOTHING, Given, StoreSettings, created
from pipeline.store.tables import Kept, Row, Tables

_VISITOR_KEY = "visitor key"


class LocalStore(Store, ABC):
    """A store whose transactions are `_reading` and `_writing`."""

    lag_seconds = 0.0

    def __init__(self, given: Given = NOTHING, clock: Callable[[], datetime] = now) -> None:
        self._given = given
        self._clock = clock

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Tables]:
        """A transaction that only reads."""

    @abstractmethod
    def _writing(self, deadline: Deadline = NEVER) -> AbstractContextManager[Tables]:
        """A transaction that is the only one to write. An exception undoes all of it."""

    @override
    def ledger(self, refs: Sequence[ObjectRef]) -> dict[ObjectRef, LedgerEntry]:
        with self._reading() as tables:
            return self._entries(tables, refs)

    @override
    def agree(self) -> StoreSettings:
        with self._writing() as tables:
            settings = self._agreed(tables)
        self._given = settings.given()
        return settings

    @override
    def commit(self, delta: Delta, deadline: Deadline) -> CommitResult:
        with self._writing(deadline) as tables:
            ledger = self._entries(tables, [counted.ref for counted in delta.objects])
            result = sort_out(delta.objects, ledger)
            if result.committed:
                settings, generations = self._agreed(tables), read_state(tables).generations
                old = forgettable(delta.objects, settings, self._clock())
                require_remembered(old, ledger)
                written = as_written(delta.rows, generations)
                local_rows.add(tables, visible(written, settings, self._clock()), settings.caps)
                for counted in delta.objects:
                    entry = entered(counted, self._clock(), generations)
                    self._enter(tables, entry, settings)
                past = unshown(delta.objects, settings, generations, self._clock())
                return CommitResult(unshown=past)
        return result

    @override
    def record_failure(self, ref: ObjectRef, reason: str, attempts: int = 1) -> None:
        with self._writing() as tables:
            known = self._entries(tables, [ref]).get(ref)
            if known is None or known.state == "failed":
                attempts += known.attempts if known else 0
                at = int(self._now())
                failure = LedgerEntry(ref, "failed", at, reason, attempts)
                self._enter(tables, failure, read_state(tables).in_force)

    @override
    def record_conflict(self, ref: ObjectRef) -> None:
        with self._writing() as tables:
            if known := self._entries(tables, [ref]).get(ref):
                entry = in_conflict(known, ref, self._clock())
                self._enter(tables, entry, read_state(tables).in_force)

    @override
    def dismiss(self, ref: ObjectRef) -> None:
        with self._writing() as tables:
            entry = dismissed(self._entries(tables, [ref]).get(ref), ref)
            self._enter(tables, entry, read_state(tables).in_force)

    @override
    def objects(self, since: datetime | None = None) -> Iterator[LedgerEntry]:
        start = 0 if since is None else int(since.timestamp()) // 3600 * 3600
        with self._reading() as tables:
            for kept in tables.entries(start):
                if self._is_live(kept.expires):
                    yield kept.entry

    @override
    def visitor_key(self) -> bytes:
        with self._reading() as tables:
            if known := tables.document(_VISITOR_KEY):
                return known
        with self._writing() as tables:
            key = tables.document(_VISITOR_KEY) or token_bytes(VISITOR_KEY_BYTES)
            tables.put_document(_VISITOR_KEY, key)
        return key

    @override
    def admit(self, names: Collection[str], most: int) -> frozenset[str]:
        with self._writing() as tables:
            return local_state.admit(tables, names, most)

    @override
    def meta(self) -> Meta:
        with self._reading() as tables:
            return self._meta(tables)

    @override
    def read(
        self,
        sites: Sequence[str],
        spans: Sequence[Span],
        meta: Meta | None = None,
        wanted: Wanted = EVERYTHING,
    ) -> Iterator[StoredRow]:
        with self._reading() as tables:
            for key, row in local_rows.visible_rows(
                tables, sites, spans, meta or self._meta(tables)
            ):
                aggregate = decode_row(key, row.blob, wanted)
                version = row_version(key, row.version)
                yield StoredRow(key._replace(generation=0), aggregate, version)

    @override
    def turn(self, change: Callable[[Generations], Generations]) -> Generations:
        with self._writing() as tables:
            state = read_state(tables).turned(change)
            write_state(tables, state)
        return state.generations

    @override
    def settle(self, changes: Given) -> StoreSettings:
        with self._writing() as tables:
            state = read_state(tables)
            state.generations.require_no_rebuild()
            settings = state.settings or created(self._given, today(self._clock()))
            settings = settings.changed(changes, today(self._clock()), state.generations)
            write_state(tables, state.settled(settings))
            for kept in list(tables.entries(0)):
                if self._is_live(kept.expires):
                    self._enter(tables, kept.entry, settings)
        return settings

    @override
    def recount(self, rebuild: Rebuild, delta: Delta) -> CommitResult:
        with self._writing() as tables:
            settings, generations = self._agreed(tables), read_state(tables).generations
            generations.open_rebuild(rebuild.generation)
            ledger = self._entries(tables, [counted.ref for counted in delta.objects])
            result = behind(delta.objects, ledger, rebuild)
            if result.committed:
                rows = visible(as_recounted(delta.rows, rebuild), settings, self._clock())
                local_rows.add(tables, rows, settings.caps)
                for counted in delta.objects:
                    entry = recounted(ledger[counted.ref], counted, rebuild, generations)
                    self._enter(tables, entry, settings)
        return result

    @override
    def forget(self, rebuild: Rebuild, refs: Sequence[ObjectRef]) -> None:
        with self._writing() as tables:
            generations = read_state(tables).generations
            generations.open_rebuild(rebuild.generation)
            for entry in self._entries(tables, refs).values():
                if entry.generation < rebuild.generation:
                    forgotten = recounted(entry, None, rebuild, generations)
                    self._enter(tables, forgotten, read_state(tables).in_force)

    @override
    def sweep(self) -> int:
        with self._writing() as tables:
            state = read_state(tables)
            swept = [key for key in tables.row_keys() if is_over(key, state.generations)]
            for key in swept:
                tables.delete_row(key)
            write_state(tables, state.turned(lambda now: now.swept(now)))
        return len(swept)

    @override
    def restore(self, entries: Sequence[LedgerEntry], rows: Sequence[StoredRow]) -> None:
        with self._writing() as tables:
            settings = self._agreed(tables)
            for entry in entries:
                self._enter(tables, entry, settings)
            for row in rows:
                tables.put_row(row.key, Row(1, encode_row(row, settings.caps)))

    @override
    def restore_visitor_key(self, key: bytes) -> None:
        with self._writing() as tables:
            tables.put_document(_VISITOR_KEY, key)

    @override
    def cached(self, key: str) -> Cached | None:
        with self._reading() as tables:
            return local_cache.cached(tables, key, self._now())

    @override
    def put_cached(self, key: str, body: bytes, ttl_seconds: int) -> None:
        with self._writing() as tables:
            local_cache.put_cached(tables, key, body, ttl_seconds, self._now())

    @override
    def lease(self, key: str, owner: str, seconds: int) -> Lease:
        with self._writing() as tables:
            return local_cache.lease(tables, key, owner, seconds, self._now())

    @override
    def release(self, key: str, owner: str) -> None:
        with self._writing() as tables:
            local_cache.release(tables, key, owner)

    def _entries(self, tables: Tables, refs: Iterable[ObjectRef]) -> dict[ObjectRef, LedgerEntry]:
        return {
            ref: kept.entry
            for ref in refs
            if (kept := tables.entry(ref.id)) and self._is_live(kept.expires)
        }

    def _meta(self, tables: Tables) -> Meta:
        return local_state.meta(tables, today(self._clock()))

    def _agreed(self, tables: Tables) -> StoreSettings:
        return local_state.agreed(tables, self._given, today(self._clock()))

    def _enter(self, tables: Tables, entry: LedgerEntry, settings: StoreSettings) -> None:
        tables.put_entry(Kept(entry, ledger_expiry(entry, settings)))

    def _is_live(self, expires: float | None) -> bool:
        return expires is None or expires > self._now()

    def _now(self) -> float:
        return self._clock().timestamp()
