"""The columns of a time series, and the charts that are made of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.answer.metrics import Number
from pipeline.answer.overview import Before, Overview
from pipeline.page import paths, words
from pipeline.page.charts import (
    HEADROOM,
    Chart,
    Key,
    Label,
    Layer,
    Table,
    labelled,
    peak,
)
from pipeline.page.timeline import Timeline

_SECONDS = {"hour": 3600}
"""The buckets in which a rate is as high as its bytes: in longer ones it would stand above all."""
_LEAST_SLOTS = 20
"""Of fewer five minutes the 95th percentile is the highest."""
CLASSES = ("hit", "miss", "other", "error")
Cells = Callable[[Any], Sequence[str]]
PAINTS = {"hit": "fh", "miss": "fm", "other": "fo", "error": "fe"}


@dataclass(frozen=True)
class Series:
    """The buckets of an overview, by columns; `table` are those of the tables below the charts,
    with their timeline. `unit` names a bucket."""

    overview: Overview
    before: Before | None
    timeline: Timeline
    table: Overview
    table_timeline: Timeline
    before_name: str = ""

    @property
    def unit(self) -> str:
        """One bucket of a series."""
        return self.timeline.by

    def column(self, name: str) -> list[Number | None]:
        """A metric by bucket."""
        return column(self.overview, name)

    def table_of(self, name: str, head: Sequence[str], cells: Cells) -> Table:
        """The table of a chart: `cells` gives the texts of a bucket."""
        timeline = self.table_timeline
        rows = [
            [timeline.bucket(place) + ("*" if timeline.is_partial(place) else ""), *cells(bucket)]
            for place, bucket in enumerate(self.table.series)
        ]
        is_partial = any(map(timeline.is_partial, range(timeline.width)))
        return Table(name, timeline.by, head, rows, is_partial)


def column(overview: Overview, name: str) -> list[Number | None]:
    """A metric by bucket."""
    return [getattr(bucket, name) for bucket in buckets_of(overview)]


def buckets_of(overview: Overview) -> list[Any]:
    """The buckets, whose shape is made of the table of metrics."""
    return overview.series


def classes(bucket: Any) -> dict[str, int | None]:
    """The requests of a bucket, or of a whole window, in classes of result types that add up.
    None for a class that cannot be told, as the errors with a filter: its requests are among the
    others."""
    error = bucket.result_errors
    rest = bucket.requests - (bucket.hits or 0) - (bucket.misses or 0)
    return {
        "hit": bucket.hits,
        "miss": bucket.misses,
        "other": rest - (error or 0),
        "error": error,
    }


class Totals:
    """The figures of a whole window, with their names as attributes."""

    def __init__(self, figures: Any) -> None:
        self.__dict__.update(figures)


def requests_chart(series: Series) -> Chart:
    """Requests, stacked by class, with those of the other window as a line."""
    timeline = series.timeline
    columns = [classes(bucket) for bucket in series.overview.series]
    total = [int(value or 0) for value in series.column("requests")]
    earlier = series.before.series[: timeline.width] if series.before else []
    high = HEADROOM * max(1, *total, *earlier)
    chart = Chart(
        "requests", "Requests", timeline, f"per {series.unit}", top=20, tall=200, is_wide=True
    )
    chart.grid(0, high, _whole, paths.whole_ticks(high))
    chart.areas = _stack(columns, high)
    chart.before = paths.line(paths.heights(earlier, 0, high)) if any(earlier) else ""
    labelled(chart, total, high, words.count)
    whole = classes(Totals(series.overview.figures))
    requests = series.overview.figures["requests"] or 0
    chart.key = [
        Key(name, name, str(words.count(whole[name])), str(_share(whole[name], requests)))
        for name in CLASSES
    ]
    if series.before and chart.before:
        was = words.count(series.before.figures["requests"])
        chart.key = [*chart.key, Key("before", series.before_name, str(was))]
    place = peak(total)
    most = (
        ""
        if place is None
        else f"; most in one {series.unit}: {total[place]:,}, {timeline.bucket(place)}"
    )
    shares = ", ".join(f"{key.share} {key.name}" for key in chart.key[:4])
    chart.description = f"{requests:,} requests{most}. {shares}."
    chart.tips = [_tip(timeline, place, total[place], each) for place, each in enumerate(columns)]
    chart.table = series.table_of(
        "Requests",
        ("requests", *CLASSES),
        (lambda each: [f"{each.requests:,}", *map(str, map(words.count, classes(each).values()))]),
    )
    return chart


def _share(part: Number | None, whole: Number) -> words.Figure:
    return words.UNKNOWN if part is None else words.share(part, whole)


def _whole(value: float) -> str:
    return str(words.count(round(value)))


def _stack(columns: Sequence[dict[str, int | None]], high: float) -> list[Layer]:
    """One area for each class, from the highest down: later ones cover the lower part."""
    sums = paths.stacked(*([each[name] or 0 for each in columns] for name in CLASSES))
    layers = zip(CLASSES, sums, strict=True)
    return [Layer(PAINTS[name], paths.steps(values, high)) for name, values in layers][::-1]


def _tip(timeline: Timeline, place: int, requests: int, of: dict[str, int | None]) -> str:
    grows = " (may still grow)" if place >= timeline.growing else ""
    parts = (f"{of[name]:,} {name}" for name in ("hit", "miss", "error") if of[name] is not None)
    return f"{timeline.bucket(place)} – {requests:,}: {', '.join(parts)}{grows}"


def bytes_chart(series: Series) -> Chart:
    """Bytes, by five minutes where they are kept, with the rate that carriers bill by."""
    fine = series.overview.five_minutes
    values: Sequence[Number | None] = (
        series.column("bytes") if fine is None else fine.bytes or [None] * len(fine.requests)
    )
    unit, seconds = ("5 minutes", 300) if fine else (series.unit, _SECONDS.get(series.unit, 0))
    total, rate = series.overview.figures["bytes"], series.overview.figures["bits_per_second_p95"]
    most, billed = max(1, *(value or 0 for value in values), 1), (rate or 0) * seconds / 8
    high = HEADROOM * (max(most, billed) if billed <= 2 * most else most)
    chart = Chart("bytes", "Bytes", series.timeline, f"per {unit}", width=_fine_width(series))
    chart.grid(0, high, lambda value: str(words.size(round(value))), paths.whole_ticks(high))
    chart.areas = [Layer("fh", paths.steps(values, high))]
    chart.key = [Key("", "sent", str(words.size(total)))]
    chart.description = f"{words.size(total)} sent."
    if rate == 0 and total:
        chart.remark = "95 of 100 five minutes had no traffic"
        chart.description += f" {chart.remark}."
    elif rate is not None and _slots(series.overview) >= _LEAST_SLOTS:
        _tell_rate(chart, rate, billed if seconds and billed < high else None, high)
    chart.table = series.table_of(
        "Bytes",
        ("bytes", "mean rate"),
        (lambda each: [str(words.size(each.bytes)), _mean_rate(each)]),
    )
    return chart


def _tell_rate(chart: Chart, rate: Number, billed: float | None, high: float) -> None:
    """The 95th percentile of the five-minute rates, as a line where it is `billed` bytes a step."""
    chart.description += f" 95 of 100 five-minute rates were at most {words.rate(rate)}."
    of_bill = ", as carriers bill" if chart.timeline.is_within_month else ""
    if billed is not None:
        text = f"95th percentile {words.rate(rate)}"
        chart.rule = Label(0, chart.y(billed, 0, high), text)
        chart.remark = f"95th percentile of 5-minute rates{of_bill}"
    else:
        chart.key = [*chart.key, Key("", "95th percentile", str(words.rate(rate)))]
        chart.remark = f"of 5-minute rates{of_bill}"


def _slots(overview: Overview) -> float:
    """The five minutes between the first and the last request."""
    if overview.first is None or overview.newest is None:
        return 0
    first, newest = map(datetime.fromisoformat, (overview.first, overview.newest))
    return (newest - first).total_seconds() / 300


def _fine_width(series: Series) -> int:
    """The width of the chart in five minutes, of which those to come are empty."""
    return series.timeline.width * 12 if series.overview.five_minutes else 0


def _mean_rate(bucket: Any) -> str:
    start, end = (datetime.fromisoformat(each) for each in (bucket.start, bucket.end))
    if bucket.bytes is None:
        return words.NOTHING
    return str(words.rate(round(8 * bucket.bytes / (end - start).total_seconds())))


def errors_chart(series: Series) -> Chart:
    """Answers with 4xx, and those with 5xx before them."""
    figures = series.overview.figures
    of_viewer, of_server = (
        [int(v or 0) for v in series.column(f"errors_{each}xx")] for each in (4, 5)
    )
    both = [a + b for a, b in zip(of_viewer, of_server, strict=True)]
    high = HEADROOM * max(1, *both)
    chart = Chart("errors", "Errors", series.timeline, f"per {series.unit}")
    chart.grid(0, high, _whole, paths.whole_ticks(high))
    chart.areas = [Layer("fe", paths.steps(both, high)), Layer("f5", paths.steps(of_server, high))]
    labelled(chart, both, high, words.count)
    chart.key = [
        Key("error", "4xx", str(words.count(figures["errors_4xx"]))),
        Key("error5", "5xx", str(words.count(figures["errors_5xx"]))),
    ]
    place = peak(both)
    most = (
        ""
        if place is None
        else f"; most in one {series.unit}: {both[place]:,}, {series.timeline.bucket(place)}"
    )
    chart.description = (
        f"{chart.key[0].figure} answers with 4xx and {chart.key[1].figure} with 5xx{most}."
    )
    chart.table = series.table_of(
        "Errors",
        ("4xx", "5xx", "share"),
        (
            lambda each: [
                str(words.count(each.errors_4xx)),
                str(words.count(each.errors_5xx)),
                str(_share(_errors(each), each.requests)),
            ]
        ),
    )
    return chart


def _errors(bucket: Any) -> int | None:
    return None if bucket.errors_4xx is None else bucket.errors_4xx + bucket.errors_5xx
