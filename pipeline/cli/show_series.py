"""A time series as a table, as Markdown, CSV and JSON."""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.table import Table

from pipeline.answer.calendar import By
from pipeline.answer.metrics import METRICS
from pipeline.api.render import as_csv
from pipeline.cli.console import out
from pipeline.cli.words import change_of, human_bytes
from pipeline.hour.five_minutes import Slots
from pipeline.page.markdown import table as markdown_table
from pipeline.schema.fields import SPELLINGS

_LABEL_CHARACTERS: Mapping[By, int] = {"hour": 16, "day": 10, "week": 10, "month": 7}


@dataclass(frozen=True)
class Series:
    """The answer to a question for a time series, its metrics, and what its buckets are."""

    answer: Any
    metrics: tuple[str, ...]
    by: By

    @property
    def has_requests(self) -> bool:
        """Whether any bucket has a figure that is not 0, or requests whose logs lack a field."""
        figures = (getattr(row, name) for row in self.answer.data for name in self.metrics)
        return any(figures) or any(self.answer.meta.lacking.values())

    @property
    def remarks(self) -> Iterator[str]:
        """The figures that are unknown, or of a part of the requests, and why."""
        fields = {SPELLINGS[field][0] for name in self.metrics for field in METRICS[name].fields}
        lacking: Mapping[str, int] = self.answer.meta.lacking
        for field in sorted(fields & lacking.keys()):
            yield (
                f"{field}: not in the logs of {lacking[field]:,} requests; figures made of it "
                "count the others, and are unknown if there are none"
            )
        starts = (datetime.fromisoformat(bucket.start) for bucket in self.answer.data)
        unsummed = [name for name in self.metrics if name not in Slots._fields]
        if unsummed and any(start.astimezone(UTC).minute for start in starts):
            yield (
                f"Not kept by five minutes, so unknown in hours and days of "
                f"{self.answer.meta.query.tz}: {', '.join(unsummed)}; --tz UTC has them"
            )

    @property
    def head(self) -> list[str]:
        """The names of the columns."""
        end = [] if self._is_complete else [""]
        return [self.by, *(name.replace("_", " ") for name in self.metrics), *end]

    def rows(self) -> Iterator[list[str]]:
        """The cells of each bucket: its start, its metrics, and a word if it is not complete."""
        comparison = self.answer.compare
        before = comparison.data if comparison else []
        for place, bucket in enumerate(self.answer.data):
            earlier = before[place] if place < len(before) else None
            figures = (_cell(name, bucket, earlier, bool(comparison)) for name in self.metrics)
            start = bucket.start[: _LABEL_CHARACTERS[self.by]].replace("T", " ")
            end = [] if self._is_complete else ["" if bucket.complete else "not complete"]
            yield [start, *figures, *end]

    @property
    def _is_complete(self) -> bool:
        return all(bucket.complete for bucket in self.answer.data)


def _cell(name: str, bucket: Any, earlier: Any, is_compared: bool) -> str:
    now = getattr(bucket, name)
    figure = _figure(name, now)
    if not is_compared:
        return figure
    return f"{figure} ({change_of(now, earlier and getattr(earlier, name))})"


def _figure(name: str, value: float | None) -> str:
    unit = METRICS[name].unit
    if value is None:
        return "unknown"
    if unit == "ratio":
        return f"{100 * value:.2f} %"
    if unit == "bytes":
        return human_bytes(int(value))
    return f"{value:,.0f} ms" if unit == "milliseconds" else f"{value:,}"


def _as_table(series: Series) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, name in enumerate(series.head):
        figures = 0 < place <= len(series.metrics)
        table.add_column(name, justify="right" if figures else "left", no_wrap=not place)
    for row in series.rows():
        table.add_row(*row)
    out.print(table)


def _as_json(series: Series) -> None:
    print(msgspec.json.format(msgspec.json.encode(series.answer), indent=2).decode())


def _as_csv(series: Series) -> None:
    sys.stdout.write(as_csv(msgspec.to_builtins(series.answer.data)).decode())


def _as_markdown(series: Series) -> None:
    print("\n".join(markdown_table(series.head, list(series.rows()))))


SERIES_FORMS: Mapping[str, Callable[[Series], None]] = {
    "table": _as_table,
    "json": _as_json,
    "csv": _as_csv,
    "md": _as_markdown,
}
"""The forms of a series."""
