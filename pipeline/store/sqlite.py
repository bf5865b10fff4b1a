"""The store on a laptop: one SQLite file."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from typing_extensions import override

from pipeline.deadline import NEVER, Deadline
from pipeline.errors import StoreError
from pipeline.hours import Span
from pipeline.store.counted import RowKey
from pipeline.store.ledger import LedgerEntry
from pipeline.store.local import LocalStore
from pipeline.store.port import TIMEOUT
from pipeline.store.rows import now
from pipeline.store.settings import NOTHING, Given
from pipeline.store.tables import Kept, Row, Tables

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE objects (
    id TEXT PRIMARY KEY, at INTEGER NOT NULL, expires INTEGER, entry TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE aggregates (
    site TEXT NOT NULL, period TEXT NOT NULL, start INTEGER NOT NULL, generation INTEGER NOT NULL,
    version INTEGER NOT NULL, aggregate BLOB NOT NULL,
    PRIMARY KEY (site, period, start, generation)
) STRICT;
CREATE TABLE documents (name TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
"""


_PAUSE = 0.01
"""Seconds before a lock is asked for again."""


class SqliteStore(LocalStore):
    """A store in the file `path`, which is made when it is missing, unless it is `read_only`.

    Every operation has a connection of its own, so that threads and processes can share the
    file. One that writes is a BEGIN IMMEDIATE transaction, which makes writers take turns.
    """

    def __init__(
        self,
        path: Path,
        given: Given = NOTHING,
        clock: Callable[[], datetime] = now,
        *,
        read_only: bool = False,
    ) -> None:
        super().__init__(given, clock)
        self._path = path
        if not (read_only or path.exists()):
            _make_private(path)
        self._uri = _readable(path) if read_only else _uri(path, "rwc")
        with self._connect() as db:
            if not read_only:
                _use_wal(db)
                self._prepare(db)
            version = _schema_version(db)
        if version != SCHEMA_VERSION:
            raise StoreError(
                f"{path} has schema version {version}, and this edgetally knows "
                f"{SCHEMA_VERSION}; use the edgetally that made it, or another file"
            )

    def _prepare(self, db: sqlite3.Connection) -> None:
        """Make the tables in an empty file."""
        if _schema_version(db) != 0:
            return
        db.execute("BEGIN IMMEDIATE")
        if _schema_version(db) == 0:
            if db.execute("SELECT 1 FROM sqlite_master").fetchone():
                raise StoreError(
                    f"{self._path} is a database of another program; name another file"
                )
            for statement in _SCHEMA.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.execute("COMMIT")

    @override
    @contextmanager
    def _reading(self) -> Iterator[Tables]:
        with self._connect() as db:
            db.execute("BEGIN")  # all statements read the same state
            yield _Tables(db)

    @override
    @contextmanager
    def _writing(self, deadline: Deadline = NEVER) -> Iterator[Tables]:
        with self._connect(deadline) as db:
            db.execute("BEGIN IMMEDIATE")
            yield _Tables(db)
            db.execute("COMMIT")  # an exception before this closes the connection: rolled back

    @contextmanager
    def _connect(self, deadline: Deadline = NEVER) -> Iterator[sqlite3.Connection]:
        """A connection that is closed at the end, with SQLite's errors as StoreError.

        `sqlite3.Connection` as a context manager commits but does not close, hence our own.
        """
        try:
            timeout = max(0.0, deadline.within(TIMEOUT).left)
            db = sqlite3.connect(self._uri, timeout=timeout, isolation_level=None, uri=True)
            try:
                yield db
            finally:
                db.close()
        except sqlite3.Error as error:
            raise StoreError(f"SQLite store {self._path}: {self._reason(error)}") from error

    def _reason(self, error: sqlite3.Error) -> str:
        if self._path.is_dir():
            return "is a folder; name a file in it, such as edgetally.db"
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            return f"{error}: it is no store; name another file"
        return str(error)


def _use_wal(db: sqlite3.Connection) -> None:
    """Write ahead, so that readers wait for no writer. Raises sqlite3.Error.

    SQLite does not wait for a lock here as it does elsewhere: of several that open a new file at
    once, some are told that it is locked. https://www.sqlite.org/wal.html
    """
    deadline = Deadline.after(TIMEOUT)
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or deadline.is_over:
                raise
            deadline.wait(_PAUSE)


def _make_private(path: Path) -> None:
    """Make an empty file that its owner alone may read; SQLite gives its other files that mode."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    except FileNotFoundError as error:
        reason = f"there is no folder {path.parent}; make it, or name another file"
        raise StoreError(f"SQLite store {path}: {reason}") from error
    except OSError as error:
        raise StoreError(f"SQLite store {path}: {error.strerror}") from error


def _uri(path: Path, mode: str) -> str:
    """The URI of a file, which alone can say how it is opened."""
    return f"{path.absolute().as_uri()}?mode={mode}"


def _readable(path: Path) -> str:
    """The URI by which a file can be read.

    Even a reader of a WAL file keeps an index beside it. Where it may not, the file is read as
    one that nobody changes, unless something was written that is not in it yet.
    """
    uri = _uri(path, "rw")  # which never makes a file, and reads one that is write-protected
    try:
        with closing(sqlite3.connect(uri, uri=True)) as db:
            _schema_version(db)
    except sqlite3.OperationalError:
        log = path.with_name(f"{path.name}-wal")
        return uri if log.exists() and log.stat().st_size else f"{uri}&immutable=1"
    except sqlite3.DatabaseError:
        pass  # it is no database: the store says so when it opens it
    return uri


def _schema_version(db: sqlite3.Connection) -> int:
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    return version


class _Tables(Tables):
    """The tables as one connection sees them."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    @override
    def entry(self, object_id: str) -> Kept | None:
        row = self._one("SELECT entry, expires FROM objects WHERE id = ?", object_id)
        return _kept(row) if row else None

    @override
    def entries(self, since: int) -> Iterable[Kept]:
        rows = self._db.execute("SELECT entry, expires FROM objects WHERE at >= ?", (since,))
        return map(_kept, rows)

    @override
    def put_entry(self, kept: Kept) -> None:
        entry, expires = kept
        self._db.execute(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)",
            (entry.ref.id, entry.at, expires, msgspec.json.encode(entry).decode()),
        )

    @override
    def row(self, key: RowKey) -> Row | None:
        row = self._one(f"SELECT version, aggregate FROM aggregates {_OF_KEY}", *key)  # noqa: S608 - a constant
        return Row(*row) if row else None

    @override
    def rows(self, sites: Sequence[str], span: Span) -> Iterable[tuple[RowKey, Row]]:
        rows = self._db.execute(
            """SELECT site, period, start, generation, version, aggregate FROM aggregates
            WHERE period = :period AND site IN (SELECT value FROM json_each(:sites))
            AND (:start IS NULL OR start >= :start) AND (:end IS NULL OR start < :end)""",
            {
                "period": span.period,
                "sites": json.dumps(list(sites)),
                "start": span.start,
                "end": span.end,
            },
        )
        return ((RowKey(*row[:4]), Row(*row[4:])) for row in rows)

    @override
    def row_keys(self) -> Iterable[RowKey]:
        rows = self._db.execute("SELECT site, period, start, generation FROM aggregates")
        return (RowKey(*row) for row in rows)

    @override
    def sites(self) -> Iterable[str]:
        return (site for (site,) in self._db.execute("SELECT DISTINCT site FROM aggregates"))

    @override
    def put_row(self, key: RowKey, row: Row) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO aggregates VALUES (?, ?, ?, ?, ?, ?)", (*key, *row)
        )

    @override
    def delete_row(self, key: RowKey) -> None:
        self._db.execute(f"DELETE FROM aggregates {_OF_KEY}", key)  # noqa: S608 - a constant

    @override
    def document(self, name: str) -> bytes | None:
        row = self._one("SELECT body FROM documents WHERE name = ?", name)
        return row[0] if row else None

    @override
    def put_document(self, name: str, body: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?)", (name, body))

    def _one(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._db.execute(statement, values).fetchone()
        return row


_OF_KEY = "WHERE (site, period, start, generation) = (?, ?, ?, ?)"


def _kept(row: tuple[Any, ...]) -> Kept:
    body, expires = row
    return Kept(msgspec.json.decode(body, type=LedgerEntry), expires)
