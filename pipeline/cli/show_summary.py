"""A summary as tables for people."""

from collections.abc import Iterable, Sequence

from rich.columns import Columns
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.answer.entries import UNKNOWN, Entry
from pipeline.answer.summary import LISTED, Summary
from pipeline.cli.words import decoded, human_bytes, safe

_BAR = 24
_SHORT = 8
"""Entries of a dimension beside others; its table in JSON has more."""
_COUNTED = 12
_BESIDE = (
    "browsers operating_systems devices countries hosts referrers content_types http_versions "
    "tls_versions response_result_types protocols cache_behaviors"
).split()
"""The lists that stand side by side, the most asked for first."""


def show(summary: Summary, console: Console) -> None:
    """Print a summary. Everything from a log is printed as plain, escaped text."""
    if not summary.total_records:
        console.print("No requests in this window. `edgetally ingest` counts logs into the store.")
        return
    for part in _parts(summary):
        console.print(part)
        console.print()
    console.print(Text("edge locations: " + safe(", ".join(summary.edge_locations))))
    for line in _remarks(summary):
        console.print(Text(line, style="yellow"))


def _parts(summary: Summary) -> Iterable[RenderableType]:
    total = summary.total_records
    yield _figures(summary)
    yield _beside(
        [
            _counts("status", summary.status_codes, total),
            _counts("result type", summary.result_types, total),
            _counts("method", summary.methods, total),
        ]
    )
    if summary.latency_ms:
        yield _latency(summary)
    yield _paths(summary)
    lists: dict[str, list[Entry]] = {key: getattr(summary, key) for key in LISTED}
    if lists["crawlers"]:
        yield _beside(
            [
                _entries("audience", summary.audience, total),
                _entries("crawlers for", summary.crawler_groups, total),
                _entries("crawler", lists["crawlers"][:_SHORT], total),
            ]
        )
    yield _beside(
        [
            _entries(LISTED[key].replace("_", " "), lists[key][:_SHORT], total)
            for key in _BESIDE
            if {entry.value for entry in lists[key]} != {UNKNOWN}  # the logs do not have it
        ]
    )


def _beside(tables: Sequence[Table]) -> Columns:
    return Columns(tables, padding=(1, 4))


def _figures(summary: Summary) -> Table:
    grid = Table.grid(padding=(0, 2))
    sent, received = summary.bytes_sent, summary.bytes_received
    grid.add_row("requests", f"{summary.total_records:,}")
    grid.add_row("bytes sent", f"{human_bytes(sent)} ({sent:,})")
    grid.add_row("bytes received", f"{human_bytes(received)} ({received:,})")
    grid.add_row(
        "cache hit rate",
        f"{summary.cache_hit_rate:.2f} % of requests, {summary.cache_hit_rate_cacheable:.2f} % "
        f"of cacheable ones, {summary.byte_hit_rate:.2f} % of bytes",
    )
    for name, members in (
        ("different visitors", summary.unique_visitors),
        ("different paths", summary.unique_paths),
    ):
        if members is not None:
            error = f"± {100 * members.relative_error:.1f} %"
            grid.add_row(name, f"about {members.estimate:,} ({error})")
    grid.add_row("time range", summary.time_range.replace("/", " … "))
    grid.add_row("log objects", f"{summary.log_files_read:,}")
    return grid


def _table(*columns: str) -> Table:
    """A table whose first column is text, and whose others are numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place else "left", overflow="fold")
    return table


def _counts(name: str, counts: dict[str, int], total: int) -> Table:
    table = _table(name, "requests", "share")
    for value, count in list(counts.items())[:_COUNTED]:
        table.add_row(Text(safe(value)), f"{count:,}", f"{100 * count / total:.1f} %")
    return table


def _entries(name: str, entries: Sequence[Entry], total: int) -> Table:
    table = _table(name, "requests", "share", "bytes")
    for entry in entries:
        share = f"{100 * entry.requests / total:.1f} %"
        table.add_row(
            Text(decoded(entry.value)), f"{entry.requests:,}", share, human_bytes(entry.bytes)
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


def _paths(summary: Summary) -> Table:
    paths: list[Entry] = getattr(summary, "paths")  # noqa: B009 - it is there by its dimension
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("requests", "hits", "errors", "mean ms"):
        table.add_column(name, justify="right")
    table.add_column("")
    table.add_column("path", overflow="fold")
    largest = paths[0].requests if paths else 1
    for entry in paths:
        bar = "▇" * max(1, round(_BAR * entry.requests / largest))
        table.add_row(
            f"{entry.requests:,}",
            f"{100 * entry.hits / entry.requests:.0f} %",
            f"{entry.errors_4xx + entry.errors_5xx:,}",
            "" if entry.mean_time_ms is None else f"{entry.mean_time_ms:,.0f}",
            Text(bar, style="cyan"),
            Text(decoded(entry.value)),
        )
    return table


def _remarks(summary: Summary) -> list[str]:
    remarks = [
        f"{name}: more values than the table holds; a value may be undercounted by up to {bound:,}"
        for name, bound in summary.approximate.items()
    ]
    for site, percent in summary.sampling.items():
        remarks.append(f"{site}: estimated, its logs hold {percent} % of the requests")
    if summary.rejected_lines.total:
        reasons = ", ".join(f"{n:,} {why}" for why, n in summary.rejected_lines.by_reason.items())
        remarks.append(f"lines not counted: {reasons}")
    return remarks
