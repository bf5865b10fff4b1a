"""The changes that `make mutants` makes."""

import pytest

from tests.mutation.__main__ import ROOT
from tests.mutation.changes import changes
from tests.mutation.holes import HOLES, Hole
from tests.mutation.slips import SLIPS

MODULE = '''"""A module."""

def f(a: int, b: int = 1) -> bool:
    """A function."""
    g("text", key=True)
    if not a or b < 3:
        raise ValueError(f"{a + 1}")
    return a == b
'''


def test_every_small_change_is_found_and_compiles() -> None:
    """Not of annotations and texts, nor of what only describes an error."""
    found = {(change.line, change.old, change.new) for change in changes(MODULE)}
    assert found == {
        (3, "1", "2"),
        (5, 'g("text", key=True)', "pass"),
        (5, 'g("text", key=True)', "g('text')"),
        (5, "True", "False"),
        (6, "not a or b < 3", "((not a) and (b < 3))"),
        (6, "not a or b < 3", "(not a)"),
        (6, "not a or b < 3", "(b < 3)"),
        (6, "not a", "(a)"),
        (6, "b < 3", "b <= 3"),
        (6, "3", "4"),
        (7, 'raise ValueError(f"{a + 1}")', "pass"),
        (8, "a == b", "a != b"),
    }


def test_a_change_is_put_where_it_belongs() -> None:
    """Behind characters of several bytes too."""
    text = 'x = "→", 1 < 2\n'
    (first, *_) = [change for change in changes(text) if change.old == "1 < 2"]
    assert first.of(text) == 'x = "→", 1 <= 2\n'


@pytest.mark.parametrize("hole", [*HOLES, *SLIPS], ids=lambda hole: hole.name)
def test_every_fault_of_before_can_be_put_back(hole: Hole) -> None:
    """The code has what mends it, once, and compiles without."""
    text = (ROOT / hole.file).read_text()
    broken = hole.change(text).of(text)
    assert broken != text
    if hole.file.endswith(".py"):
        compile(broken, hole.file, "exec")
    with pytest.raises(ValueError, match="has not once"):
        hole.change(text.replace(hole.mended, ""))
