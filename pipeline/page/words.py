"""Figures as people read them: short, with their unit, and exact in a title where they are not."""

from typing import NamedTuple

from pipeline.answer.metrics import Number

NBSP = "\u00a0"
NOTHING = "–"
_EXACT = 9_999_999
_TIMES = 10
"""From so many times as much on, a change is told as a factor."""


class Figure(NamedTuple):
    """A figure's number, its unit ("" if it has none), and its exact value if it was cut."""

    number: str
    unit: str = ""
    exact: str = ""

    def __str__(self) -> str:
        return f"{self.number}{NBSP}{self.unit}" if self.unit else self.number


class Change(NamedTuple):
    """A change in words, the value it began from, and whether it is for the worse."""

    text: str
    was: str = ""
    is_worse: bool = False


UNKNOWN = Figure(NOTHING)


def count(number: Number | None) -> Figure:
    """A count: whole up to 9,999,999, then in millions and beyond."""
    if number is None:
        return UNKNOWN
    if number <= _EXACT:
        return Figure(f"{number:,}")
    return _scaled(number, ("", "k", "M", "G", "T"), f"{number:,}")


def size(number: Number | None) -> Figure:
    """Bytes, in powers of 1,000."""
    if number is None:
        return UNKNOWN
    return _scaled(number, ("B", "kB", "MB", "GB", "TB", "PB"), f"{number:,} bytes")


def rate(bits_per_second: Number | None) -> Figure:
    """Bits per second, in powers of 1,000."""
    if bits_per_second is None:
        return UNKNOWN
    exact = f"{bits_per_second:,} bit/s"
    return _scaled(bits_per_second, ("bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"), exact)


def time(milliseconds: Number | None) -> Figure:
    """A time: whole milliseconds below a second, then seconds."""
    if milliseconds is None:
        return UNKNOWN
    if milliseconds < 1000:
        digits = 0 if milliseconds >= 10 or milliseconds == 0 else 1
        return Figure(f"{milliseconds:.{digits}f}", "ms")
    return Figure(f"{milliseconds / 1000:,.1f}", "s")


def percent(ratio: Number | None, digits: int = 1) -> Figure:
    """A ratio of 0 to 1 as a percentage; one that would be shown as 0 and is not, as less."""
    if ratio is None:
        return UNKNOWN
    least = 10.0**-digits
    if 0 < 100 * ratio < least / 2:
        return Figure(f"<{least:.{digits}f}", "%")
    return Figure(f"{100 * ratio:.{digits}f}", "%")


def share(part: Number, whole: Number, digits: int = 1) -> Figure:
    """A part as a percentage of a whole."""
    return percent(part / whole if whole else None, digits)


def growth(now: Number | None, before: Number | None, digits: int = 1) -> str:
    """How much more or less it is than before."""
    if now is None or before is None or (not now and not before):
        return NOTHING
    if not before:
        return "new"
    change = (now - before) / before
    if change >= _TIMES:
        return f"↑ ×{now / before:,.0f}"
    return _signed(100 * change, digits, "%")


def points(now: float | None, before: float | None, digits: int = 1) -> str:
    """How many percentage points more or less a ratio is than before."""
    if now is None or before is None:
        return NOTHING
    return _signed(100 * (now - before), digits, "pt")


def _signed(value: float, digits: int, unit: str) -> str:
    text = f"{abs(value):.{digits}f}"
    if not float(text):
        return f"{text}{NBSP}{unit}"
    arrow, sign = ("↑", "+") if value > 0 else ("↓", "−")
    return f"{arrow} {sign}{text}{NBSP}{unit}"


def _scaled(number: Number, units: tuple[str, ...], exact: str) -> Figure:
    value, place = float(number), 0
    while round(value) >= 1000 and place < len(units) - 1:
        value, place = value / 1000, place + 1
    if not place:
        return Figure(f"{number:,.0f}", units[0])
    digits = 1 if value < 99.95 else 0
    return Figure(f"{value:,.{digits}f}", units[place], exact)
