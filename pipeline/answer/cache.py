"""A cache of answers: computed by one request at a time, served to all the others."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

import msgspec
from isal import isal_zlib

from pipeline.answer.seal import sealed, unsealed
from pipeline.errors import EdgetallyError, StoreError
from pipeline.store.port import Cached, Lease, Meta, Store
from pipeline.threads import begun

FORM = 4
"""The form of the answers; raised whenever the same rows would give another answer, so that no
answer of the form before is served."""

LEASE_SECONDS = 30
"""After this, the lease of a request that died is free. No request takes longer: API Gateway gives
up after 29 seconds."""
WAIT_SECONDS = 2.0
"""How long a request waits for another that computes the same answer, if there is no older one."""
REFRESH_FLOOR_SECONDS = 5
"""A younger answer is not computed again, however often a refresh is forced."""
FINAL_TIMES = 12
"""A final answer is fresh so many times as long: its lines can no longer be late."""
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
    """An answer as it is kept: its JSON, an `etag` of its content, and the epoch second in which
    it was computed. A `final` answer is of a window whose lines can no longer be late, and of the
    active generations of a `version`."""

    body: bytes
    etag: str = ""
    computed_at: int = 0
    final: bool = False
    version: int = 0


class CachedResponse(NamedTuple):
    """An answer as it is served: whether it was `cached`, whether it is `stale` (older than it
    should be, while a new one is computed), and its age in seconds."""

    answer: Answer
    cached: bool = False
    stale: bool = False
    age_seconds: float = 0.0


Compute = Callable[[Meta], Answer]
"""Computes an answer from the sites and generations that a store has now."""


@dataclass(frozen=True, slots=True)
class Answers:
    """A cache of answers: fresh for `ttl_seconds`, computed by one request at a time; others get
    the stale one.

    The request that computes holds a lease in the store. `on_failure` is called with the error
    when the cache cannot be read or written: requests go on without it.
    """

    store: Store
    ttl_seconds: int
    clock: Callable[[], datetime]
    on_failure: Callable[[EdgetallyError], None]
    sleep: Callable[[float], None] = field(default=time.sleep)

    def get(self, key: str, compute: Compute) -> CachedResponse:
        """The answer under a key: the kept one while it is fresh, else a new one. Raises Busy,
        StoreError and the errors of `compute`."""
        kept = self.kept(key)
        if kept and self._is_fresh(kept):
            return kept
        return self._renewed(key, kept, compute, self._is_fresh, wait=not kept)

    def refresh(self, key: str, compute: Compute) -> CachedResponse:
        """A new answer, which replaces the kept one, unless that was computed only just now.
        Raises Busy, StoreError and the errors of `compute`."""
        kept = self.kept(key)
        if kept and _is_new(kept):
            return kept
        return self._renewed(key, kept, compute, _is_new, wait=True)

    def kept(self, key: str) -> CachedResponse | None:
        """The answer kept under a key, however old; None if there is none."""
        try:
            cached = self.store.cached(key)
        except StoreError as error:
            self.on_failure(error)
            return None
        return self._response(cached)

    def fresh_seconds(self, answer: Answer) -> int:
        """How long an answer is fresh."""
        return self.ttl_seconds * FINAL_TIMES if answer.final else self.ttl_seconds

    def _is_fresh(self, kept: CachedResponse) -> bool:
        """A final answer outlives `ttl_seconds` only while no rebuild switches generations."""
        if kept.age_seconds < self.ttl_seconds:
            return True
        if kept.age_seconds >= self.fresh_seconds(kept.answer):
            return False
        try:
            return self.store.meta().generations.version == kept.answer.version
        except StoreError as error:
            self.on_failure(error)
            return False

    def _renewed(
        self,
        key: str,
        kept: CachedResponse | None,
        compute: Compute,
        is_fresh: Callable[[CachedResponse], bool],
        *,
        wait: bool,
    ) -> CachedResponse:
        owner = uuid4().hex
        meta = begun(self.store.meta)  # in one round trip with the lease
        looks = round(WAIT_SECONDS / _LOOK_SECONDS) if wait else 0
        while not (lease := self._lease(key, owner)).granted:
            if (newer := self._response(lease.cached)) and is_fresh(newer):
                return newer
            if not looks:
                return _stale(kept)
            looks -= 1
            self.sleep(_LOOK_SECONDS)
        has_ended = False
        try:
            # The owner before may have cached an answer since the first look.
            if (newer := self._response(lease.cached)) and is_fresh(newer):
                return newer
            answer = compute(meta())
            has_ended = self._keep(key, answer)
            return CachedResponse(answer)
        finally:
            if not has_ended:
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

    def _response(self, cached: Cached | None) -> CachedResponse | None:
        """The answer that a store has; a damaged one is none."""
        if cached is None or (answer := _decoded(cached.body)) is None:
            return None
        age = (self.clock() - cached.stored_at).total_seconds()
        return CachedResponse(answer, cached=True, age_seconds=age)

    def _keep(self, key: str, answer: Answer) -> bool:
        """Cache an answer. Whether that was done, which ends the lease too."""
        body = _encoded(answer)
        if len(body) > _LARGEST:
            return False
        try:
            self.store.put_cached(key, body, self.fresh_seconds(answer) + KEEP_STALE_SECONDS)
        except StoreError as error:
            self.on_failure(error)
            return False
        return True


def _is_new(kept: CachedResponse) -> bool:
    return kept.age_seconds < REFRESH_FLOOR_SECONDS


def _stale(kept: CachedResponse | None) -> CachedResponse:
    if kept is None:
        raise Busy
    return kept._replace(stale=True)


def _encoded(answer: Answer) -> bytes:
    body = msgspec.msgpack.encode((FORM, answer))
    if len(body) > _LARGE:  # answers are mostly names: they shrink to a sixth or so
        return sealed(b"z" + isal_zlib.compress(body))
    return sealed(b"m" + body)


def _decoded(kept: bytes) -> Answer | None:
    """The answer of a cached body; None for a damaged one, and for one of another form."""
    body = unsealed(kept)
    if body is None:
        return None
    packed = body[1:]
    if body[:1] == b"z":
        packed = isal_zlib.decompress(packed, bufsize=8 * len(body))
    form, raw = msgspec.msgpack.decode(packed, type=tuple[int, msgspec.Raw])
    return msgspec.msgpack.decode(raw, type=Answer) if form == FORM else None
