"""The first use case: announced objects → counted, each exactly once, each on its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from pipeline.deadline import NEVER, Deadline
from pipeline.errors import CommitRefused, CorruptRow, EdgetallyError, StoreError
from pipeline.ingest.batch import Batch
from pipeline.ingest.commit import commit_batch
from pipeline.ingest.reader import OutOfTime, Reader
from pipeline.objects import ObjectRef
from pipeline.store.counted import Delta
from pipeline.store.port import TIMEOUT, CommitResult, Store

_READING = 0.75
"""The share of the time in which objects are read: a quarter is kept for the last commit."""


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


@dataclass(frozen=True, slots=True)
class Ingest:
    """Counts objects into `store`, as `reader` reads them."""

    reader: Reader
    store: Store

    def __call__(
        self,
        refs: Sequence[ObjectRef],
        on_read: Callable[[ObjectRef], None] = lambda ref: None,
        deadline: Deadline = NEVER,
    ) -> list[Outcome]:
        """One outcome per ref, in their order. `on_read` is called as each object is done with.

        Every object is parsed to its end before anything is written; a bad one fails alone. All
        good ones are committed together, as far as memory and `deadline` allow. Raises StoreError
        only when the ledger cannot be read: then nothing was done.
        """
        first = {ref.id: ref for ref in reversed(refs)}
        outcomes = self._ingest(list(first.values()), on_read, deadline)
        seen: set[str] = set()
        answers: list[Outcome] = []
        for ref in refs:
            answers.append(_repeated(ref, outcomes[ref.id]) if ref.id in seen else outcomes[ref.id])
            seen.add(ref.id)
        return [self._noted(answer) for answer in answers]

    def _ingest(
        self, refs: list[ObjectRef], on_read: Callable[[ObjectRef], None], deadline: Deadline
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
                on_read(ref)
        for group in self.reader.groups(new, on_read, deadline.within(deadline.left * _READING)):
            for ref, error in group.failed:
                outcomes[ref.id] = self._failed(ref, error)
            for outcome in self._commit(group.batch, deadline):
                outcomes[outcome.ref.id] = outcome
        return outcomes

    def _commit(self, batch: Batch, deadline: Deadline) -> list[Outcome]:
        def commit(delta: Delta) -> CommitResult:
            if deadline.is_over:
                raise OutOfTime
            return self.store.commit(delta, deadline.within(TIMEOUT))

        done = commit_batch(batch, commit)
        return [
            *(Outcome(c.ref, "committed", c.records, c.rejected) for c in done.committed),
            *(_settled(ref, "duplicate") for ref in done.duplicates),
            *(_settled(ref, "conflict") for ref in done.conflicts),
            *(self._failed(ref, error) for ref, error in done.failed),
        ]

    def _failed(self, ref: ObjectRef, error: Exception) -> Outcome:
        """The outcome of an object that counts nothing, noted in the ledger if the object, and not
        the time or the store, is the cause."""
        if isinstance(error, OutOfTime):
            return Outcome(ref, "postponed", reason=str(error))
        if isinstance(error, StoreError) and not isinstance(error, CommitRefused | CorruptRow):
            return Outcome(ref, "failed", reason=str(error), error=error)
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
