"""The time there is: how much is left, a part of it, and waiting until its end."""

from pipeline.deadline import NEVER, Deadline
from tests.support.clock import Sleeper


def test_the_time_that_is_left_shrinks_and_is_over() -> None:
    """At the deadline itself nothing more is begun."""
    sleeper = Sleeper()
    deadline = sleeper.deadline(10)
    assert (deadline.left, deadline.is_over) == (10, False)
    deadline.wait(4)
    assert deadline.left == 6
    deadline.wait(99)
    assert (sleeper.now, deadline.left, deadline.is_over) == (10, 0, True)
    deadline.wait(1)
    assert sleeper.now == 10


def test_a_part_of_the_time_never_ends_later_than_all_of_it() -> None:
    """An earlier deadline keeps its moment as time passes."""
    sleeper = Sleeper()
    deadline = sleeper.deadline(10)
    soon, late = deadline.within(3), deadline.within(60)
    deadline.wait(2)
    assert (soon.left, late.left) == (1, 8)


def test_no_deadline_is_never_over() -> None:
    """A part of unlimited time may be limited."""
    assert not NEVER.is_over
    assert NEVER.within(NEVER.left * 0.75) == NEVER
    assert 4 < NEVER.within(5).left <= 5
    assert 4 < Deadline.after(5).left <= 5
