"""A batch → the store: all of it at once, or as much of it at a time as can be committed."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.errors import CommitRefused, CorruptRow, EdgetallyError
from pipeline.ingest.batch import Batch
from pipeline.objects import ObjectRef
from pipeline.store.counted import Counted, Delta
from pipeline.store.port import CommitResult


@dataclass(slots=True)
class Committed:
    """The outcome of a batch; each object is in one of the lists. `unshown` has those of the
    committed ones whose hours are all past the retention."""

    committed: list[Counted] = field(default_factory=list)
    unshown: set[ObjectRef] = field(default_factory=set)
    duplicates: list[ObjectRef] = field(default_factory=list)
    conflicts: list[ObjectRef] = field(default_factory=list)
    failed: list[tuple[ObjectRef, Exception]] = field(default_factory=list)


def commit_batch(batch: Batch, commit: Callable[[Delta], CommitResult]) -> Committed:
    """Commit the objects of a batch, so that any object fails by itself.

    Objects that the ledger has are left out, a batch that is too large is divided, and a
    half-committed object is committed alone, after the others. An error that may be one object's
    is looked for in halves; an error of the store is every object's.
    """
    done = Committed()
    waiting = deque([batch])
    while waiting:
        batch = waiting.popleft()
        if not batch.portions:
            continue
        try:
            result = commit(batch.delta)
        except Exception as error:
            if len(batch.objects) > 1 and _may_be_of_one(error):
                waiting.extendleft(reversed(batch.divided()))
            else:
                done.failed += [(counted.ref, error) for counted in batch.objects]
            continue
        if result.committed:
            done.committed += batch.objects
            done.unshown.update(result.unshown)
        done.duplicates += result.duplicates
        done.conflicts += result.conflicts
        if result.refused:
            waiting.appendleft(batch.without(result.refused))
            waiting.extend(batch.only([ref]) for ref in result.partial)
        elif result.too_large:
            waiting.extendleft(reversed(batch.divided()))
    return done


def _may_be_of_one(error: Exception) -> bool:
    return isinstance(error, CommitRefused | CorruptRow) or not isinstance(error, EdgetallyError)
