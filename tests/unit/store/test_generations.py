"""The laws of generations, whatever is begun, shown, confirmed and undone."""

from collections.abc import Callable
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import StoreError
from pipeline.store.generations import Days, Generations

DAYS = range(12)
days = st.tuples(st.integers(0, 10), st.integers(1, 6)).map(lambda d: Days(d[0], d[0] + d[1]))
changes: "st.SearchStrategy[Callable[[Generations], Generations]]" = st.one_of(
    days.map(lambda d: lambda state: state.begin(d)),
    st.sampled_from(
        [
            lambda state: state.show(state.latest),
            lambda state: state.confirm(state.latest),
            lambda state: state.undo(state.latest),
            lambda state: state.swept(state),
        ]
    ),
)


def after(steps: list[Callable[[Generations], Generations]]) -> list[Generations]:
    """The state after each change that was possible."""
    found = [Generations()]
    for change in steps:
        try:
            found.append(change(found[-1]))
        except StoreError:
            continue
    return found


@given(st.lists(changes, max_size=20))
def test_what_is_read_is_always_written(
    steps: list[Callable[[Generations], Generations]],
) -> None:
    """No commit can miss the generation that readers see, nor one that they may see next."""
    found = after(steps)
    for state in found:
        for day in DAYS:
            assert state.read(day) in state.written(day)
            assert max(state.written(day)) <= state.latest
    for before, then in pairwise(found):
        for day in DAYS:
            # Whatever is read after a change was written before it, but for what is begun anew.
            assert then.read(day) in before.written(day)
        assert then.version == before.version + 1


@given(st.lists(changes, max_size=12), days)
def test_a_rebuild_is_undone_or_kept(
    steps: list[Callable[[Generations], Generations]], chosen: Days
) -> None:
    """Undone, every day is read as before; kept, the days of the rebuild are of its generation."""
    before = after(steps)[-1]
    if before.rebuild is not None:
        before = before.undo(before.latest)
    before = before.swept(before)
    opened = before.begin(chosen)
    number = opened.latest
    shown = opened.show(number)
    for day in DAYS:
        assert opened.read(day) == before.read(day)
        assert opened.undo(number).read(day) == shown.undo(number).read(day) == before.read(day)
        new = opened.latest if day in chosen else before.read(day)
        assert shown.read(day) == shown.confirm(number).read(day) == new
        assert shown.confirm(number).written(day) == [new]


def test_settled_days_that_are_rebuilt_again_are_not_kept() -> None:
    """The state does not grow with every rebuild of the same days."""
    state = Generations()
    for number in range(1, 51):
        state = state.begin(Days(3, 9)).show(number).confirm(number)
        state = state.swept(state)
    assert len(state.settled) == 1
    assert state.read(3) == 50


def test_what_is_not_open_cannot_be_ended() -> None:
    """Neither can somebody else's rebuild; what is not complete cannot be confirmed."""
    for change in (Generations.show, Generations.confirm, Generations.undo):
        with pytest.raises(StoreError, match="is over"):
            change(Generations(), 0)
        with pytest.raises(StoreError, match="is over"):
            change(Generations(latest=1).begin(Days(0, 1)), 1)
    with pytest.raises(StoreError, match="not complete"):
        Generations().begin(Days(0, 1)).confirm(1)
    with pytest.raises(StoreError, match="another rebuild is open"):
        Generations().begin(Days(0, 1)).begin(Days(0, 1))
    with pytest.raises(StoreError, match="still being deleted"):
        Generations().begin(Days(0, 1)).undo(1).begin(Days(0, 1))


@given(st.lists(changes, max_size=20), st.lists(changes, max_size=12))
def test_a_generation_that_is_over_is_never_needed_again(
    steps: list[Callable[[Generations], Generations]],
    later: list[Callable[[Generations], Generations]],
) -> None:
    """So a slow sweep may delete what was over when it began, whatever has happened since."""
    states = after([*steps, *later])
    for before, then in combinations(states, 2):
        for day in DAYS:
            over = {n for n in range(then.latest + 1) if before.is_over(day, n)}
            assert over.isdisjoint(then.written(day))
            assert all(then.is_over(day, n) for n in over)


def test_a_slow_sweep_does_not_end_the_next_one() -> None:
    """It began before another rebuild was undone, whose rows are still there when it ends."""
    slow = Generations().begin(Days(0, 1)).undo(1)
    state = slow.swept(slow).begin(Days(2, 3)).undo(2)
    assert state.swept(slow).unswept == Days(2, 3)
    assert state.swept(state).unswept is None


@given(st.lists(changes, max_size=20))
def test_a_count_that_was_undone_or_is_not_shown_does_not_count(
    steps: list[Callable[[Generations], Generations]],
) -> None:
    """And one that was confirmed counts for ever, however often its days are rebuilt."""
    confirmed: set[int] = set()
    undone: set[int] = set()
    before = Generations()
    for state in after(steps):
        if before.rebuild and not state.rebuild:
            ended = undone if before.latest in state.undone else confirmed
            ended.add(before.latest)
        assert all(state.counts(number) for number in confirmed)
        assert not any(state.counts(number) for number in undone)
        if state.rebuild:
            assert state.counts(state.latest) == state.rebuild.shown
        before = state
