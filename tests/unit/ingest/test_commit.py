"""A batch is committed as well as can be: any object fails by itself."""

from collections.abc import Callable, Collection

import pytest

from pipeline.errors import CommitRefused, CorruptRow, EdgetallyError, StoreError
from pipeline.hour.vector import Vector
from pipeline.ingest.commit import Committed, commit_batch
from pipeline.objects import ObjectRef
from pipeline.store.counted import Delta
from pipeline.store.port import COMMITTED, TOO_LARGE, CommitResult
from tests.support.aggregates import hour_with
from tests.support.deltas import Object, batch

OBJECTS = [
    Object(ObjectRef("b", f"o{n}", "e"), {n: hour_with(Vector(1))}, f"s{n % 3}") for n in range(9)
]
REFS = [each.ref for each in OBJECTS]


class Scripted:
    """A store that refuses what it is told to, and notes what was asked of it."""

    def __init__(
        self,
        most: int = 99,
        bad: Collection[ObjectRef] = (),
        error: Callable[[], Exception] = lambda: CommitRefused("no"),
        **refused: tuple[ObjectRef, ...],
    ) -> None:
        self.most, self.bad, self.error, self.refused = most, bad, error, refused
        self.asked: list[list[ObjectRef]] = []
        self.kept: list[ObjectRef] = []

    def __call__(self, delta: Delta) -> CommitResult:
        refs = [counted.ref for counted in delta.objects]
        self.asked.append(refs)
        if set(refs) & set(self.bad):
            raise self.error()
        if len(refs) > self.most:
            return TOO_LARGE
        refused = {
            name: hit
            for name, these in self.refused.items()
            if (hit := tuple(ref for ref in these if ref in refs))
            and (name != "partial" or len(refs) > 1)
        }
        if refused:
            return CommitResult(**refused)  # type: ignore[arg-type]
        self.kept += refs
        return COMMITTED


def outcome(store: Scripted) -> Committed:
    done = commit_batch(batch(*OBJECTS), store)
    everything = [
        *(counted.ref for counted in done.committed),
        *done.duplicates,
        *done.conflicts,
        *(ref for ref, _ in done.failed),
    ]
    assert sorted(everything, key=str) == sorted(REFS, key=str)
    assert sorted(store.kept, key=str) == sorted((c.ref for c in done.committed), key=str)
    return done


def test_a_batch_that_fits_is_one_commit() -> None:
    """And an empty one is none."""
    store = Scripted()
    assert len(outcome(store).committed) == 9
    assert len(store.asked) == 1
    assert commit_batch(batch(), store) == Committed()
    assert len(store.asked) == 1


@pytest.mark.parametrize("most", [1, 2, 4, 5, 8])
def test_a_batch_that_is_too_large_is_halved_until_it_fits(most: int) -> None:
    """In order of sites, so that few commits touch several."""
    store = Scripted(most)
    assert len(outcome(store).committed) == 9
    commits = [refs for refs in store.asked if len(refs) <= most]
    sites = [{int(ref.key[1:]) % 3 for ref in refs} for refs in commits]
    assert sum(map(len, sites)) <= len(commits) + 2


def test_what_the_ledger_has_is_left_out_and_the_rest_committed_at_once() -> None:
    """Duplicates and conflicts are told apart; the half-committed one comes last and alone."""
    store = Scripted(duplicates=(REFS[0],), conflicts=(REFS[4],), partial=(REFS[8], REFS[2]))
    done = outcome(store)
    assert (done.duplicates, done.conflicts) == ([REFS[0]], [REFS[4]])
    assert [len(refs) for refs in store.asked] == [9, 5, 1, 1]
    assert store.kept[-2:] == [REFS[8], REFS[2]]


@pytest.mark.parametrize(
    "error", [lambda: CommitRefused("no"), lambda: CorruptRow("r", "no"), lambda: KeyError("bug")]
)
def test_what_cannot_be_committed_fails_alone(error: Callable[[], Exception]) -> None:
    """Its fault is found by halves, whatever it raises."""
    store = Scripted(bad=(REFS[3], REFS[7]), error=error)
    done = outcome(store)
    assert {ref for ref, _ in done.failed} == {REFS[3], REFS[7]}
    assert {type(cause) for _, cause in done.failed} == {type(error())}


@pytest.mark.parametrize("error", [StoreError("down"), EdgetallyError("no time")])
def test_a_store_that_is_down_is_not_asked_for_each_object(error: Exception) -> None:
    """What has been committed before stays so."""
    store = Scripted(most=5, bad=REFS[2:3], error=lambda: error)
    done = outcome(store)
    assert len(store.asked) < 5
    assert (REFS[2], error) in done.failed
    assert done.committed or len(done.failed) == 9
