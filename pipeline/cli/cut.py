"""A logged value in a table: cut in the middle where a terminal is too narrow for it."""

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

_LEAST = 12
_SIGN = "…"


class Cut:
    """A text of one line. A terminal shows its beginning and its end; in a file, or a pipe, it is
    folded instead, and nothing of it is lost."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        width = cell_len(self._text)
        return Measurement(min(width, _LEAST), width).with_maximum(options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if console.is_terminal:
            yield Text(cut(self._text, options.max_width), no_wrap=True)
        else:
            yield Text(self._text, overflow="fold")


def cut(text: str, width: int) -> str:
    """A text of at most so many cells: its beginning and its end, and `…` for what is between."""
    if cell_len(text) <= width:
        return text
    kept = max(0, width - 1)
    end = kept // 2
    head = set_cell_size(text, kept - end).rstrip()
    tail = set_cell_size(text[::-1], end).rstrip()[::-1]
    return head + _SIGN + tail
