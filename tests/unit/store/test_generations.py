"""The pointer's laws, whatever is begun, shown, confirmed and undone."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import StoreError
from pipeline.store.generations import Days, Generations

DAYS = range(12)
days = st.tuples(st.integers(0, 10), st.integers(1, 6)).map(lambda d: Days(d[0], d[0] + d[1]))
changes: "st.SearchStrategy[Callable[[Generations], Generations]]" = st.one_of(
    days.map(lambda d: lambda found: found.begin(d)),
    st.sampled_from([Generations.show, Generations.confirm, Generations.undo, Generations.swept]),
)


def after(steps: list[Callable[[Generations], Generations]]) -> list[Generations]:
    """The pointer after each change that was possible."""
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
    for pointer in found:
        for day in DAYS:
            assert pointer.read(day) in pointer.written(day)
            assert max(pointer.written(day)) <= pointer.latest
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
        before = before.undo()
    opened = before.begin(chosen)
    shown = opened.show()
    for day in DAYS:
        assert opened.read(day) == before.read(day)
        assert opened.undo().read(day) == shown.undo().read(day) == before.read(day)
        new = opened.latest if day in chosen else before.read(day)
        assert shown.read(day) == shown.confirm().read(day) == new
        assert shown.confirm().written(day) == [new]


@given(st.lists(changes, max_size=20))
def test_the_pointer_is_stored_whole(
    steps: list[Callable[[Generations], Generations]],
) -> None:
    """Read back, it is the same."""
    pointer = after(steps)[-1]
    assert Generations.from_json(pointer.to_json()) == pointer


def test_settled_days_that_are_rebuilt_again_are_not_kept() -> None:
    """The pointer does not grow with every rebuild of the same days."""
    pointer = Generations()
    for _ in range(50):
        pointer = pointer.begin(Days(3, 9)).show().confirm().swept()
    assert len(pointer.settled) == 1
    assert pointer.read(3) == 50


def test_what_is_not_open_cannot_be_ended() -> None:
    """And what is not complete cannot be kept."""
    for change in (Generations.show, Generations.confirm, Generations.undo):
        with pytest.raises(StoreError, match="no rebuild is open"):
            change(Generations())
    with pytest.raises(StoreError, match="not complete"):
        Generations().begin(Days(0, 1)).confirm()
    with pytest.raises(StoreError, match="another rebuild is open"):
        Generations().begin(Days(0, 1)).begin(Days(0, 1))
