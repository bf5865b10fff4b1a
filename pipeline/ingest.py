"""The first use case: announced objects → counted, each exactly once, each on its own."""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from math import inf
from typing import Literal, NamedTuple

from pipeline.core.ahead import in_order
from pipeline.core.errors import CorruptRow, EdgetallyError, StoreError
from pipeline.core.objects import Counted, ObjectRef, site_of
from pipeline.core.parse import parse_alone, parse_small, parse_together
from pipeline.core.parsed import Parsed, Reading
from pipeline.core.sampling import rate_of, stored_site
from pipeline.core.small import Small
from pipeline.ports import PATIENCE, CommitResult, Content, Source, Store

READERS = 8
"""Objects that are opened at the same time: waiting for S3 takes longer than counting."""

_HEAD = 1 << 20
"""Bytes of an object that are read ahead."""

_TOGETHER = 64 << 20
"""Bytes of objects, as delivered, after which those read so far are committed: what is counted in
them waits in memory for that."""


class OutOfTime(EdgetallyError):
    """The time that was given is over. What was not read counts nothing and comes again."""

    def __init__(self) -> None:
        super().__init__("there was no time left for it; it comes again")


@dataclass(frozen=True, slots=True)
class Time:
    """The time there is: `left` gives the seconds that are left, `margin` those which a commit may
    need. Objects are read until only the margin is left."""

    left: Callable[[], float] = lambda: inf
    margin: float = 0.0

    def check(self) -> None:
        """Raises OutOfTime when only the margin is left."""
        if self.left() < self.margin:
            raise OutOfTime

    @property
    def patience(self) -> float:
        """How long a commit may be tried now: a second is left to report what became of it."""
        return min(PATIENCE, self.left() - 1)


UNLIMITED = Time()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one announced object.

    `conflict`: its key was counted before with another content; it is reported, never merged.
    `failed`: it counted nothing, for `reason`; `error` is what was raised. `postponed`: there was
    no time for it.
    """

    ref: ObjectRef
    state: Literal["committed", "duplicate", "conflict", "failed", "postponed"]
    records: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    error: Exception | None = None


class _Opened(NamedTuple):
    """An object whose first bytes are here; `close` when it is done with."""

    content: Content
    head: list[bytes]
    rest: Iterator[bytes]
    close: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Ingest:
    """Counts objects of `source` into `store`, read as `reading` says.

    `sampling` has the percentage of requests that objects under a prefix were sampled from.
    """

    source: Source
    store: Store
    reading: Reading
    site_pattern: re.Pattern[str] | None = None
    sampling: Mapping[str, int] = field(default_factory=dict)

    def __call__(
        self,
        refs: Sequence[ObjectRef],
        on_parsed: Callable[[ObjectRef], None] = lambda ref: None,
        time: Time = UNLIMITED,
    ) -> list[Outcome]:
        """One outcome per ref, in their order. `on_parsed` is called as each object is done with.

        Every object is parsed to its end before anything is written; a bad one fails alone. All
        good ones are committed together, as far as memory and `time` allow. Raises StoreError
        only when the ledger cannot be read: then nothing was done.
        """
        first = {ref.id: ref for ref in reversed(refs)}
        outcomes = self._ingest(list(first.values()), on_parsed, time)
        seen: set[str] = set()
        answers: list[Outcome] = []
        for ref in refs:
            answers.append(_repeated(ref, outcomes[ref.id]) if ref.id in seen else outcomes[ref.id])
            seen.add(ref.id)
        return [self._noted(answer) for answer in answers]

    def _ingest(
        self, refs: list[ObjectRef], on_parsed: Callable[[ObjectRef], None], time: Time
    ) -> dict[str, Outcome]:
        """The outcome of each of these distinct objects, by id."""
        outcomes: dict[str, Outcome] = {}
        ledger = self.store.ledger(refs)
        new: list[ObjectRef] = []
        for ref in refs:
            standing = ledger[ref].standing(ref) if ref in ledger else "new"
            if standing == "new":
                new.append(ref)
            else:
                outcomes[ref.id] = _settled(ref, standing)
                on_parsed(ref)
        read: list[tuple[ObjectRef, Parsed | Small]] = []
        size = 0
        for ref, opened in self._opened(new, time):
            with self._failing_alone(ref, outcomes):
                found = self._read(opened, time)
                read.append(found)
                size += found[0].size
            on_parsed(ref)
            if size > _TOGETHER:
                self._commit_read(read, outcomes, time)
                read, size = [], 0
        self._commit_read(read, outcomes, time)
        for ref in new:
            outcomes.setdefault(ref.id, _postponed(ref))
        return outcomes

    def _opened(
        self, refs: Sequence[ObjectRef], time: Time
    ) -> Iterator[tuple[ObjectRef, _Opened | Exception]]:
        """The objects in order, several of them opened ahead, until the time is over."""
        taken: deque[ObjectRef] = deque()

        def tasks() -> Iterator[Callable[[], _Opened | Exception]]:
            for ref in refs:
                if time.left() < time.margin:
                    return
                taken.append(ref)
                yield partial(self._open, ref)

        for opened in in_order(tasks(), READERS):
            yield taken.popleft(), opened

    def _open(self, ref: ObjectRef) -> _Opened | Exception:
        """Open an object and read its first bytes; what went wrong is raised when it is read."""
        try:
            with ExitStack() as stack:
                content = stack.enter_context(self.source.open(ref))
                head: list[bytes] = []
                rest = iter(content.chunks)
                while sum(map(len, head)) < _HEAD and (chunk := next(rest, b"")):
                    head.append(chunk)
                return _Opened(content, head, rest, stack.pop_all().close)
        except Exception as error:
            return error

    def _read(self, opened: _Opened | Exception, time: Time) -> tuple[ObjectRef, Parsed | Small]:
        if isinstance(opened, Exception):
            raise opened
        content = opened.content
        try:
            chunks = _while_there_is_time(chain(opened.head, opened.rest), time)
            return content.ref, parse_small(chunks, content.modified, self.reading)
        finally:
            opened.close()

    def _commit_read(
        self,
        read: Sequence[tuple[ObjectRef, Parsed | Small]],
        outcomes: dict[str, Outcome],
        time: Time,
    ) -> None:
        for outcome in self._commit(self._counted_all(read, outcomes), time.patience):
            outcomes[outcome.ref.id] = outcome

    def _counted_all(
        self, read: Sequence[tuple[ObjectRef, Parsed | Small]], outcomes: dict[str, Outcome]
    ) -> list[Counted]:
        """The objects that were read, the small ones parsed together."""
        small = [found for _, found in read if isinstance(found, Small)]
        together = iter(parse_together(small, self.reading))
        counted: list[Counted] = []
        for ref, found in read:
            with self._failing_alone(ref, outcomes):
                if isinstance(found, Small):
                    found = next(together) or parse_alone(found, self.reading)
                counted.append(self._counted(ref, found))
        return counted

    @contextmanager
    def _failing_alone(self, ref: ObjectRef, outcomes: dict[str, Outcome]) -> Iterator[None]:
        """Whatever one object does, it fails by itself and its neighbours go on."""
        try:
            yield
        except OutOfTime:
            outcomes[ref.id] = _postponed(ref)
        except Exception as error:
            outcomes[ref.id] = self._failed(ref, error)

    def _counted(self, ref: ObjectRef, parsed: Parsed) -> Counted:
        rate = rate_of(ref.key, self.sampling)
        site = stored_site(site_of(ref.key, self.site_pattern), rate)
        return Counted(
            ref, site, parsed.records, parsed.rejected, parsed.hours, parsed.layout, parsed.share
        )

    def _commit(self, counted: list[Counted], patience: float) -> list[Outcome]:
        try:
            result = self.store.commit(counted, patience) if counted else CommitResult()
        except StoreError as error:
            result = CommitResult(failed=tuple((each.ref, error) for each in counted))
        figures = {each.ref: each for each in counted}
        outcomes = [
            *(
                Outcome(ref, "committed", figures[ref].records, figures[ref].rejected)
                for ref in result.committed
            ),
            *(_settled(ref, "duplicate") for ref in result.duplicates),
            *(_settled(ref, "conflict") for ref in result.conflicts),
        ]
        for ref, why in result.failed:
            if isinstance(why, CorruptRow) and len(counted) > 1:
                # Only objects of that very hour are affected: the others commit by themselves.
                outcomes += self._commit([figures[ref]], patience)
            elif isinstance(why, CorruptRow):
                outcomes.append(self._failed(ref, why))
            else:
                outcomes.append(Outcome(ref, "failed", reason=str(why), error=why))
        return outcomes

    def _failed(self, ref: ObjectRef, error: Exception) -> Outcome:
        reason = (
            str(error)
            if isinstance(error, EdgetallyError)
            else f"a bug in edgetally, please report it: {type(error).__name__}: {error}"
        )
        try:
            self.store.record_failure(ref, reason)
        except StoreError as also:
            reason += f" (and the failure could not be noted: {also})"
        return Outcome(ref, "failed", reason=reason, error=error)

    def _noted(self, outcome: Outcome) -> Outcome:
        """The outcome, with a conflict kept in the ledger."""
        if outcome.state != "conflict":
            return outcome
        try:
            self.store.record_conflict(outcome.ref)
        except StoreError as also:
            reason = f"{outcome.reason} (and the conflict could not be noted: {also})"
            return replace(outcome, reason=reason)
        return outcome


def _while_there_is_time(chunks: Iterable[bytes], time: Time) -> Iterator[bytes]:
    for chunk in chunks:
        time.check()
        yield chunk


def _postponed(ref: ObjectRef) -> Outcome:
    return Outcome(ref, "postponed", reason=str(OutOfTime()))


def _settled(ref: ObjectRef, standing: Literal["duplicate", "conflict"]) -> Outcome:
    if standing == "duplicate":
        return Outcome(ref, "duplicate")
    return Outcome(
        ref,
        "conflict",
        reason="was counted before with other content, which stays; give new content a new name",
    )


def _repeated(ref: ObjectRef, first: Outcome) -> Outcome:
    """The outcome of an object that came earlier in the same call."""
    if first.state in ("failed", "postponed"):
        return replace(first, ref=ref)
    if ref.etag and first.ref.etag and ref.etag != first.ref.etag:
        return _settled(ref, "conflict")
    return _settled(ref, "duplicate")
