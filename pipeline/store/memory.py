"""A store in memory, for tests and for a first look; it ends with its process."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import RLock
from typing import Any

from typing_extensions import override

from pipeline.deadline import NEVER, Deadline
from pipeline.hours import Span
from pipeline.store.counted import RowKey
from pipeline.store.local import LocalStore
from pipeline.store.tables import Kept, Row, Tables


class MemoryStore(LocalStore):
    """The reference for the other stores: plain dictionaries behind one lock."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock = RLock()
        self._tables = _Dictionaries()

    @override
    def _reading(self) -> AbstractContextManager[Tables]:
        # Each primitive copies what it returns, so a slow reader holds no lock.
        return nullcontext(self._tables)

    @override
    @contextmanager
    def _writing(self, deadline: Deadline = NEVER) -> Iterator[Tables]:
        with self._lock:
            yield self._tables


class _Dictionaries(Tables):
    def __init__(self) -> None:
        self._entries: dict[str, Kept] = {}
        self._rows: dict[RowKey, Row] = {}
        self._documents: dict[str, bytes] = {}

    @override
    def entry(self, object_id: str) -> Kept | None:
        return self._entries.get(object_id)

    @override
    def entries(self, since: int) -> Iterable[Kept]:
        return [kept for kept in list(self._entries.values()) if kept.entry.at >= since]

    @override
    def put_entry(self, kept: Kept) -> None:
        self._entries[kept.entry.ref.id] = kept

    @override
    def row(self, key: RowKey) -> Row | None:
        return self._rows.get(key)

    @override
    def rows(self, sites: Sequence[str], span: Span) -> Iterable[tuple[RowKey, Row]]:
        return [
            (key, row)
            for key, row in list(self._rows.items())
            if key.site in sites and key.period == span.period and span.covers(key.start)
        ]

    @override
    def row_keys(self) -> Iterable[RowKey]:
        return list(self._rows)

    @override
    def sites(self) -> Iterable[str]:
        return {key.site for key in list(self._rows)}

    @override
    def put_row(self, key: RowKey, row: Row) -> None:
        self._rows[key] = row

    @override
    def delete_row(self, key: RowKey) -> None:
        del self._rows[key]

    @override
    def document(self, name: str) -> bytes | None:
        return self._documents.get(name)

    @override
    def put_document(self, name: str, body: bytes) -> None:
        self._documents[name] = body
