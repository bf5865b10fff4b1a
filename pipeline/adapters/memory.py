"""A store in memory, for tests and for a look around; gone when the process ends."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from secrets import token_bytes
from threading import RLock
from typing import NamedTuple

from pipeline.adapters.rows import add_to_row, decode_row, ledger_expiry, now, row_expiry
from pipeline.core.dimensions import DEFAULT_CAPS, Caps
from pipeline.core.objects import Counted, ObjectRef
from pipeline.core.window import Span
from pipeline.ports import (
    VISITOR_KEY_BYTES,
    Cached,
    CommitResult,
    LedgerEntry,
    RowKey,
    StoredRow,
    deltas,
    sort_out,
)


class _Ledgered(NamedTuple):
    entry: LedgerEntry
    expires: float | None


class _CacheRow(NamedTuple):
    cached: Cached
    expires: float


class MemoryStore:
    """The reference for the other stores: their semantics in plain dictionaries and one lock."""

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
        self._lock = RLock()
        self._objects: dict[str, _Ledgered] = {}
        self._rows: dict[RowKey, bytes] = {}
        self._cache: dict[str, _CacheRow] = {}

    def ledger(self, refs: Sequence[ObjectRef]) -> dict[ObjectRef, LedgerEntry]:
        """See `Store.ledger`."""
        with self._lock:
            return {
                ref: row.entry
                for ref in refs
                if (row := self._objects.get(ref.id)) and self._live(row.expires)
            }

    def commit(self, objects: Sequence[Counted]) -> CommitResult:
        """See `Store.commit`."""
        with self._lock:
            ledger = self.ledger([counted.ref for counted in objects])
            fresh, result = sort_out(objects, ledger)
            merged = {
                key: add_to_row(key, self._rows.get(key), added, self._caps)
                for key, added in deltas(fresh).items()
            }
            self._rows.update(merged)
            for counted in fresh:
                self._objects[counted.ref.id] = _Ledgered(
                    LedgerEntry("committed", counted.ref.etag, layout=counted.layout),
                    ledger_expiry(counted, self._clock(), self._retention_days),
                )
        return result + CommitResult(committed=tuple(counted.ref for counted in fresh))

    def record_failure(self, ref: ObjectRef, reason: str) -> None:
        """See `Store.record_failure`."""
        with self._lock:
            known = self.ledger([ref]).get(ref)
            if known is None or known.state == "failed":
                attempts = known.attempts + 1 if known else 1
                self._objects[ref.id] = _Ledgered(
                    LedgerEntry("failed", ref.etag, reason, attempts), None
                )

    def visitor_key(self) -> bytes:
        """See `Store.visitor_key`."""
        return self._visitor_key

    def sites(self) -> list[str]:
        """See `Store.sites`."""
        with self._lock:
            return sorted({key.site for key in self._rows})

    def read(self, sites: Sequence[str], span: Span) -> Iterator[StoredRow]:
        """See `Store.read`."""
        with self._lock:
            rows = list(self._rows.items())
        for key, blob in rows:
            wanted = key.site in sites and key.period == span.period and span.covers(key.start)
            if wanted and self._live(row_expiry(key, self._retention_days)):
                yield StoredRow(key, decode_row(key, blob))

    def cached(self, key: str) -> Cached | None:
        """See `Store.cached`."""
        with self._lock:
            row = self._cache.get(key)
            return row.cached if row and self._live(row.expires) else None

    def put_cached(self, key: str, body: str, ttl_seconds: int) -> None:
        """See `Store.put_cached`."""
        stored_at = self._clock()
        with self._lock:
            self._cache[key] = _CacheRow(
                Cached(body, stored_at), stored_at.timestamp() + ttl_seconds
            )

    def _live(self, expires: float | None) -> bool:
        return expires is None or expires > self._clock().timestamp()
