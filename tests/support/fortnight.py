"""Two weeks of generated traffic in a store, and the API over it at a moment that stands still."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from demo.fortnight import hours
from pipeline.answer.service import Service, serve_from
from pipeline.bootstrap import Sources
from pipeline.ingest.ingest import Ingest
from pipeline.ingest.parsed import Reading
from pipeline.ingest.reader import Reader
from pipeline.settings import Settings
from pipeline.source.files import file_ref
from pipeline.store.memory import MemoryStore
from pipeline.store.port import VISITOR_KEY_BYTES
from pipeline.tally.visitors import Visitors

NOW = datetime(2026, 11, 27, 9, 12, tzinfo=UTC)


@cache
def fortnight(lines: int = 20) -> MemoryStore:
    """The store, made once. Read it only."""
    return stored(dict(hours(7, NOW, lines)))


def stored(logs: Mapping[str, bytes]) -> MemoryStore:
    """A store with the logs of these names counted."""
    store = MemoryStore(clock=lambda: NOW)
    with TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in logs]
        for file in files:
            file.write_bytes(logs[file.name])
        count = Ingest(Reader(Sources(Settings()), reading()), store)
        for start in range(0, len(files), 80):
            count([file_ref(file) for file in files[start : start + 80]])
    return store


def reading() -> Reading:
    """How log objects are read, with a visitor key that is always the same."""
    return Reading(visitors=Visitors(bytes(VISITOR_KEY_BYTES)))


def serving(store: MemoryStore, now: datetime = NOW) -> Service:
    """What is served from a store at a moment."""
    return serve_from(store, lambda: now, _unexpected)


def _unexpected(error: Exception) -> None:
    raise error
