"""Answers that are kept: computed by one request at a time, served to all the others."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

import msgspec
from isal import isal_zlib

from pipeline.errors import EdgetallyError, StoreError
from pipeline.store.port import Cached, Lease, Store

LEASE_SECONDS = 30
"""After this, the lease of one that died is free. No request takes longer: API Gateway gives up
after 29 seconds."""
WAIT_SECONDS = 2.0
"""How long a request waits for another that computes what it wants, if there is nothing older."""
REFRESH_FLOOR_SECONDS = 5
"""A younger answer is not computed anew, however often a refresh is forced."""
KEEP_STALE_SECONDS = 86_400
"""How long an answer that is no longer fresh can be served while a new one is computed."""

_LOOK_SECONDS = 0.05
_LARGE = 64 << 10
_LARGEST = 380_000
"""The largest body that is kept, in bytes: DynamoDB takes 400 KB an item."""


class Busy(EdgetallyError):
    """Another request is computing this answer, and there is no older one."""

    def __init__(self) -> None:
        super().__init__("this answer is being computed; ask again in a second")


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of an answer: `body`, the `vector` of the rows that it was made of, and an
    `etag` of what was asked and that vector. One that is `settled` is of a window that has been
    closed for so long that it is kept until its rows change."""

    body: bytes
    vector: str = ""
    etag: str = ""
    settled: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it is given: whether it is `cached`, whether it is `stale` (older than it
    should be; a new one is under way), and its age in seconds."""

    answer: Answer
    cached: bool = False
    stale: bool = False
    age_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Answers:
    """Each kept under its key, for `ttl_seconds`, and computed by one at a time.

    Who computes holds a lease in the store. Who meets it is given the answer that was there
    before, at once. `on_failure` hears of a cache that cannot be read or written: requests go on
    without it.
    """

    store: Store
    ttl_seconds: int
    clock: Callable[[], datetime]
    on_failure: Callable[[EdgetallyError], None]
    sleep: Callable[[float], None] = field(default=time.sleep)

    def get(
        self, key: str, compute: Callable[[], Answer], vector: Callable[[], str] | None = None
    ) -> Given:
        """The answer under a key: the kept one while it is fresh, else a new one.

        A settled answer is not computed anew if `vector` still gives the one it was made of.
        Raises Busy, StoreError and what `compute` raises.
        """
        known = self.kept(key)
        if known and known.age_seconds < self.ttl_seconds:
            return known
        return self._renewed(key, known, compute, vector, fresh=self.ttl_seconds, wait=not known)

    def refresh(self, key: str, compute: Callable[[], Answer]) -> Given:
        """A new answer, which replaces the kept one, unless that has only just been computed."""
        known = self.kept(key)
        if known and known.age_seconds < REFRESH_FLOOR_SECONDS:
            return known
        return self._renewed(key, known, compute, None, fresh=REFRESH_FLOOR_SECONDS, wait=True)

    def kept(self, key: str) -> Given | None:
        """What is kept under a key, however old, if anything is."""
        try:
            cached = self.store.cached(key)
        except StoreError as error:
            self.on_failure(error)
            return None
        return None if cached is None else self._given(cached)

    def _renewed(
        self,
        key: str,
        known: Given | None,
        compute: Callable[[], Answer],
        vector: Callable[[], str] | None,
        *,
        fresh: int,
        wait: bool,
    ) -> Given:
        owner = uuid4().hex
        looks = round(WAIT_SECONDS / _LOOK_SECONDS) if wait else 0
        while not (lease := self._lease(key, owner)).granted:
            if lease.cached and (made := self._given(lease.cached)).age_seconds < fresh:
                return made
            if not looks:
                return _stale(known)
            looks -= 1
            self.sleep(_LOOK_SECONDS)
        kept = False
        try:
            # The owner before may have cached an answer since the first look.
            if lease.cached and (made := self._given(lease.cached)).age_seconds < fresh:
                return made
            if known and known.answer.settled and vector and vector() == known.answer.vector:
                kept = self._keep(key, known.answer)
                return Given(known.answer, cached=True)
            answer = compute()
            kept = self._keep(key, answer)
            return Given(answer)
        finally:
            if not kept:
                self._release(key, owner)

    def _lease(self, key: str, owner: str) -> Lease:
        try:
            return self.store.lease(key, owner, LEASE_SECONDS)
        except StoreError as error:
            self.on_failure(error)
            return Lease(granted=True)

    def _release(self, key: str, owner: str) -> None:
        try:
            self.store.release(key, owner)
        except StoreError as error:
            self.on_failure(error)

    def _given(self, cached: Cached) -> Given:
        age = (self.clock() - cached.stored_at).total_seconds()
        return Given(_decoded(cached.body), cached=True, age_seconds=age)

    def _keep(self, key: str, answer: Answer) -> bool:
        """Whether the answer is cached, and with that the lease has ended."""
        body = _encoded(answer)
        if len(body) > _LARGEST:
            return False
        try:
            self.store.put_cached(key, body, self.ttl_seconds + KEEP_STALE_SECONDS)
        except StoreError as error:
            self.on_failure(error)
            return False
        return True


def _stale(known: Given | None) -> Given:
    if known is None:
        raise Busy
    return Given(known.answer, cached=True, stale=True, age_seconds=known.age_seconds)


def _encoded(answer: Answer) -> bytes:
    body = msgspec.msgpack.encode(answer)
    return b"z" + isal_zlib.compress(body) if len(body) > _LARGE else b"m" + body


def _decoded(body: bytes) -> Answer:
    if body[:1] == b"z":  # answers are mostly names: they shrink to a sixth or so
        return msgspec.msgpack.decode(
            isal_zlib.decompress(body[1:], bufsize=8 * len(body)), type=Answer
        )
    return msgspec.msgpack.decode(body[1:], type=Answer)
