"""The first use case: announced objects → counted, each exactly once, each on its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from pipeline.deadline import NEVER, Deadline
from pipeline.errors import CorruptRow, EdgetallyError, StoreError
from pipeline.ingest.reader import OutOfTime, Reader
from pipeline.objects import ObjectRef
from pipeline.store.counted import Counted
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
            for outcome in self._commit(group.counted, deadline):
                outcomes[outcome.ref.id] = outcome
        return outcomes

    def _commit(self, counted: list[Counted], deadline: Deadline) -> list[Outcome]:
        try:
            result = (
                self.store.commit(counted, deadline.within(TIMEOUT)) if counted else CommitResult()
            )
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
                outcomes += self._commit([figures[ref]], deadline)
            elif isinstance(why, CorruptRow):
                outcomes.append(self._failed(ref, why))
            else:
                outcomes.append(Outcome(ref, "failed", reason=str(why), error=why))
        return outcomes

    def _failed(self, ref: ObjectRef, error: Exception) -> Outcome:
        if isinstance(error, OutOfTime):
            return Outcome(ref, "postponed", reason=str(error))
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
