"""The store on a laptop: one SQLite file."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes

from pipeline.adapters.rows import add_to_row, decode_row, ledger_expiry, now, row_expiry
from pipeline.core.aggregate import HourlyAggregate
from pipeline.core.dimensions import DEFAULT_CAPS, Caps
from pipeline.core.errors import StoreError
from pipeline.core.objects import Counted, ObjectRef
from pipeline.core.window import Span
from pipeline.ports import (
    PARSER_VERSION,
    VISITOR_KEY_BYTES,
    Cached,
    CommitResult,
    LedgerEntry,
    RowKey,
    StoredRow,
    deltas,
    sort_out,
)

SCHEMA_VERSION = 1
_BUSY_SECONDS = 60.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, etag TEXT NOT NULL,
    version_id TEXT NOT NULL, sequencer TEXT NOT NULL, size INTEGER NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', attempts INTEGER NOT NULL DEFAULT 0,
    at REAL NOT NULL, site TEXT, records INTEGER, rejected TEXT, hours TEXT,
    parser_version INTEGER, layout TEXT NOT NULL DEFAULT '', expires INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS aggregates (
    site TEXT NOT NULL, period TEXT NOT NULL, start INTEGER NOT NULL,
    aggregate BLOB NOT NULL, expires INTEGER, PRIMARY KEY (site, period, start)
) STRICT;
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS cache (
    key TEXT PRIMARY KEY, body TEXT NOT NULL, stored_at REAL NOT NULL, expires REAL NOT NULL
) STRICT, WITHOUT ROWID;
"""


class SqliteStore:
    """A store in the file `path`, which is made when it is missing.

    Every operation has a connection of its own, so that threads and processes can share the
    file; a commit is one BEGIN IMMEDIATE transaction, which makes writers take turns.
    """

    def __init__(
        self,
        path: Path,
        retention_days: int = 0,
        clock: Callable[[], datetime] = now,
        caps: Caps = DEFAULT_CAPS,
    ) -> None:
        self._path = path
        self._caps = caps
        self._retention_days = retention_days
        self._clock = clock
        with self._connect() as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, SCHEMA_VERSION):
                raise StoreError(
                    f"{path} has schema version {version}, and this edgetally knows "
                    f"{SCHEMA_VERSION}; upgrade edgetally, or use another file"
                )
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(_SCHEMA)
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def ledger(self, refs: Sequence[ObjectRef]) -> dict[ObjectRef, LedgerEntry]:
        """See `Store.ledger`."""
        with self._connect() as db:
            return self._ledger(db, refs)

    def commit(self, objects: Sequence[Counted]) -> CommitResult:
        """See `Store.commit`."""
        with self._transaction() as db:
            ledger = self._ledger(db, [counted.ref for counted in objects])
            fresh, result = sort_out(objects, ledger)
            for key, added in deltas(fresh).items():
                self._add(db, key, added)
            for counted in fresh:
                self._enter(db, counted)
        return result + CommitResult(committed=tuple(counted.ref for counted in fresh))

    def record_failure(self, ref: ObjectRef, reason: str) -> None:
        """See `Store.record_failure`."""
        with self._transaction() as db:
            db.execute(
                """INSERT INTO objects
                   (id, bucket, key, etag, version_id, sequencer, size, state, reason, attempts, at)
                   VALUES (:id, :bucket, :key, :etag, :version_id, :sequencer, :size,
                           'failed', :reason, 1, :now)
                   ON CONFLICT (id) DO UPDATE SET
                   etag = :etag, reason = :reason, attempts = attempts + 1, at = :now
                   WHERE state = 'failed'""",
                self._columns(ref) | {"reason": reason},
            )

    def visitor_key(self) -> bytes:
        """See `Store.visitor_key`."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO secrets VALUES ('visitor_key', ?)",
                (token_bytes(VISITOR_KEY_BYTES),),
            )
            row = db.execute("SELECT value FROM secrets WHERE name = 'visitor_key'").fetchone()
        key: bytes = row[0]
        return key

    def sites(self) -> list[str]:
        """See `Store.sites`."""
        with self._connect() as db:
            rows = db.execute("SELECT DISTINCT site FROM aggregates ORDER BY site").fetchall()
        return [site for (site,) in rows]

    def read(self, sites: Sequence[str], span: Span) -> Iterator[StoredRow]:
        """See `Store.read`."""
        with self._connect() as db:
            rows = db.execute(
                """SELECT site, start, aggregate FROM aggregates
                    WHERE period = :period AND (expires IS NULL OR expires > :now)
                    AND site IN (SELECT value FROM json_each(:sites))
                    AND (:start IS NULL OR start >= :start) AND (:end IS NULL OR start < :end)""",
                {
                    "period": span.period,
                    "sites": json.dumps(list(sites)),
                    "start": span.start,
                    "end": span.end,
                    "now": self._clock().timestamp(),
                },
            )
            for site, start, blob in rows:
                key = RowKey(site, span.period, start)
                yield StoredRow(key, decode_row(key, blob))

    def cached(self, key: str) -> Cached | None:
        """See `Store.cached`."""
        with self._connect() as db:
            row = db.execute(
                "SELECT body, stored_at FROM cache WHERE key = :key AND expires > :now",
                {"key": key, "now": self._clock().timestamp()},
            ).fetchone()
        return Cached(row[0], datetime.fromtimestamp(row[1], UTC)) if row else None

    def put_cached(self, key: str, body: str, ttl_seconds: int) -> None:
        """See `Store.put_cached`."""
        stored_at = self._clock().timestamp()
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO cache VALUES (?, ?, ?, ?)",
                (key, body, stored_at, stored_at + ttl_seconds),
            )

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        """A connection that is closed at the end, with SQLite's errors as StoreError.

        `sqlite3.Connection` as a context manager commits but does not close, hence our own.
        """
        try:
            db = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
            try:
                yield db
            finally:
                db.close()
        except sqlite3.Error as error:
            raise StoreError(f"SQLite store {self._path}: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connect() as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")  # an exception before this closes the connection: rolled back

    def _ledger(
        self, db: sqlite3.Connection, refs: Sequence[ObjectRef]
    ) -> dict[ObjectRef, LedgerEntry]:
        rows = db.execute(
            """SELECT id, state, etag, reason, attempts, layout FROM objects
                WHERE id IN (SELECT value FROM json_each(:ids))
                AND (expires IS NULL OR expires > :now)""",
            {"ids": json.dumps([ref.id for ref in refs]), "now": self._clock().timestamp()},
        )
        entries = {row[0]: LedgerEntry(*row[1:]) for row in rows}
        return {ref: entries[ref.id] for ref in refs if ref.id in entries}

    def _add(self, db: sqlite3.Connection, key: RowKey, added: list[HourlyAggregate]) -> None:
        row = db.execute(
            "SELECT aggregate FROM aggregates WHERE (site, period, start) = (?, ?, ?)", key
        ).fetchone()
        blob = add_to_row(key, row[0] if row else None, added, self._caps)
        db.execute(
            "INSERT OR REPLACE INTO aggregates VALUES (?, ?, ?, ?, ?)",
            (*key, blob, row_expiry(key, self._retention_days)),
        )

    def _enter(self, db: sqlite3.Connection, counted: Counted) -> None:
        db.execute(
            """INSERT OR REPLACE INTO objects VALUES
               (:id, :bucket, :key, :etag, :version_id, :sequencer, :size, 'committed', '', 0,
                :now, :site, :records, :rejected, :hours, :parser_version, :layout,
                :expires)""",
            self._columns(counted.ref)
            | {
                "site": counted.site,
                "records": counted.records,
                "rejected": json.dumps(dict(counted.rejected), sort_keys=True),
                "hours": json.dumps(sorted(counted.hours)),
                "parser_version": PARSER_VERSION,
                "layout": counted.layout,
                "expires": ledger_expiry(counted, self._clock(), self._retention_days),
            },
        )

    def _columns(self, ref: ObjectRef) -> dict[str, object]:
        return {
            "id": ref.id,
            "bucket": ref.bucket,
            "key": ref.key,
            "etag": ref.etag,
            "version_id": ref.version_id,
            "sequencer": ref.sequencer,
            "size": ref.size,
            "now": self._clock().timestamp(),
        }
