"""Figures and logged values as people read them."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import unquote

from pipeline.api.render import NOT_LOGGED

T = TypeVar("T")


def safe(text: str) -> str:
    """The text with everything unprintable escaped: a log line may hold terminal commands."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def decoded(text: str) -> str:
    """A path or agent as people read it: percent-decoded once, unprintable characters escaped."""
    return safe(unquote(text, errors="replace"))


def or_not_logged(figure: T | None, tell: Callable[[T], str]) -> str:
    """A figure as `tell` tells it; that it is not in the logs if it is None."""
    return NOT_LOGGED if figure is None else tell(figure)


def human_bytes(count: int) -> str:
    """Bytes with a unit, e.g. `1.5 GB` (powers of 1,000)."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000:
            return f"{value:,.0f} {unit}" if unit == "B" else f"{value:,.1f} {unit}"
        value /= 1000
    return f"{value:,.1f} PB"


def share_of(part: int, whole: int) -> str:
    """A part of a whole in percent; a small one is never shown as none."""
    percent = 100 * part / whole
    return f"{percent:.1f} %" if percent >= 0.1 or not part else "<0.1 %"


def change_of(now: float | None, before: float | None) -> str:
    """The change from one figure to another in percent: `+12.5 %`; a word where there is none."""
    if now is None or before is None:
        return "unknown"
    if not before:
        return "new" if now else "same"
    return f"{100 * (now - before) / before:+,.1f} %" if now != before else "same"
