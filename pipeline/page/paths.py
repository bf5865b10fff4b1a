"""SVG path data, and axes: numbers → the few characters that draw them."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import ceil, floor, log10

from pipeline.answer.metrics import Number

Values = Sequence[Number | None]


def steps(values: Values, top: float) -> str:
    """The area below a step for each value, one unit wide; 100 is the axis, 0 is `top`."""
    heights = "h1".join(f"V{_short(_y(value or 0, top))}" for value in values)
    return f"M0 100{heights}h1V100z" if heights else ""


def line(ys: Sequence[float | None], start: float = 0.5, digits: int = 1) -> str:
    """A line through points one unit apart; it breaks where there is none. A point alone is a dash
    as wide as its unit: it would not be seen else."""
    parts: list[str] = []
    last: float | None = None
    for place, y in enumerate(ys):
        if y is None:
            last = None
            continue
        at = round(y, digits)
        if last is not None:
            parts.append(f"l1 {_short(round(at - last, digits))}")
        elif place + 1 < len(ys) and ys[place + 1] is not None:
            parts.append(f"M{_short(place + start)} {_short(at)}")
        else:
            parts.append(f"M{_short(place + start - 0.5)} {_short(at)}h1")
        last = at
    return "".join(parts)


def filled(line_data: str, width: int, bottom: float) -> str:
    """The area below a line that does not break, down to the bottom."""
    return f"{line_data}V{_short(bottom)}H0z" if line_data.count("M") == 1 and width else ""


def heights(values: Values, low: float, high: float, height: float = 100) -> list[float | None]:
    """Where each value is, between `low` at the bottom and `high` at the top."""
    span = (high - low) or 1
    return [None if value is None else height * (1 - (value - low) / span) for value in values]


def logarithms(values: Values) -> list[float | None]:
    """The decimal logarithm of each value; a value below a thousandth counts as that."""
    return [None if value is None else log10(max(value, 0.001)) for value in values]


def stacked(*layers: Values) -> list[list[Number]]:
    """The sums of the layers from the first on, the total last."""
    columns = [
        list(accumulate(value or 0 for value in column)) for column in zip(*layers, strict=True)
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def ticks(low: float, high: float) -> list[float]:
    """Two to five round values of an axis that goes from `low` to `high`."""
    span = high - low
    if span <= 0:
        return [low]
    step = _round_step(span / 4.5)
    first = ceil(low / step - 1e-9)
    return [place * step for place in range(first, floor(high / step + 1e-9) + 1)]


def whole_ticks(high: float) -> list[float]:
    """Round whole numbers of an axis that goes from 0 to `high`."""
    return [value for value in ticks(0, high) if value == round(value)]


def _round_step(least: float) -> float:
    power = 10.0 ** floor(log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * 0.999)


def grouped(values: Values, most: int) -> list[list[Number | None]]:
    """The values in at most `most` groups of the same size; the last may be smaller."""
    each = max(1, ceil(len(values) / most))
    return [list(values[place : place + each]) for place in range(0, len(values), each)]


def crossings(days: Sequence[object]) -> list[tuple[int, int]]:
    """Where runs of equal values begin and end."""
    edges = [0, *(place for place, (a, b) in enumerate(pairwise(days), 1) if a != b), len(days)]
    return list(pairwise(edges))


def _y(value: Number, top: float) -> float:
    return round(100 * (1 - value / top), 1) if top else 100


def _short(number: float) -> str:
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
