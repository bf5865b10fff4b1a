"""A summary as tables for people."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from rich.columns import Columns
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.answer.entries import UNKNOWN, Entry, requests_with
from pipeline.answer.envelope import Comparison
from pipeline.answer.summary import LISTED, Summary
from pipeline.cli.cut import Cut
from pipeline.cli.words import change_of, decoded, human_bytes, or_not_logged, safe, share_of
from pipeline.words import number_of

_BAR = 12
_SHORT = 8
"""Entries of a dimension beside others; its table in JSON has more."""
_COUNTED = 12
_BESIDE = (
    "browsers operating_systems devices countries hosts referrers content_types http_versions "
    "tls_versions response_result_types protocols cache_behaviors"
).split()
"""The lists that stand side by side, the most asked for first."""


def show(summary: Summary, console: Console, before: Comparison[Summary] | None = None) -> None:
    """Print a summary. Everything from a log is printed as plain, escaped text."""
    for part in _parts(summary, before):
        console.print(part)
        console.print()
    places = or_not_logged(summary.edge_locations, ", ".join)
    console.print(Text(f"edge locations: {safe(places)}"))
    for line in remarks(summary):
        console.print(Text(line, style="yellow"))


def _parts(summary: Summary, before: Comparison[Summary] | None) -> Iterable[RenderableType]:
    of = partial(requests_with, requests=summary.total_records, lacking=summary.lacking)
    yield _figures(summary, before)
    yield _beside(
        [
            _counts(name.replace("_", " "), counts, of(name))
            for name, counts in (
                ("status", summary.status_codes),
                ("result_type", summary.result_types),
                ("method", summary.methods),
            )
            if counts is not None
        ]
    )
    if summary.latency_ms:
        yield _latency(summary)
    lists: dict[str, list[Entry]] = {key: getattr(summary, key) or [] for key in LISTED}
    if lists["paths"]:
        yield _paths(lists["paths"])
    if lists["crawlers"]:
        yield _beside(
            [
                _entries("audience", summary.audience or [], of("device")),
                _entries("crawlers for", summary.crawler_groups or [], of("crawler")),
                _entries("crawler", lists["crawlers"][:_SHORT], of("crawler")),
            ]
        )
    yield _beside(
        [
            _entries(LISTED[key].replace("_", " "), lists[key][:_SHORT], of(LISTED[key]))
            for key in _BESIDE
            if {entry.value for entry in lists[key]} - {UNKNOWN}
        ]
    )


def _beside(tables: Sequence[Table]) -> Columns:
    return Columns(tables, padding=(1, 4))


def _figures(summary: Summary, before: Comparison[Summary] | None) -> Table:
    grid = Table.grid(padding=(0, 2))
    for row in figures_of(summary, before):
        grid.add_row(*row)
    if before is not None:
        grid.add_row("", "", f"{before.from_} … {before.to}")
    return grid


def figures_of(summary: Summary, before: Comparison[Summary] | None = None) -> list[list[str]]:
    """The figures of a summary, each with its name; with another summary, each with the figure of
    that one, and the change of those that can be told."""
    rows = [list(row) for row in _named_figures(summary)]
    if before is None:
        return rows
    earlier = dict(_named_figures(before.data))
    compared = {
        "requests": "total_records",
        "bytes sent": "bytes_sent",
        "bytes received": "bytes_received",
        "log objects": "log_files_read",
    }
    for row in rows:
        field = compared.get(row[0])
        row.append(earlier.get(row[0], "unknown"))
        pair = (getattr(each, field) for each in (summary, before.data)) if field else None
        row.append(change_of(*pair) if pair else "")
    return rows


def _named_figures(summary: Summary) -> Iterable[tuple[str, str]]:
    yield "requests", f"{summary.total_records:,}"
    yield "bytes sent", or_not_logged(summary.bytes_sent, _size)
    yield "bytes received", or_not_logged(summary.bytes_received, _size)
    for name, rate, whole in (
        ("cache hit rate", summary.cache_hit_rate, "requests"),
        ("", summary.cache_hit_rate_cacheable, "cacheable ones"),
        (" ", summary.byte_hit_rate, "bytes"),
    ):
        told = or_not_logged(rate, lambda percent: f"{percent:.2f} %")
        yield name, f"{told} of {whole}" if rate is not None else told
    for name, members in (
        ("different visitors", summary.unique_visitors),
        ("different paths", summary.unique_paths),
    ):
        if members is not None:
            error = f"± {100 * members.relative_error:.1f} %"
            yield name, f"about {members.estimate:,} ({error})"
    yield "time range", summary.time_range.replace("/", " … ")
    yield "log objects", f"{summary.log_files_read:,}"


def _size(count: int) -> str:
    return f"{human_bytes(count)} ({count:,})"


def _table(*columns: str) -> Table:
    """A table whose first column is text, and whose others are numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place else "left", no_wrap=bool(place))
    return table


def _counts(name: str, counts: dict[str, int], total: int) -> Table:
    table = _table(name, "requests", "share")
    for value, count in list(counts.items())[:_COUNTED]:
        table.add_row(Cut(safe(value)), f"{count:,}", share_of(count, total))
    return table


def _entries(name: str, entries: Sequence[Entry], total: int) -> Table:
    table = _table(name, "requests", "share", "bytes")
    for entry in entries:
        share = share_of(entry.requests, total)
        table.add_row(
            Cut(decoded(entry.value)),
            f"{entry.requests:,}",
            share,
            "" if entry.bytes is None else human_bytes(entry.bytes),
        )
    return table


def _latency(summary: Summary) -> Table:
    table = _table("milliseconds", "p50", "p75", "p90", "p95", "p99", "max", "mean", "requests")
    for name, latency in summary.latency_ms.items():
        percentiles = (latency.p50, latency.p75, latency.p90, latency.p95, latency.p99)
        times = (*percentiles, latency.max, latency.mean)
        table.add_row(
            name.replace("_", " "), *(f"{time:,.0f}" for time in times), f"{latency.requests:,}"
        )
    return table


def _paths(paths: Sequence[Entry]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("requests", "hits", "errors", "mean ms"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, min_width=_BAR)
    table.add_column("path")
    largest = paths[0].requests if paths else 1
    for entry in paths:
        bar = "▇" * max(1, round(_BAR * entry.requests / largest))
        table.add_row(
            f"{entry.requests:,}",
            "" if entry.hits is None else f"{100 * entry.hits / entry.requests:.0f} %",
            "" if entry.errors is None else f"{entry.errors:,}",
            "" if entry.mean_time_ms is None else f"{entry.mean_time_ms:,.0f}",
            Text(bar, style="cyan"),
            Cut(decoded(entry.value)),
        )
    return table


def remarks(summary: Summary) -> list[str]:
    """How far the figures are from exact, and the lines that are in none of them."""
    remarks = [
        f"{name}: more values than the table holds; a value may be undercounted by up to {bound:,}"
        for name, bound in summary.approximate.items()
    ]
    remarks += _lacking(summary)
    for site, percent in summary.sampling.items():
        remarks.append(f"{site}: estimated, its logs hold {percent} % of the requests")
    if summary.rejected_lines.total:
        reasons = ", ".join(f"{n:,} {why}" for why, n in summary.rejected_lines.by_reason.items())
        remarks.append(f"lines not counted: {reasons}")
    return remarks


def _lacking(summary: Summary) -> Iterator[str]:
    """The fields that the logs of some requests lack, in a line for each number of requests."""
    fields: dict[int, list[str]] = {}
    for field, requests in summary.lacking.items():
        if requests < summary.total_records:
            fields.setdefault(requests, []).append(field)
    for requests, names in sorted(fields.items(), reverse=True):
        logged = number_of(requests, "request")
        yield (
            f"not in the logs of {logged}, so that figures made of it count the others: "
            f"{', '.join(names)}"
        )
