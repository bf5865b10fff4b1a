"""A summary as tables for people."""

from urllib.parse import unquote

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.core.summary import Summary

_BAR = 24


def show(summary: Summary, console: Console) -> None:
    """Print a summary. Everything from a log is printed as plain, escaped text."""
    if not summary.total_records:
        console.print("No requests in this window. `edgetally ingest` counts logs into the store.")
        return
    console.print(_figures(summary))
    console.print(
        Columns(
            [
                _counts("status", summary.status_codes, summary.total_records),
                _counts("result type", summary.result_types, summary.total_records),
                _counts("method", summary.methods, summary.total_records),
            ],
            padding=(0, 4),
        )
    )
    console.print()
    console.print(_paths(summary))
    console.print()
    console.print(Text("edge locations: " + safe(", ".join(summary.edge_locations))))
    for line in _remarks(summary):
        console.print(Text(line, style="yellow"))


def safe(text: str) -> str:
    """The text with everything unprintable escaped: a log line may hold terminal commands."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def decoded(text: str) -> str:
    """A path or agent as people read it: percent-decoded once, unprintable characters escaped."""
    return safe(unquote(text, errors="replace"))


def human_bytes(count: int) -> str:
    """Bytes with a unit, e.g. `1.5 GB` (powers of 1,000)."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000:
            return f"{value:,.0f} {unit}" if unit == "B" else f"{value:,.1f} {unit}"
        value /= 1000
    return f"{value:,.1f} PB"


def _figures(summary: Summary) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_row("requests", f"{summary.total_records:,}")
    grid.add_row("bytes sent", f"{human_bytes(summary.bytes_sent)} ({summary.bytes_sent:,})")
    grid.add_row("cache hit rate", f"{summary.cache_hit_rate:.2f} %")
    grid.add_row("time range", summary.time_range.replace("/", " … "))
    grid.add_row("log objects", f"{summary.log_files_read:,}")
    return Group(grid, Text(""))


def _counts(name: str, counts: dict[str, int], total: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(name)
    table.add_column("requests", justify="right")
    table.add_column("share", justify="right")
    for value, count in list(counts.items())[:12]:
        table.add_row(Text(safe(value)), f"{count:,}", f"{100 * count / total:.1f} %")
    return table


def _paths(summary: Summary) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("requests", justify="right")
    table.add_column("")
    table.add_column("path", overflow="fold")
    largest = summary.top_paths[0].count if summary.top_paths else 1
    for entry in summary.top_paths:
        bar = "▇" * max(1, round(_BAR * entry.count / largest))
        table.add_row(f"{entry.count:,}", Text(bar, style="cyan"), Text(decoded(entry.path)))
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
