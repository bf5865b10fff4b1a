"""The parts of a chart; the template turns them into SVG."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, log10
from typing import NamedTuple

from pipeline.answer.metrics import Number
from pipeline.page import paths, words
from pipeline.page.timeline import Timeline
from pipeline.page.words import Figure

HEADROOM = 1.05
"""How much higher than its highest value a chart is."""


class Key(NamedTuple):
    """An entry of the key: the shape of what it names, its figure, and its share in words."""

    shape: str
    name: str
    figure: str
    share: str = ""


class Tick(NamedTuple):
    """A value of the vertical axis, `y` pixels down; the lowest is the axis itself."""

    y: float
    text: str
    is_axis: bool


class Label(NamedTuple):
    """A text in a chart: at a percentage of its width, `y` pixels down."""

    x: float
    y: float
    text: str
    rest: str = ""
    anchor: str = "middle"
    dx: int = 0


class Layer(NamedTuple):
    """A path with the class that paints it."""

    paint: str
    data: str


class Table(NamedTuple):
    """A chart's figures by hour, day, week or month; `is_partial` if the window cuts one of
    them."""

    name: str
    unit: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    is_partial: bool


@dataclass
class Chart:
    """A chart of the buckets of a timeline; its plot begins `top` pixels down."""

    id: str
    title: str
    timeline: Timeline
    sub: str = ""
    key: Sequence[Key] = ()
    remark: str = ""
    description: str = ""
    top: int = 6
    tall: int = 120
    width: int = 0
    is_wide: bool = False
    ticks: Sequence[Tick] = ()
    areas: Sequence[Layer] = ()
    lines: Sequence[Layer] = ()
    before: str = ""
    rule: Label | None = None
    labels: list[Label] = field(default_factory=list)
    ends: Sequence[Label] = ()
    tips: Sequence[str] = ()
    table: Table | None = None

    def __post_init__(self) -> None:
        self.width = self.width or self.timeline.width

    @property
    def bottom(self) -> int:
        """Where the horizontal axis is, in pixels."""
        return self.top + self.tall

    def y(self, value: Number, low: float, high: float) -> float:
        """How many pixels down a value is."""
        return round(self.top + self.tall * (1 - (value - low) / ((high - low) or 1)), 1)

    def grid(
        self,
        low: float,
        high: float,
        name: Callable[[float], str],
        values: Sequence[float] | None = None,
    ) -> None:
        """Lines at round values between these, or at the given ones."""
        values = paths.ticks(low, high) if values is None else values
        self.ticks = [Tick(self.y(each, low, high), name(each), each == low) for each in values]
        if not any(tick.is_axis for tick in self.ticks):
            self.ticks = [*self.ticks, Tick(self.bottom, "", is_axis=True)]


def peak(values: paths.Values) -> int | None:
    """The place of the highest value, the first of several; None if all are 0 or unknown."""
    known = [(value, -place) for place, value in enumerate(values) if value]
    if not known:
        return None
    value = max(known)
    return -value[1]


def labelled(
    chart: Chart, values: paths.Values, high: float, name: Callable[[Number], Figure]
) -> None:
    """Name the highest value, with when it was, above its place and inside of the chart."""
    place = peak(values)
    if place is None:
        return
    value = values[place] or 0
    x = chart.timeline.at(place + 0.5)
    chart.labels.append(
        Label(
            x,
            chart.y(value, 0, high) - 5,
            str(name(value)),
            f" · {chart.timeline.brief(place)}",
            *_side(x),
        )
    )


def _side(x: float) -> tuple[str, int]:
    """How a label at `x` is anchored so that it stays in the chart, and moved."""
    if x < 12:
        return "start", 0
    return ("end", 0) if x > 88 else ("middle", 0)


def apart(ys: Sequence[float], least: float = 12) -> list[float]:
    """The same heights in their order, moved so that texts there do not touch."""
    moved: list[float] = []
    for y in ys:
        moved.append(max(y, moved[-1] + least) if moved else y)
    return moved


def decades(values: Sequence[Number]) -> tuple[int, int]:
    """The powers of ten between which all values lie; at least one apart."""
    known = [
        value for value in paths.logarithms([each for each in values if each]) if value is not None
    ]
    if not known:
        return 0, 3
    low, high = floor(min(known)), ceil(max(known))
    return low, max(high, low + 1)


def round_powers(low: int, high: int) -> list[float]:
    """The logarithms to mark between two powers of ten: of all powers, and if there are only two,
    of twice and five times the lower one."""
    if high - low > 1:
        return [float(power) for power in range(low, high + 1)]
    return [low + log10(factor) for factor in (1, 2, 5, 10)]


def milliseconds(power: float) -> str:
    """A power of ten of milliseconds."""
    value = float(f"{10.0**power:.3g}")
    if value >= 1000:
        return f"{value / 1000:,.0f}{words.NBSP}s"
    return f"{value:g}{words.NBSP}ms"
