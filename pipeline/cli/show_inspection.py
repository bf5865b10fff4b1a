"""An inspection as a panel for people."""

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pipeline.cli.words import safe
from pipeline.ingest.inspect import Inspection
from pipeline.words import number_of

_FORMATS = {"json": "JSON lines", "parquet": "Parquet", "empty": "empty: no lines"}


def show_inspection(found: Inspection, console: Console) -> None:
    """Print what an object was found to be."""
    colour = "red" if found.refused else "yellow" if found.rejected else "green"
    verdict = "refused" if found.refused else number_of(found.records, "record")
    body: RenderableType = (
        Text(safe(found.refused)) if found.refused else Group(_facts(found), *_rejected(found))
    )
    console.print(
        Panel(
            body,
            title=Text(safe(found.name)),
            title_align="left",
            subtitle=Text(verdict),
            subtitle_align="right",
            border_style=colour,
        )
    )


def _facts(found: Inspection) -> Table:
    facts = Table.grid(padding=(0, 2))
    fields = f" ({number_of(len(found.fields), 'field')})" if found.fields else ""
    facts.add_row("container", found.container)
    facts.add_row("format", _FORMATS.get(found.format, found.format))
    facts.add_row("engine", found.engine)
    if found.layout:
        facts.add_row("layout", Text(safe(found.layout) + fields))
    facts.add_row("sites", Text(safe(", ".join(found.sites))))
    facts.add_row("hours", _hours(found.hours))
    facts.add_row("rows", f"{found.rows:,}: {found.records:,} counted")
    return facts


def _hours(hours: list[str]) -> str:
    if len(hours) < 2:
        return "".join(hours) or "none"
    return f"{len(hours):,}, {hours[0]} … {hours[-1]}"


def _rejected(found: Inspection) -> list[RenderableType]:
    if not found.rejected:
        return []
    table = Table(box=None, pad_edge=False, padding=(1, 2, 0, 0))
    table.add_column("rejected", justify="right", style="yellow")
    table.add_column("reason")
    table.add_column("first in line", justify="right")
    table.add_column("because", overflow="fold")
    for each in found.rejected:
        table.add_row(f"{each.count:,}", each.reason, f"{each.line:,}", Text(each.detail))
    return [table]
