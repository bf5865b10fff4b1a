"""The store on a laptop: one SQLite file."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes
from typing import Any

import msgspec

from pipeline.deadline import NEVER, Deadline
from pipeline.errors import StoreError
from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hour.sketches import EVERYTHING, Wanted
from pipeline.hours import Span
from pipeline.objects import ObjectRef
from pipeline.schema.dimensions import DEFAULT_CAPS, Caps
from pipeline.store.counted import Counted
from pipeline.store.generations import Generations, Rebuild
from pipeline.store.ledger import (
    Conflict,
    LedgerEntry,
    Recount,
    RowKey,
    StoredRow,
    as_recounted,
    as_written,
    deltas,
    recounted,
)
from pipeline.store.port import TIMEOUT, VISITOR_KEY_BYTES, Cached, CommitResult, sort_out
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

SCHEMA_VERSION = 3

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, etag TEXT NOT NULL,
    version_id TEXT NOT NULL, sequencer TEXT NOT NULL, size INTEGER NOT NULL,
    state TEXT NOT NULL, at INTEGER NOT NULL, reason TEXT NOT NULL, attempts INTEGER NOT NULL,
    site TEXT NOT NULL, hours TEXT NOT NULL, rejected TEXT NOT NULL, layout TEXT NOT NULL,
    parser_version INTEGER NOT NULL, generation INTEGER NOT NULL, recount TEXT, conflict TEXT,
    expires INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS aggregates (
    site TEXT NOT NULL, period TEXT NOT NULL, start INTEGER NOT NULL, generation INTEGER NOT NULL,
    aggregate BLOB NOT NULL, expires INTEGER, version INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (site, period, start, generation)
) STRICT;
CREATE TABLE IF NOT EXISTS pointer (one INTEGER PRIMARY KEY CHECK (one = 1), body TEXT NOT NULL)
    STRICT;
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS cache (
    key TEXT PRIMARY KEY, body BLOB NOT NULL, stored_at REAL NOT NULL, expires REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leases (
    key TEXT PRIMARY KEY, owner TEXT NOT NULL, expires REAL NOT NULL
) STRICT, WITHOUT ROWID;
"""
_FROM_2 = """
ALTER TABLE aggregates ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
DROP TABLE cache;
"""
"""What makes schema 2 this one; a cache can be dropped."""


class SqliteStore:
    """A store in the file `path`, which is made when it is missing.

    Every operation has a connection of its own, so that threads and processes can share the
    file; a commit is one BEGIN IMMEDIATE transaction, which makes writers take turns.
    """

    lag_seconds = 0.0

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
            db.execute("PRAGMA journal_mode = WAL")
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version != SCHEMA_VERSION:
                self._prepare(db)

    def _prepare(self, db: sqlite3.Connection) -> None:
        """Make the tables, or bring those of an earlier edgetally up to date."""
        db.execute("BEGIN IMMEDIATE")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, 2, SCHEMA_VERSION):
            raise StoreError(
                f"{self._path} has schema version {version}, and this edgetally knows 2 to "
                f"{SCHEMA_VERSION}; upgrade edgetally, or use another file"
            )
        for statement in (_FROM_2 * (version == 2) + _SCHEMA).split(";"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.execute("COMMIT")

    def ledger(self, refs: Sequence[ObjectRef]) -> dict[ObjectRef, LedgerEntry]:
        """See `Store.ledger`."""
        with self._connect() as db:
            return self._ledger(db, refs)

    def commit(self, objects: Sequence[Counted], deadline: Deadline = NEVER) -> CommitResult:
        """See `Store.commit`."""
        with self._transaction(deadline) as db:
            ledger = self._ledger(db, [counted.ref for counted in objects])
            fresh, result = sort_out(objects, ledger)
            generations = _generations(db)
            self._add(db, as_written(deltas(fresh), generations))
            for counted in fresh:
                self._enter(db, entered(counted, self._clock(), generations))
        return result + CommitResult(committed=tuple(counted.ref for counted in fresh))

    def record_failure(self, ref: ObjectRef, reason: str) -> None:
        """See `Store.record_failure`."""
        with self._transaction() as db:
            known = self._ledger(db, [ref]).get(ref)
            if known is None or known.state == "failed":
                attempts = known.attempts + 1 if known else 1
                at = int(self._clock().timestamp())
                self._enter(db, LedgerEntry(ref, "failed", at, reason, attempts))

    def record_conflict(self, ref: ObjectRef) -> None:
        """See `Store.record_conflict`."""
        with self._transaction() as db:
            if known := self._ledger(db, [ref]).get(ref):
                self._enter(db, in_conflict(known, ref, self._clock()))

    def objects(self, since: datetime | None = None) -> Iterator[LedgerEntry]:
        """See `Store.objects`."""
        with self._connect() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM objects "  # noqa: S608 - a constant
                "WHERE (expires IS NULL OR expires > :now) AND (:since IS NULL OR at >= :since)",
                {
                    "now": self._clock().timestamp(),
                    "since": since and int(since.timestamp()) // 3600 * 3600,
                },
            )
            for row in rows:
                yield _entry(row)

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

    def read(
        self,
        sites: Sequence[str],
        spans: Sequence[Span],
        generations: Generations | None = None,
        wanted: Wanted = EVERYTHING,
    ) -> Iterator[StoredRow]:
        """See `Store.read`."""
        with self._connect() as db:
            generations = generations or _generations(db)
            for *parts, version, blob in self._seen(db, "version, aggregate", sites, spans):
                key = RowKey(*parts)
                if key.generation == generations.read(key.day):
                    aggregate = decode_row(key, blob, wanted)
                    yield StoredRow(
                        key._replace(generation=0), aggregate, row_version(key, version)
                    )

    def versions(
        self, sites: Sequence[str], spans: Sequence[Span], generations: Generations
    ) -> Iterator[tuple[RowKey, str]]:
        """See `Store.versions`."""
        with self._connect() as db:
            for *parts, version in self._seen(db, "version", sites, spans):
                key = RowKey(*parts)
                if key.generation == generations.read(key.day):
                    yield key._replace(generation=0), row_version(key, version)

    def generations(self) -> Generations:
        """See `Store.generations`."""
        with self._connect() as db:
            return _generations(db)

    def turn(self, change: Callable[[Generations], Generations]) -> Generations:
        """See `Store.turn`."""
        with self._transaction() as db:
            changed = change(_generations(db))
            db.execute("INSERT OR REPLACE INTO pointer VALUES (1, ?)", (changed.to_json(),))
        return changed

    def recount(
        self, rebuild: Rebuild, objects: Sequence[Counted], forgotten: Sequence[ObjectRef] = ()
    ) -> None:
        """See `Store.recount`."""
        with self._transaction() as db:
            ledger = self._ledger(db, [*(counted.ref for counted in objects), *forgotten])
            behind = {ref for ref, each in ledger.items() if each.generation < rebuild.generation}
            fresh = [counted for counted in objects if counted.ref in behind]
            self._add(db, as_recounted(deltas(fresh), rebuild))
            found: dict[ObjectRef, Counted | None] = {counted.ref: counted for counted in fresh}
            generations = _generations(db)
            for ref in behind.intersection([*found, *forgotten]):
                self._enter(db, recounted(ledger[ref], found.get(ref), rebuild, generations))

    def sweep(self) -> int:
        """See `Store.sweep`."""
        with self._transaction() as db:
            generations = _generations(db)
            keys = db.execute("SELECT site, period, start, generation FROM aggregates").fetchall()
            swept = [key for key in keys if unread(RowKey(*key), generations)]
            db.executemany(
                "DELETE FROM aggregates WHERE (site, period, start, generation) = (?, ?, ?, ?)",
                swept,
            )
            db.execute("UPDATE pointer SET body = ?", (generations.swept().to_json(),))
        return len(swept)

    def restore(self, entries: Sequence[LedgerEntry], rows: Sequence[StoredRow]) -> None:
        """See `Store.restore`."""
        with self._transaction() as db:
            for entry in entries:
                self._enter(db, entry)
            for row in rows:
                self._put(db, row.key, encode_row(row, self._caps))

    def restore_visitor_key(self, key: bytes) -> None:
        """See `Store.restore_visitor_key`."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO secrets VALUES ('visitor_key', ?)", (key,))

    def cached(self, key: str) -> Cached | None:
        """See `Store.cached`."""
        with self._connect() as db:
            row = db.execute(
                "SELECT body, stored_at FROM cache WHERE key = :key AND expires > :now",
                {"key": key, "now": self._clock().timestamp()},
            ).fetchone()
        return Cached(row[0], datetime.fromtimestamp(row[1], UTC)) if row else None

    def put_cached(self, key: str, body: bytes, ttl_seconds: int) -> None:
        """See `Store.put_cached`."""
        stored_at = self._clock().timestamp()
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO cache VALUES (?, ?, ?, ?)",
                (key, body, stored_at, stored_at + ttl_seconds),
            )

    def lease(self, key: str, owner: str, seconds: int) -> bool:
        """See `Store.lease`."""
        at = self._clock().timestamp()
        with self._transaction() as db:
            taken = db.execute(
                """INSERT INTO leases VALUES (:key, :owner, :until) ON CONFLICT DO UPDATE
                    SET owner = :owner, expires = :until WHERE owner = :owner OR expires <= :now""",
                {"key": key, "owner": owner, "until": at + seconds, "now": at},
            )
            return taken.rowcount == 1

    def release(self, key: str, owner: str) -> None:
        """See `Store.release`."""
        with self._transaction() as db:
            db.execute("DELETE FROM leases WHERE (key, owner) = (?, ?)", (key, owner))

    def _seen(
        self, db: sqlite3.Connection, columns: str, sites: Sequence[str], spans: Sequence[Span]
    ) -> Iterator[tuple[Any, ...]]:
        """Columns of the rows of some spans in every generation, after those of their keys."""
        statement = f"""SELECT site, period, start, generation, {columns} FROM aggregates
            WHERE period = :period AND (expires IS NULL OR expires > :now)
            AND site IN (SELECT value FROM json_each(:sites))
            AND (:start IS NULL OR start >= :start) AND (:end IS NULL OR start < :end)"""  # noqa: S608 - our own columns
        for span in spans:
            yield from db.execute(
                statement,
                {
                    "period": span.period,
                    "sites": json.dumps(list(sites)),
                    "start": span.start,
                    "end": span.end,
                    "now": self._clock().timestamp(),
                },
            )

    @contextmanager
    def _connect(self, deadline: Deadline = NEVER) -> Iterator[sqlite3.Connection]:
        """A connection that is closed at the end, with SQLite's errors as StoreError.

        `sqlite3.Connection` as a context manager commits but does not close, hence our own.
        """
        try:
            timeout = max(0.0, deadline.within(TIMEOUT).left)
            db = sqlite3.connect(self._path, timeout=timeout, isolation_level=None)
            try:
                yield db
            finally:
                db.close()
        except sqlite3.Error as error:
            raise StoreError(f"SQLite store {self._path}: {error}") from error

    @contextmanager
    def _transaction(self, deadline: Deadline = NEVER) -> Iterator[sqlite3.Connection]:
        with self._connect(deadline) as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")  # an exception before this closes the connection: rolled back

    def _ledger(
        self, db: sqlite3.Connection, refs: Sequence[ObjectRef]
    ) -> dict[ObjectRef, LedgerEntry]:
        rows = db.execute(
            f"SELECT {_COLUMNS} FROM objects "  # noqa: S608 - a constant
            "WHERE id IN (SELECT value FROM json_each(:ids)) "
            "AND (expires IS NULL OR expires > :now)",
            {"ids": json.dumps([ref.id for ref in refs]), "now": self._clock().timestamp()},
        )
        entries = {entry.ref.id: entry for entry in map(_entry, rows)}
        return {ref: entries[ref.id] for ref in refs if ref.id in entries}

    def _add(self, db: sqlite3.Connection, added: Mapping[RowKey, list[HourlyAggregate]]) -> None:
        for key, parts in added.items():
            row = db.execute(
                "SELECT aggregate FROM aggregates "
                "WHERE (site, period, start, generation) = (?, ?, ?, ?)",
                key,
            ).fetchone()
            self._put(db, key, add_to_row(key, row[0] if row else None, parts, self._caps))

    def _put(self, db: sqlite3.Connection, key: RowKey, blob: bytes) -> None:
        db.execute(
            """INSERT INTO aggregates VALUES (?, ?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET
                aggregate = excluded.aggregate, expires = excluded.expires,
                version = version + 1""",
            (*key, blob, row_expiry(key, self._retention_days)),
        )

    def _enter(self, db: sqlite3.Connection, entry: LedgerEntry) -> None:
        ref = entry.ref
        values = (
            *(ref.bucket, ref.key, ref.etag, ref.version_id, ref.sequencer, ref.size),
            *(entry.state, entry.at, entry.reason, entry.attempts, entry.site),
            *(_json(entry.hours), _json(entry.rejected), entry.layout, entry.parser_version),
            entry.generation,
            entry.recount and _json(entry.recount),
            entry.conflict and _json(entry.conflict),
        )
        db.execute(
            f"INSERT OR REPLACE INTO objects (id, {_COLUMNS}, expires) "  # noqa: S608 - a constant
            f"VALUES (?, {', '.join('?' * len(values))}, ?)",
            (ref.id, *values, ledger_expiry(entry, self._retention_days)),
        )


_COLUMNS = (
    "bucket, key, etag, version_id, sequencer, size, state, at, reason, attempts, site, hours, "
    "rejected, layout, parser_version, generation, recount, conflict"
)


def _entry(row: tuple[Any, ...]) -> LedgerEntry:
    state, at, reason, attempts, site, hours, rejected, layout, parser, generation = row[6:16]
    recount, conflict = row[16:]
    return LedgerEntry(
        ObjectRef(*row[:6]),
        state,
        at,
        reason,
        attempts,
        site,
        msgspec.json.decode(hours, type=dict[int, int]),
        msgspec.json.decode(rejected, type=dict[str, int]),
        layout,
        parser,
        generation,
        recount and msgspec.json.decode(recount, type=Recount),
        conflict and msgspec.json.decode(conflict, type=Conflict),
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _generations(db: sqlite3.Connection) -> Generations:
    row = db.execute("SELECT body FROM pointer").fetchone()
    return Generations.from_json(row and row[0])
