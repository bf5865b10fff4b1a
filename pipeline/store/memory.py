"""A store in memory, for tests and for a look around; gone when the process ends."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from secrets import token_bytes
from threading import RLock
from typing import NamedTuple

from pipeline.deadline import NEVER, Deadline
from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hour.sketches import EVERYTHING, Wanted
from pipeline.hours import Span
from pipeline.objects import ObjectRef
from pipeline.schema.dimensions import DEFAULT_CAPS, Caps
from pipeline.store.counted import Counted
from pipeline.store.generations import Generations, Rebuild
from pipeline.store.ledger import (
    LedgerEntry,
    RowKey,
    StoredRow,
    as_recounted,
    as_written,
    deltas,
    recounted,
)
from pipeline.store.port import VISITOR_KEY_BYTES, Cached, CommitResult, sort_out
from pipeline.store.rows import (
    add_to_row,
    decode_row,
    encode_row,
    entered,
    in_conflict,
    ledger_expiry,
    now,
    row_expiry,
    row_version,
    unread,
)


class _Ledgered(NamedTuple):
    entry: LedgerEntry
    expires: float | None


class _Row(NamedTuple):
    blob: bytes
    version: int


class _CacheRow(NamedTuple):
    cached: Cached
    expires: float


class _Lease(NamedTuple):
    owner: str
    expires: float


class MemoryStore:
    """The reference for the other stores: their semantics in plain dictionaries and one lock."""

    lag_seconds = 0.0

    def __init__(
        self,
        retention_days: int = 0,
        clock: Callable[[], datetime] = now,
        caps: Caps = DEFAULT_CAPS,
    ) -> None:
        self._retention_days = retention_days
        self._caps = caps
        self._visitor_key = token_bytes(VISITOR_KEY_BYTES)
        self._clock = clock
        self._generations = Generations()
        self._lock = RLock()
        self._objects: dict[str, _Ledgered] = {}
        self._rows: dict[RowKey, _Row] = {}
        self._cache: dict[str, _CacheRow] = {}
        self._leases: dict[str, _Lease] = {}

    def ledger(self, refs: Sequence[ObjectRef]) -> dict[ObjectRef, LedgerEntry]:
        """See `Store.ledger`."""
        with self._lock:
            return {
                ref: row.entry
                for ref in refs
                if (row := self._objects.get(ref.id)) and self._live(row.expires)
            }

    def commit(self, objects: Sequence[Counted], deadline: Deadline = NEVER) -> CommitResult:
        """See `Store.commit`."""
        with self._lock:
            ledger = self.ledger([counted.ref for counted in objects])
            fresh, result = sort_out(objects, ledger)
            self._add(as_written(deltas(fresh), self._generations))
            for counted in fresh:
                self._enter(entered(counted, self._clock(), self._generations))
        return result + CommitResult(committed=tuple(counted.ref for counted in fresh))

    def record_failure(self, ref: ObjectRef, reason: str) -> None:
        """See `Store.record_failure`."""
        with self._lock:
            known = self.ledger([ref]).get(ref)
            if known is None or known.state == "failed":
                attempts = known.attempts + 1 if known else 1
                at = int(self._clock().timestamp())
                self._enter(LedgerEntry(ref, "failed", at, reason, attempts))

    def record_conflict(self, ref: ObjectRef) -> None:
        """See `Store.record_conflict`."""
        with self._lock:
            if known := self.ledger([ref]).get(ref):
                self._enter(in_conflict(known, ref, self._clock()))

    def objects(self, since: datetime | None = None) -> Iterator[LedgerEntry]:
        """See `Store.objects`."""
        with self._lock:
            rows = list(self._objects.values())
        for row in rows:
            recent = since is None or row.entry.at // 3600 >= int(since.timestamp()) // 3600
            if recent and self._live(row.expires):
                yield row.entry

    def visitor_key(self) -> bytes:
        """See `Store.visitor_key`."""
        return self._visitor_key

    def sites(self) -> list[str]:
        """See `Store.sites`."""
        with self._lock:
            return sorted({key.site for key in self._rows})

    def read(
        self,
        sites: Sequence[str],
        spans: Sequence[Span],
        generations: Generations | None = None,
        wanted: Wanted = EVERYTHING,
    ) -> Iterator[StoredRow]:
        """See `Store.read`."""
        with self._lock:
            found = self._seen(sites, spans, generations or self._generations)
        for key, row in found:
            aggregate = decode_row(key, row.blob, wanted)
            yield StoredRow(key._replace(generation=0), aggregate, row_version(key, row.version))

    def versions(
        self, sites: Sequence[str], spans: Sequence[Span], generations: Generations
    ) -> Iterator[tuple[RowKey, str]]:
        """See `Store.versions`."""
        with self._lock:
            found = self._seen(sites, spans, generations)
        for key, row in found:
            yield key._replace(generation=0), row_version(key, row.version)

    def generations(self) -> Generations:
        """See `Store.generations`."""
        with self._lock:
            return self._generations

    def turn(self, change: Callable[[Generations], Generations]) -> Generations:
        """See `Store.turn`."""
        with self._lock:
            self._generations = change(self._generations)
            return self._generations

    def recount(
        self, rebuild: Rebuild, objects: Sequence[Counted], forgotten: Sequence[ObjectRef] = ()
    ) -> None:
        """See `Store.recount`."""
        with self._lock:
            ledger = self.ledger([*(counted.ref for counted in objects), *forgotten])
            behind = {ref for ref, each in ledger.items() if each.generation < rebuild.generation}
            fresh = [counted for counted in objects if counted.ref in behind]
            self._add(as_recounted(deltas(fresh), rebuild))
            found: dict[ObjectRef, Counted | None] = {counted.ref: counted for counted in fresh}
            for ref in behind.intersection([*found, *forgotten]):
                self._enter(recounted(ledger[ref], found.get(ref), rebuild, self._generations))

    def sweep(self) -> int:
        """See `Store.sweep`."""
        with self._lock:
            swept = [key for key in self._rows if unread(key, self._generations)]
            for key in swept:
                del self._rows[key]
            self._generations = self._generations.swept()
        return len(swept)

    def restore(self, entries: Sequence[LedgerEntry], rows: Sequence[StoredRow]) -> None:
        """See `Store.restore`."""
        with self._lock:
            for entry in entries:
                self._enter(entry)
            self._put({row.key: encode_row(row, self._caps) for row in rows})

    def restore_visitor_key(self, key: bytes) -> None:
        """See `Store.restore_visitor_key`."""
        self._visitor_key = key

    def cached(self, key: str) -> Cached | None:
        """See `Store.cached`."""
        with self._lock:
            row = self._cache.get(key)
            return row.cached if row and self._live(row.expires) else None

    def put_cached(self, key: str, body: bytes, ttl_seconds: int) -> None:
        """See `Store.put_cached`."""
        stored_at = self._clock()
        with self._lock:
            self._cache[key] = _CacheRow(
                Cached(body, stored_at), stored_at.timestamp() + ttl_seconds
            )

    def lease(self, key: str, owner: str, seconds: int) -> bool:
        """See `Store.lease`."""
        with self._lock:
            held = self._leases.get(key)
            if held and held.owner != owner and self._live(held.expires):
                return False
            self._leases[key] = _Lease(owner, self._clock().timestamp() + seconds)
            return True

    def release(self, key: str, owner: str) -> None:
        """See `Store.release`."""
        with self._lock:
            held = self._leases.get(key)
            if held and held.owner == owner:
                del self._leases[key]

    def _seen(
        self, sites: Sequence[str], spans: Sequence[Span], generations: Generations
    ) -> list[tuple[RowKey, _Row]]:
        return [
            (key, row)
            for key, row in self._rows.items()
            if key.site in sites
            and any(key.period == span.period and span.covers(key.start) for span in spans)
            and key.generation == generations.read(key.day)
            and self._live(row_expiry(key, self._retention_days))
        ]

    def _add(self, added: Mapping[RowKey, list[HourlyAggregate]]) -> None:
        """Add to rows: to all of them, or with an error to none."""
        self._put(
            {
                key: add_to_row(
                    key, known.blob if (known := self._rows.get(key)) else None, parts, self._caps
                )
                for key, parts in added.items()
            }
        )

    def _put(self, blobs: Mapping[RowKey, bytes]) -> None:
        for key, blob in blobs.items():
            known = self._rows.get(key)
            self._rows[key] = _Row(blob, known.version + 1 if known else 1)

    def _enter(self, entry: LedgerEntry) -> None:
        self._objects[entry.ref.id] = _Ledgered(entry, ledger_expiry(entry, self._retention_days))

    def _live(self, expires: float | None) -> bool:
        return expires is None or expires > self._clock().timestamp()
