"""The ledger and the audit as tables for people, and as JSON."""

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.cli.words import safe
from pipeline.hours import hour_start
from pipeline.source.port import Depth
from pipeline.store.ledger import LedgerEntry
from pipeline.upkeep.audit import Audit
from pipeline.words import number_of

_COLOURS = {
    "committed": "green",
    "partial": "yellow",
    "failed": "red",
    "forgotten": "dim",
    "dismissed": "dim",
}
_SHOWN = 50


def show_entries(entries: list[LedgerEntry], console: Console) -> None:
    """Print ledger entries, one in a row."""
    if not entries:
        console.print("none")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("when", "state", "records", "rejected", "hours"):
        table.add_column(name, justify="right" if name in ("records", "rejected") else "left")
    table.add_column("object", overflow="fold")
    for entry in entries:
        counted = entry.state not in ("failed", "dismissed")
        table.add_row(
            f"{datetime.fromtimestamp(entry.at, UTC):%Y-%m-%d %H:%M:%S}",
            Text(entry.state, style=_COLOURS[entry.state]),
            f"{entry.records:,}" if counted else "",
            f"{sum(entry.rejected.values()):,}" if counted else "",
            _hours(entry),
            _told(entry),
        )
    console.print(table)


def as_json(entry: LedgerEntry) -> dict[str, Any]:
    """An entry for programs, with times as text."""
    return {
        "name": entry.ref.name,
        **asdict(entry.ref),
        "state": entry.state,
        "at": datetime.fromtimestamp(entry.at, UTC).isoformat(),
        "records": entry.records,
        "sites": {
            site: {hour_start(hour).isoformat(): n for hour, n in sorted(hours.items())}
            for site, hours in sorted(entry.sites.items())
        },
        "rejected": dict(entry.rejected),
        "layout": entry.layout,
        "parser_version": entry.parser_version,
        "reason": entry.reason,
        "attempts": entry.attempts,
        "conflict": entry.conflict and asdict(entry.conflict),
    }


def show_audit(found: Audit, depth: Depth | None, console: Console) -> None:
    """Print what an audit found: a line of what it looked at, and a table of what is wrong."""
    looked = f"{number_of(found.objects, 'object')} in the ledger, {number_of(found.rows, 'row')}"
    if found.listed:
        looked += (
            f", {number_of(found.listed, 'object')} in the bucket ({found.waiting:,} on their way)"
        )
    if depth:
        looked += f"; the queue has {depth.waiting:,} waiting and {depth.in_flight:,} in work"
    console.print(looked)
    if found.unshown:
        console.print(
            Text(
                f"not shown: {number_of(found.unshown, 'object')} of days before "
                f"{found.unshown_to}, whose rows were gone when the retention was raised. To bring "
                f"them back: edgetally rebuild --from {found.unshown_from} --to {found.unshown_to}",
                style="yellow",
            )
        )
    if not found.problems:
        console.print(Text("all of it agrees", style="green"))
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("what is wrong")
    table.add_column("expected", justify="right")
    table.add_column("found", justify="right")
    table.add_column("where", overflow="fold")
    for problem in found.problems[:_SHOWN]:
        of_rows = problem.kind in ("ledger", "day")
        table.add_row(
            Text(problem.kind, style="red"),
            f"{problem.expected:,}" if of_rows else "",
            f"{problem.found:,}" if of_rows else "",
            Text(safe(f"{problem.name}: {problem.detail}")),
        )
    console.print(table)
    kinds = Counter(problem.kind for problem in found.problems)
    console.print(", ".join(f"{count:,} {kind}" for kind, count in kinds.items()))


def _hours(entry: LedgerEntry) -> str:
    hours = sorted(entry.hours)
    if not hours:
        return ""
    first = f"{hour_start(hours[0]):%Y-%m-%dT%H}"
    return first if len(hours) == 1 else f"{first} and {len(hours) - 1:,} more"


def _told(entry: LedgerEntry) -> Text:
    """The object's name, and what there is to say of it."""
    told = Text(safe(entry.ref.name))
    if entry.reason:
        tried = f"{entry.reason} (tried {number_of(entry.attempts, 'time')})"
        told.append(f"\n{safe(tried)}", style="red")
    if entry.conflict:
        came = f"\nother content came under its name {number_of(entry.conflict.times, 'time')}"
        told.append(came, style="yellow")
    return told
