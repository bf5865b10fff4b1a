"""An object that was read to its end, and the settings of reading."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.read.layout import Layout
from pipeline.read.limits import Limits
from pipeline.schema.dimensions import DEFAULT_CAPS, NO_CAPS, Caps
from pipeline.sites import Place
from pipeline.tally.native.library import is_built
from pipeline.tally.visitors import Visitors


@dataclass(frozen=True, slots=True)
class Reading:
    """The way to read objects: the configured layouts of those without a header, the limits, the
    hashing of visitors, the caps of tables, and the number of threads. `native` says whether the
    kernel counts plain lines. `on_lines` is called with the number of lines that were just read."""

    configured: tuple[Layout, ...] = ()
    limits: Limits = Limits()
    visitors: Visitors = field(default_factory=lambda: Visitors(b""))
    caps: Caps = field(default_factory=lambda: DEFAULT_CAPS)
    workers: int = 1
    native: bool = field(default_factory=is_built)
    on_lines: Callable[[int], None] = lambda count: None

    @property
    def engine(self) -> str:
        """The name of the engine that counts plain lines."""
        return "native" if self.native else "arrow"


@dataclass(frozen=True, slots=True)
class Parsed:
    """An object that was read to its end: aggregates by hour and site, and its lines.

    `container`, `format` and `layouts` say what it was found to be, and `layout` where its fields
    are from. `first` has the number of the first rejected line of each reason, from 1.
    Lines = `records` + Σ `rejected`.
    """

    container: str
    format: str
    layouts: Sequence[Layout]
    layout: str
    rows: dict[Place, HourlyAggregate]
    records: int
    rejected: Counter[str]
    first: Mapping[str, int]

    @property
    def hours(self) -> dict[int, HourlyAggregate]:
        """The aggregates of all sites together, by hour since the epoch."""
        of_hours: dict[int, list[HourlyAggregate]] = {}
        for place, aggregate in self.rows.items():
            of_hours.setdefault(place.hour, []).append(aggregate)
        return {
            hour: parts[0] if len(parts) == 1 else merge(parts, NO_CAPS)
            for hour, parts in of_hours.items()
        }
