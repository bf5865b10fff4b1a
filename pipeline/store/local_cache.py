"""Cached answers of a local store: an answer and the lease of its key are one document."""

from datetime import UTC, datetime

import msgspec

from pipeline.errors import UNDECODABLE
from pipeline.store.port import Cached, Lease
from pipeline.store.tables import Tables


class _Entry(msgspec.Struct, array_like=True):
    """An answer and the lease of its key; all times are epoch seconds."""

    body: bytes | None = None
    stored_at: float = 0
    expires: float = 0
    owner: str = ""
    leased_until: float = 0

    def answer(self, now: float) -> Cached | None:
        """The answer, if there is one and its time has not passed."""
        if self.body is None or self.expires <= now:
            return None
        try:
            return Cached(self.body, datetime.fromtimestamp(self.stored_at, UTC))
        except (ValueError, OverflowError, OSError):  # no moment: the entry is damaged
            return None


def cached(tables: Tables, key: str, now: float) -> Cached | None:
    """The answer under a key."""
    return _read(tables, key).answer(now)


def put_cached(tables: Tables, key: str, body: bytes, ttl_seconds: int, now: float) -> None:
    """Cache an answer and end the key's lease."""
    _write(tables, key, _Entry(body, now, now + ttl_seconds))


def lease(tables: Tables, key: str, owner: str, seconds: int, now: float) -> Lease:
    """Take the lease of a key if it is free."""
    entry = _read(tables, key)
    # A lease that ends later than any can is damaged.
    held = entry.owner not in ("", owner) and now < entry.leased_until <= now + 2 * seconds
    if granted := not held:
        entry.owner, entry.leased_until = owner, now + seconds
        _write(tables, key, entry)
    return Lease(granted, entry.answer(now))


def release(tables: Tables, key: str, owner: str) -> None:
    """End a lease that is still the owner's."""
    entry = _read(tables, key)
    if entry.owner == owner:
        entry.owner = ""
        _write(tables, key, entry)


def _read(tables: Tables, key: str) -> _Entry:
    """The entry of a key. A damaged one is as good as none: its answer is computed again."""
    try:
        return msgspec.msgpack.decode(tables.document(f"cache {key}") or b"", type=_Entry)
    except UNDECODABLE:
        return _Entry()


def _write(tables: Tables, key: str, entry: _Entry) -> None:
    tables.put_document(f"cache {key}", msgspec.msgpack.encode(entry))
