"""The columns of a time series, and the charts that are made of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    apart,
    decade,
    decades,
    labelled,
    peak,
)
from pipeline.page.timeline import Timeline

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
        """What a bucket is."""
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


def classes(bucket: Any) -> dict[str, int]:
    """The requests of a bucket, of a whole window or of a listed value in classes that add up: by
    result type where it is known, else errors by status."""
    rest = bucket.requests - bucket.hits - bucket.misses
    error = getattr(bucket, "result_errors", None)
    if error is None:
        error = min(rest, bucket.errors_4xx + bucket.errors_5xx)
    return {"hit": bucket.hits, "miss": bucket.misses, "other": rest - error, "error": error}


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
    chart.grid(0, high, lambda value: str(words.count(round(value))))
    chart.areas = _stack(columns, high)
    chart.before = paths.line(paths.heights(earlier, 0, high)) if any(earlier) else ""
    labelled(chart, total, high, words.count)
    whole = classes(Totals(series.overview.figures))
    requests = series.overview.figures["requests"] or 0
    chart.key = [
        Key(name, name, str(words.count(whole[name])), str(words.share(whole[name], requests)))
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
        (lambda each: [f"{each.requests:,}", *(f"{classes(each)[name]:,}" for name in CLASSES)]),
    )
    return chart


def _stack(columns: Sequence[dict[str, int]], high: float) -> list[Layer]:
    """One area for each class, from the highest down: later ones cover the lower part."""
    sums = paths.stacked(*([each[name] for each in columns] for name in CLASSES))
    layers = zip(CLASSES, sums, strict=True)
    return [Layer(PAINTS[name], paths.steps(values, high)) for name, values in layers][::-1]


def _tip(timeline: Timeline, place: int, requests: int, of: dict[str, int]) -> str:
    grows = " (may still grow)" if place >= timeline.growing else ""
    return (
        f"{timeline.bucket(place)} – {requests:,}: {of['hit']:,} hit, {of['miss']:,} miss, "
        f"{of['error']:,} error{grows}"
    )


def bytes_chart(series: Series) -> Chart:
    """Bytes, by five minutes where they are kept, with the rate that carriers bill by."""
    fine = series.overview.five_minutes
    values: Sequence[Number | None] = fine.bytes if fine else series.column("bytes")
    unit, seconds = ("5 minutes", 300) if fine else (series.unit, 0)
    high = HEADROOM * max(1, *(value or 0 for value in values), 1)
    chart = Chart("bytes", "Bytes", series.timeline, f"per {unit}", width=_fine_width(series))
    chart.grid(0, high, lambda value: str(words.size(round(value))))
    chart.areas = [Layer("fh", paths.steps(values, high))]
    total, rate = series.overview.figures["bytes"], series.overview.figures["bits_per_second_p95"]
    chart.key = [Key("", "sent", str(words.size(total)))]
    chart.description = f"{words.size(total)} sent."
    if rate is not None:
        text = f"95th percentile {words.rate(rate)}"
        chart.remark = "95th percentile of 5-minute rates, as carriers bill"
        chart.description += f" 95 of 100 five-minute rates were at most {words.rate(rate)}."
        if seconds:
            y = chart.y(rate * seconds / 8, 0, high)
            chart.rule = Label(0, y, text)
        else:
            chart.key = [*chart.key, Key("", "95th percentile", str(words.rate(rate)))]
            chart.remark = "of 5-minute rates, as carriers bill"
    chart.table = series.table_of(
        "Bytes",
        ("bytes", "mean rate"),
        (lambda each: [str(words.size(each.bytes)), _mean_rate(each)]),
    )
    return chart


def _fine_width(series: Series) -> int:
    """The width of the chart in five minutes, of which those to come are empty."""
    return series.timeline.width * 12 if series.overview.five_minutes else 0


def _mean_rate(bucket: Any) -> str:
    from datetime import datetime

    start, end = (datetime.fromisoformat(each) for each in (bucket.start, bucket.end))
    return str(words.rate(round(8 * bucket.bytes / (end - start).total_seconds())))


_PERCENTILES = (("p50", "lh"), ("p95", "lm"), ("p99", "lo"))


def time_chart(series: Series) -> Chart:
    """Percentiles of the time taken on a logarithmic axis; with a filter, the mean."""
    figures = series.overview.figures
    chart = Chart("time", "Time taken", series.timeline, "log scale")
    names = [(f"time_taken_{name}_ms", name, paint) for name, paint in _PERCENTILES]
    if figures[names[0][0]] is None:
        names = [("mean_time_ms", "mean", "lh")]
    columns = {metric: _of_requests(series, metric) for metric, _, _ in names}
    low, high = decades([value for each in columns.values() for value in each if value])
    chart.grid(low, high, decade)
    lines = {
        metric: paths.heights(paths.logarithms(values), low, high)
        for metric, values in columns.items()
    }
    chart.lines = [
        Layer(f"l {paint}", paths.line(lines[metric])) for metric, _, paint in names[::-1]
    ]
    chart.ends = _ends(chart, [(name, lines[metric]) for metric, name, _ in names[::-1]])
    chart.key = [Key("", name, str(words.time(figures[metric]))) for metric, name, _ in names]
    chart.description = ", ".join(f"{key.name} {key.figure}" for key in chart.key) + "."
    if (longest := figures["time_taken_max_ms"]) is not None:
        chart.key = [*chart.key, Key("", "max", str(words.time(longest)))]
        chart.description += " Percentiles are within 1 %."
    chart.table = series.table_of(
        "Time taken",
        [name for _, name, _ in names],
        (lambda each: [str(words.time(getattr(each, metric))) for metric, _, _ in names]),
    )
    return chart


def _of_requests(series: Series, metric: str) -> list[Number | None]:
    """A metric by bucket; None where there is no request, or where it is 0 and has no logarithm."""
    requests = series.column("requests")
    return [
        value or None if count else None
        for value, count in zip(series.column(metric), requests, strict=True)
    ]


def _ends(chart: Chart, lines: Sequence[tuple[str, Sequence[float | None]]]) -> list[Label]:
    """The names of lines at their right end, the highest first, none on another."""
    last = [(next((y for y in reversed(ys) if y is not None), None), name) for name, ys in lines]
    known = sorted((y, name) for y, name in last if y is not None)
    heights = apart([chart.top + chart.tall * y / 100 + 4 for y, _ in known])
    return [
        Label(100, round(height, 1), name, anchor="start", dx=6)
        for height, (_, name) in zip(heights, known, strict=True)
    ]


def hits_chart(series: Series) -> Chart:
    """The hit ratio of cacheable requests; with a filter, of all."""
    figures, timeline = series.overview.figures, series.timeline
    name, sub = "cacheable_hit_ratio", "of cacheable requests"
    if figures[name] is None:
        name, sub = "hit_ratio", "of all requests"
    chart = Chart("hits", "Hit ratio", timeline, sub)
    requests = series.column("requests")
    ratios = [
        value if count else None for value, count in zip(series.column(name), requests, strict=True)
    ]
    settled = [value for value in ratios[: timeline.growing] or ratios if value is not None]
    low = min(0.8, int(5 * min(settled, default=0)) / 5)
    chart.grid(low, 1, lambda value: str(words.percent(value, 0)))
    chart.lines = [
        Layer(
            "l lm",
            paths.line([y if y is None else min(y, 100) for y in paths.heights(ratios, low, 1)]),
        )
    ]
    chart.key = [Key("", "requests", str(words.percent(figures[name])))]
    if (by_bytes := figures["byte_hit_ratio"]) is not None:
        chart.key = [*chart.key, Key("", "bytes", str(words.percent(by_bytes)))]
    chart.description = (
        f"{words.percent(figures[name])} in all. The axis begins at {words.percent(low, 0)}."
    )
    if settled:
        place = ratios.index(min(settled))
        x = timeline.at(place + 0.5)
        lowest = str(words.percent(ratios[place]))
        side = ("end", -10) if x > 60 else ("start", 10)
        y = min(chart.y(ratios[place] or 0, low, 1) + 4, chart.bottom - 4)
        chart.labels.append(Label(x, y, lowest, f" · {timeline.brief(place)}", *side))
        chart.description += f" Lowest: {lowest}, {timeline.bucket(place)}."
    chart.table = series.table_of(
        "Hit ratio",
        ("hit ratio", "hit", "miss"),
        (
            lambda each: [
                str(words.percent(getattr(each, name))),
                f"{each.hits:,}",
                f"{each.misses:,}",
            ]
        ),
    )
    return chart


def errors_chart(series: Series) -> Chart:
    """Answers with 4xx, and those with 5xx before them."""
    figures = series.overview.figures
    of_viewer, of_server = (
        [int(v or 0) for v in series.column(f"errors_{each}xx")] for each in (4, 5)
    )
    both = [a + b for a, b in zip(of_viewer, of_server, strict=True)]
    high = HEADROOM * max(1, *both)
    chart = Chart("errors", "Errors", series.timeline, f"per {series.unit}")
    chart.grid(
        0, high, lambda value: str(words.count(round(value))) if value == round(value) else ""
    )
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
                f"{each.errors_4xx:,}",
                f"{each.errors_5xx:,}",
                str(words.share(each.errors_4xx + each.errors_5xx, each.requests)),
            ]
        ),
    )
    return chart
