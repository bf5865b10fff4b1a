"""The store's semantics over a few primitives: the one implementation behind memory and SQLite.

A transaction of a local store locks everything. So each operation reads what it needs, decides,
and writes, in one transaction.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from secrets import token_bytes

import msgspec
from typing_extensions import override

from pipeline.deadline import NEVER, Deadline
from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hour.sketches import EVERYTHING, Wanted
from pipeline.hours import Span
from pipeline.objects import ObjectRef
from pipeline.schema.dimensions import DEFAULT_CAPS, Caps
from pipeline.store.counted import Delta, RowKey
from pipeline.store.generations import Generations, Rebuild
from pipeline.store.ledger import (
    LedgerEntry,
    StoredRow,
    as_recounted,
    as_written,
    recounted,
)
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
    add_to_row,
    decode_row,
    encode_row,
    entered,
    in_conflict,
    is_over,
    ledger_expiry,
    now,
    row_expiry,
    row_version,
)
from pipeline.store.tables import Kept, Row, Tables

_GENERATIONS = "generations"
_VISITOR_KEY = "visitor key"


class _CacheEntry(msgspec.Struct, array_like=True):
    """A cached answer and the lease of its key; all times are epoch seconds."""

    body: bytes | None = None
    stored_at: float = 0
    expires: float = 0
    owner: str = ""
    leased_until: float = 0


class LocalStore(Store, ABC):
    """A store whose transactions are `_reading` and `_writing`."""

    lag_seconds = 0.0

    def __init__(
        self,
        retention_days: int = 0,
        clock: Callable[[], datetime] = now,
        caps: Caps = DEFAULT_CAPS,
    ) -> None:
        self._retention_days = retention_days
        self._clock = clock
        self._caps = caps

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
    def commit(self, delta: Delta, deadline: Deadline) -> CommitResult:
        with self._writing(deadline) as tables:
            ledger = self._entries(tables, [counted.ref for counted in delta.objects])
            result = sort_out(delta.objects, ledger)
            if result.committed:
                generations = _generations(tables)
                self._add(tables, as_written(delta.rows, generations))
                for counted in delta.objects:
                    self._enter(tables, entered(counted, self._clock(), generations))
        return result

    @override
    def record_failure(self, ref: ObjectRef, reason: str, attempts: int = 1) -> None:
        with self._writing() as tables:
            known = self._entries(tables, [ref]).get(ref)
            if known is None or known.state == "failed":
                attempts += known.attempts if known else 0
                self._enter(tables, LedgerEntry(ref, "failed", int(self._now()), reason, attempts))

    @override
    def record_conflict(self, ref: ObjectRef) -> None:
        with self._writing() as tables:
            if known := self._entries(tables, [ref]).get(ref):
                self._enter(tables, in_conflict(known, ref, self._clock()))

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
    def meta(self) -> Meta:
        with self._reading() as tables:
            return _meta(tables)

    @override
    def read(
        self,
        sites: Sequence[str],
        spans: Sequence[Span],
        meta: Meta | None = None,
        wanted: Wanted = EVERYTHING,
    ) -> Iterator[StoredRow]:
        with self._reading() as tables:
            for key, row in self._visible(tables, sites, spans, meta or _meta(tables)):
                aggregate = decode_row(key, row.blob, wanted)
                version = row_version(key, row.version)
                yield StoredRow(key._replace(generation=0), aggregate, version)

    @override
    def turn(self, change: Callable[[Generations], Generations]) -> Generations:
        with self._writing() as tables:
            changed = change(_generations(tables))
            tables.put_document(_GENERATIONS, changed.to_json().encode())
        return changed

    @override
    def recount(self, rebuild: Rebuild, delta: Delta) -> CommitResult:
        with self._writing() as tables:
            generations = _generations(tables)
            generations.open_rebuild(rebuild.generation)
            ledger = self._entries(tables, [counted.ref for counted in delta.objects])
            result = behind(delta.objects, ledger, rebuild)
            if result.committed:
                self._add(tables, as_recounted(delta.rows, rebuild))
                for counted in delta.objects:
                    entry = ledger[counted.ref]
                    self._enter(tables, recounted(entry, counted, rebuild, generations))
        return result

    @override
    def forget(self, rebuild: Rebuild, refs: Sequence[ObjectRef]) -> None:
        with self._writing() as tables:
            generations = _generations(tables)
            generations.open_rebuild(rebuild.generation)
            for entry in self._entries(tables, refs).values():
                if entry.generation < rebuild.generation:
                    self._enter(tables, recounted(entry, None, rebuild, generations))

    @override
    def sweep(self) -> int:
        with self._writing() as tables:
            generations = _generations(tables)
            swept = [key for key in tables.row_keys() if is_over(key, generations)]
            for key in swept:
                tables.delete_row(key)
            tables.put_document(_GENERATIONS, generations.swept(generations).to_json().encode())
        return len(swept)

    @override
    def restore(self, entries: Sequence[LedgerEntry], rows: Sequence[StoredRow]) -> None:
        with self._writing() as tables:
            for entry in entries:
                self._enter(tables, entry)
            for row in rows:
                tables.put_row(row.key, Row(1, encode_row(row, self._caps)))

    @override
    def restore_visitor_key(self, key: bytes) -> None:
        with self._writing() as tables:
            tables.put_document(_VISITOR_KEY, key)

    @override
    def cached(self, key: str) -> Cached | None:
        with self._reading() as tables:
            return self._cached(_cache_entry(tables, key))

    @override
    def put_cached(self, key: str, body: bytes, ttl_seconds: int) -> None:
        at = self._now()
        with self._writing() as tables:
            _put_cache_entry(tables, key, _CacheEntry(body, at, at + ttl_seconds))

    @override
    def lease(self, key: str, owner: str, seconds: int) -> Lease:
        at = self._now()
        with self._writing() as tables:
            entry = _cache_entry(tables, key)
            # A lease that ends later than any can is damaged.
            held = entry.owner not in ("", owner) and at < entry.leased_until <= at + 2 * seconds
            if granted := not held:
                entry.owner, entry.leased_until = owner, at + seconds
                _put_cache_entry(tables, key, entry)
        return Lease(granted, self._cached(entry))

    @override
    def release(self, key: str, owner: str) -> None:
        with self._writing() as tables:
            entry = _cache_entry(tables, key)
            if entry.owner == owner:
                entry.owner = ""
                _put_cache_entry(tables, key, entry)

    def _entries(self, tables: Tables, refs: Iterable[ObjectRef]) -> dict[ObjectRef, LedgerEntry]:
        return {
            ref: kept.entry
            for ref in refs
            if (kept := tables.entry(ref.id)) and self._is_live(kept.expires)
        }

    def _visible(
        self, tables: Tables, sites: Sequence[str], spans: Sequence[Span], meta: Meta
    ) -> Iterator[tuple[RowKey, Row]]:
        """The rows that readers see."""
        for span in spans:
            for key, row in tables.rows(sites, span):
                live = self._is_live(row_expiry(key, self._retention_days))
                if live and key.generation == meta.generations.read(key.day):
                    yield key, row

    def _add(self, tables: Tables, added: Mapping[RowKey, HourlyAggregate]) -> None:
        """Add to rows: to all of them, or with an error to none."""
        known = {key: tables.row(key) for key in added}
        blobs = {
            key: add_to_row(key, row.blob if (row := known[key]) else None, parts, self._caps)
            for key, parts in added.items()
        }
        for key, blob in blobs.items():
            row = known[key]
            tables.put_row(key, Row(row.version + 1 if row else 1, blob))

    def _enter(self, tables: Tables, entry: LedgerEntry) -> None:
        tables.put_entry(Kept(entry, ledger_expiry(entry, self._retention_days)))

    def _cached(self, entry: _CacheEntry) -> Cached | None:
        if entry.body is None or not self._is_live(entry.expires):
            return None
        try:
            return Cached(entry.body, datetime.fromtimestamp(entry.stored_at, UTC))
        except (ValueError, OverflowError, OSError):  # no moment: the entry is damaged
            return None

    def _is_live(self, expires: float | None) -> bool:
        return expires is None or expires > self._now()

    def _now(self) -> float:
        return self._clock().timestamp()


def _generations(tables: Tables) -> Generations:
    document = tables.document(_GENERATIONS)
    return Generations.from_json(document.decode() if document else None)


def _meta(tables: Tables) -> Meta:
    return Meta(tuple(sorted(tables.sites())), _generations(tables))


def _cache_entry(tables: Tables, key: str) -> _CacheEntry:
    """The entry of a key. A damaged one is as good as none: its answer is computed again."""
    try:
        return msgspec.msgpack.decode(tables.document(f"cache {key}") or b"", type=_CacheEntry)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _CacheEntry()


def _put_cache_entry(tables: Tables, key: str, entry: _CacheEntry) -> None:
    tables.put_document(f"cache {key}", msgspec.msgpack.encode(entry))
