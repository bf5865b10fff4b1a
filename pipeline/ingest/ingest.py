"""The use case of ingest: announced objects → outcomes, each object counted exactly once."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from pipeline.deadline import NEVER, Deadline
from pipeline.errors import (
    CommitRefused,
    CorruptRow,
    EdgetallyError,
    ObjectGone,
    ObjectRefused,
    StoreError,
    fault_of,
)
from pipeline.ingest.commit import commit_batch
from pipeline.ingest.reader import OutOfTime, Reader
from pipeline.objects import ObjectRef, newest_first
from pipeline.store.counted import Counted, Delta
from pipeline.store.port import TIMEOUT, CommitResult, Store

_READING = 0.75
"""The share of the time in which objects are read: a quarter is kept for the last commit."""

UNFINISHED = "its reading was begun and did not end: the function was stopped, or ran out of time"
"""The reason of a failure that is noted before an object is read alone."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one announced object.

    `expired`: the ledger has it, but all its hours are past the retention, so nobody sees a row of
    it. `conflict`: its key was counted before with other content, which stays. `failed`: nothing of
    it was counted, for `reason`; `error` is what was raised. `postponed`: there was no time for it;
    `opened` says whether its reading had begun.
    """

    ref: ObjectRef
    state: Literal["committed", "expired", "duplicate", "conflict", "failed", "postponed"]
    records: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    error: Exception | None = None
    opened: bool = True

    @property
    def counted(self) -> bool:
        """Whether the object is counted, now or before."""
        return self.state in ("committed", "expired", "duplicate")

    @property
    def comes_again(self) -> bool:
        """Whether the object must be announced again."""
        return self.state in ("failed", "postponed")


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
        suspects: Collection[ObjectRef] = (),
        before_alone: Callable[[Mapping[ObjectRef, Outcome]], None] = lambda outcomes: None,
    ) -> list[Outcome]:
        """Count the objects; one outcome for each ref, in their order.

        An object is parsed to its end before anything of it is written, and fails by itself. The
        objects are committed together, as far as memory and the deadline allow. `suspects`, and
        objects that failed before, come after the others and one by one. Each may end the process,
        so `before_alone` is called first, with the outcomes there are. Of several events of one key
        the newest is tried first, and an older one if that content is not to be had. `on_read` is
        called after each trial. Raises StoreError only if the ledger cannot be read.
        """
        left = newest_first(refs)
        outcomes: dict[ObjectRef, Outcome] = {}
        while trial := [events.pop(0) for events in left.values() if events]:
            alone = partial(before_alone, outcomes)
            for ref, outcome in self._try(trial, on_read, deadline, suspects, alone):
                outcomes[ref] = self._noted(outcome)
                if not _another_may_count(outcome):
                    for other in left[ref.id]:
                        outcomes[other] = self._noted(_beside(other, outcome))
                    left[ref.id].clear()
        counted = {ref.id: outcome for ref, outcome in outcomes.items() if outcome.counted}
        seen: set[ObjectRef] = set()
        answers: list[Outcome] = []
        for ref in refs:
            outcome = outcomes[ref]
            if ref.id in counted and (ref in seen or not outcome.counted):
                outcome = self._noted(_beside(ref, counted[ref.id]))
            seen.add(ref)
            answers.append(outcome)
        return answers

    def _try(
        self,
        refs: Sequence[ObjectRef],
        on_read: Callable[[ObjectRef], None],
        deadline: Deadline,
        suspects: Collection[ObjectRef],
        before_alone: Callable[[], None],
    ) -> Iterator[tuple[ObjectRef, Outcome]]:
        """The outcomes of objects that have different keys."""
        ledger = self.store.ledger(refs)
        attempts = {ref: entry.attempts for ref, entry in ledger.items()}
        together: list[ObjectRef] = []
        alone: list[ObjectRef] = []
        for ref in refs:
            standing = ledger[ref].standing(ref) if ref in ledger else "new"
            if standing != "new":
                on_read(ref)
                yield ref, _settled(ref, standing)
            else:
                (alone if ref in suspects or attempts.get(ref) else together).append(ref)
        yield from self._count(together, on_read, deadline)
        for ref in sorted(alone, key=lambda ref: attempts.get(ref, 0)):
            before_alone()
            yield ref, self._count_alone(ref, on_read, deadline)

    def _count(
        self,
        refs: Sequence[ObjectRef],
        on_read: Callable[[ObjectRef], None],
        deadline: Deadline,
        attempt: int = 1,
    ) -> Iterator[tuple[ObjectRef, Outcome]]:
        """The outcomes of new objects. A failure adds `attempt` to an object's attempts."""
        announced = {ref.id: ref for ref in refs}
        reading = deadline.within(deadline.left * _READING)
        for group in self.reader.groups(refs, on_read, reading):
            done = commit_batch(group.batch, self._committing(deadline))
            outcomes = [
                *(_counted(each, each.ref in done.unshown) for each in done.committed),
                *(_settled(ref, "duplicate") for ref in done.duplicates),
                *(_settled(ref, "conflict") for ref in done.conflicts),
                *(self._failed(ref, why, attempt) for ref, why in [*group.failed, *done.failed]),
            ]
            for outcome in outcomes:
                yield announced[outcome.ref.id], outcome

    def _count_alone(
        self, ref: ObjectRef, on_read: Callable[[ObjectRef], None], deadline: Deadline
    ) -> Outcome:
        """The outcome of an object that may end the process: its ledger entry says so before."""
        if deadline.is_over:
            return self._failed(ref, OutOfTime(opened=False))
        try:
            self.store.record_failure(ref, UNFINISHED)
        except StoreError as error:
            return self._failed(ref, error)
        ((_, outcome),) = self._count([ref], on_read, deadline, attempt=0)
        return outcome

    def _committing(self, deadline: Deadline) -> Callable[[Delta], CommitResult]:
        def commit(delta: Delta) -> CommitResult:
            if deadline.is_over:
                raise OutOfTime
            return self.store.commit(delta, deadline.within(TIMEOUT))

        return commit

    def _failed(self, ref: ObjectRef, error: Exception, attempt: int = 1) -> Outcome:
        """The outcome of an object that is not counted. The ledger notes a failure whose cause is
        the object; the time and the store are no object's failures."""
        if isinstance(error, OutOfTime):
            return Outcome(ref, "postponed", reason=str(error), opened=error.opened)
        reason = str(error) if isinstance(error, EdgetallyError) else fault_of(error)
        if not isinstance(error, StoreError) or isinstance(error, CommitRefused | CorruptRow):
            try:
                self.store.record_failure(ref, reason, attempt)
            except StoreError as also:
                reason += f" (and the failure could not be noted: {also})"
        return Outcome(ref, "failed", reason=reason, error=error)

    def _noted(self, outcome: Outcome) -> Outcome:
        """The outcome; a conflict is kept in the ledger."""
        if outcome.state != "conflict":
            return outcome
        try:
            self.store.record_conflict(outcome.ref)
        except StoreError as also:
            reason = f"{outcome.reason} (and the conflict could not be noted: {also})"
            return replace(outcome, reason=reason)
        return outcome


def _another_may_count(outcome: Outcome) -> bool:
    """Whether an older event of the same key may be of the content that is to be had."""
    if outcome.state == "failed":
        return isinstance(outcome.error, ObjectGone | ObjectRefused)
    return outcome.state == "conflict"


def _counted(counted: Counted, is_unshown: bool) -> Outcome:
    if is_unshown:
        return Outcome(counted.ref, "expired")
    return Outcome(counted.ref, "committed", counted.records, counted.rejected)


def _settled(ref: ObjectRef, standing: Literal["duplicate", "conflict"]) -> Outcome:
    if standing == "duplicate":
        return Outcome(ref, "duplicate")
    return Outcome(
        ref,
        "conflict",
        reason="was counted before with other content, which stays; give new content a new name",
    )


def _beside(ref: ObjectRef, other: Outcome) -> Outcome:
    """The outcome of an event, given the outcome of another event of its key."""
    if not other.counted:
        return replace(other, ref=ref)
    differs = ref.etag and other.ref.etag and ref.etag != other.ref.etag
    return _settled(ref, "conflict" if differs else "duplicate")
