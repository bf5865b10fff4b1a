"""The charts of lines: the time taken, and the hit ratio."""

from collections.abc import Sequence

from pipeline.answer.metrics import Number
from pipeline.page import paths, words
from pipeline.page.charts import (
    Chart,
    Key,
    Label,
    Layer,
    apart,
    decades,
    milliseconds,
    round_powers,
)
from pipeline.page.series import Series
from pipeline.page.timeline import Timeline

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
    chart.grid(low, high, milliseconds, round_powers(low, high))
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
    known = sorted(
        ((y, name) for y, name in last if y is not None),
        key=lambda end: end[0],  # of two at one place the higher percentile stays above
    )
    heights = apart([chart.top + chart.tall * y / 100 + 4 for y, _ in known])
    return [
        Label(100, round(height, 1), name, anchor="start", dx=6)
        for height, (_, name) in zip(heights, known, strict=True)
    ]


def hits_chart(series: Series) -> Chart:
    """The hit ratio of cacheable requests; of all, if that alone is known, as with a filter."""
    figures, timeline = series.overview.figures, series.timeline
    name, sub = "cacheable_hit_ratio", "of cacheable requests"
    if figures[name] is None and figures["hit_ratio"] is not None:
        name, sub = "hit_ratio", "of all requests"
    chart = Chart("hits", "Hit ratio", timeline, sub)
    ratios = series.column(name)
    settled = [value for value in ratios[: timeline.growing] or ratios if value is not None]
    low = min(0.8, int(5 * min(settled, default=0)) / 5)
    chart.grid(low, 1, lambda value: str(words.percent(value, 0)))
    chart.lines = [
        Layer(
            "l lm",
            paths.line([y if y is None else min(y, 100) for y in paths.heights(ratios, low, 1)]),
        )
    ]
    whole = words.percent(figures[name])
    chart.key = [Key("", "requests", str(whole))]
    if (by_bytes := figures["byte_hit_ratio"]) is not None:
        chart.key = [*chart.key, Key("", "bytes", str(words.percent(by_bytes)))]
    chart.description = f"{whole} in all. The axis begins at {words.percent(low, 0)}."
    if settled:
        _mark_lowest(chart, timeline, ratios, low, ratios.index(min(settled)))
    chart.table = series.table_of(
        "Hit ratio",
        ("hit ratio", "hit", "miss"),
        (
            lambda each: [
                str(words.percent(getattr(each, name))),
                str(words.count(each.hits)),
                str(words.count(each.misses)),
            ]
        ),
    )
    return chart


def _mark_lowest(
    chart: Chart, timeline: Timeline, ratios: Sequence[Number | None], low: float, place: int
) -> None:
    """Label the lowest ratio of a chart, beside its place."""
    x = timeline.at(place + 0.5)
    lowest = str(words.percent(ratios[place]))
    side = ("end", -10) if x > 60 else ("start", 10)
    y = min(chart.y(ratios[place] or 0, low, 1) + 4, chart.bottom - 4)
    chart.labels.append(Label(x, y, lowest, f" · {timeline.brief(place)}", *side))
    chart.description += f" Lowest: {lowest}, {timeline.bucket(place)}."
