"""A view as Markdown: its figures and its lists as tables."""

from collections.abc import Iterator, Sequence

from pipeline.page.figures import Shown
from pipeline.page.panels import List
from pipeline.page.view import View

_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>()#+!|~"})


def markdown(view: View) -> str:
    """The view as text."""
    return "\n".join(_lines(view)) + "\n"


def _lines(view: View) -> Iterator[str]:
    yield f"# {_safe(view.heading)}"
    yield ""
    yield f"Counted up to {view.times.counted_up_to}."
    yield ""
    yield from _figures(view.figures)
    if not view.cells:
        yield view.unlisted
        yield ""
    for cell in view.cells:
        for one in cell:
            yield from _list(one)
    account = view.account
    yield "## Its own account"
    yield ""
    yield (
        f"{account.objects} log objects, {account.lines} lines = {account.counted} counted + "
        f"{account.rejected} rejected."
    )
    for note in account.notes:
        yield ""
        yield f"{note.name}: {_safe(note.text)}"


def _figures(figures: Sequence[Shown]) -> Iterator[str]:
    """The figures; with those of another window, if there is one."""
    rows = [[it.name, str(it.figure)] for it in figures]
    if not any(it.change for it in figures):
        yield from table(["figure", "value"], rows)
        return
    was = [[it.change.was, it.change.text] if it.change else ["", ""] for it in figures]
    rows = [row + more for row, more in zip(rows, was, strict=True)]
    yield from table(["figure", "value", "was", "change"], rows)


def _list(one: List) -> Iterator[str]:
    yield f"## {one.caption}"
    yield ""
    if one.refused:
        yield f"Not kept together with {one.refused}."
        yield ""
        return
    head = [one.panel.head, *(column.head for column in one.columns)]
    yield from table(head, [[line.title or line.text, *line.cells] for line in one.lines])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table; nothing in a cell is read as Markdown."""
    yield f"| {' | '.join(head)} |"
    yield "|---" + "|---:" * (len(head) - 1) + "|"
    for row in rows:
        yield f"| {' | '.join(map(_safe, row))} |"
    yield ""


def _safe(text: str) -> str:
    """A text with nothing that Markdown, or HTML inside of it, would read as its own."""
    return text.translate(_SPECIAL).replace("&", "&amp;")
