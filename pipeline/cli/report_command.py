"""The command that makes a report."""

import sys
import webbrowser
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pipeline.answer.overview import Filter
from pipeline.bootstrap import Sources, open_ingest, open_store, open_to_read
from pipeline.cli.console import StoreOption, err
from pipeline.cli.exits import FAILED, OK
from pipeline.cli.ingesting import ingest_all, show_failures
from pipeline.cli.meter import Meter, shown
from pipeline.cli.sources import expanded, in_bucket
from pipeline.cli.window import (
    FromOption,
    ToOption,
    TzOption,
    WindowOption,
    parse_window,
    parse_zone,
)
from pipeline.errors import SettingError
from pipeline.schema.dimensions import DIMENSIONS
from pipeline.settings import Settings, load_settings
from pipeline.store.port import Store

STDOUT = "-"

reporting = typer.Typer()

SourcesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SOURCE…",
        help="Files, folders, globs in quotes, s3://bucket/prefix, or - for standard input; "
        "without any, the counts of a store.",
        show_default=False,
    ),
]
OutputOption = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        help="The file to write, - for standard output. By default report.html, and standard "
        "output for other formats.",
        show_default=False,
    ),
]
WhereOption = Annotated[
    str | None,
    typer.Option(
        help="Only requests with a value of a dimension, e.g. country:DE.", show_default=False
    ),
]


@reporting.command(epilog="Example: edgetally report logs/ -o report.html --open")
def report(
    sources: SourcesArgument = None,
    output: OutputOption = None,
    store: StoreOption = None,
    start: FromOption = None,
    end: ToOption = None,
    where: WhereOption = None,
    window: WindowOption = None,
    tz: TzOption = "UTC",
    title: Annotated[str, typer.Option(help="The title; by default the site.")] = "",
    form: Annotated[str, typer.Option("--format", help="html, json, csv or md.")] = "html",
    opens: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Make a report of log objects, or of a store: one HTML file that needs no network.

    Log objects are counted in memory, and nothing is kept. Exit code 1 when one of them could not
    be counted; the report is about the others.
    """
    from pipeline.page.report import FORMS, Report

    if form not in FORMS:
        raise SettingError("--format", f"{form!r} is none of {', '.join(FORMS)}")
    now = datetime.now(UTC)
    hours = parse_window(now, start, end, name=window, zone=parse_zone(tz))
    wanted = Report(hours, tz, _filter(where), title)
    complete, opened = _counted(sources, store)
    text = FORMS[form](wanted.source(opened, now))
    path = output or ("report.html" if form == "html" else STDOUT)
    if in_bucket(path):
        raise SettingError("--output", "a report is written to a file, not into a bucket")
    if path == STDOUT:
        sys.stdout.write(text)
    else:
        _write(Path(path), text, opens)
    raise typer.Exit(OK if complete else FAILED)


def _counted(sources: list[str] | None, store: str | None) -> tuple[bool, Store]:
    """Whether everything was counted, and the store with it. Raises SettingError."""
    if not sources:
        return True, open_to_read(load_settings(store=store))
    if store is not None:
        raise SettingError("--store", "give either sources to count, or a store")
    settings = load_settings(store="memory://")
    opened = open_store(settings)
    return _count(sources, settings, opened), opened


def _count(sources: list[str], settings: Settings, store: Store) -> bool:
    meter = Meter()
    buckets = Sources(settings, meter.note_bytes)
    count = open_ingest(settings, store, buckets, meter.note_lines)
    with expanded(sources, buckets) as expansion, shown(meter, expansion.objects, show=True):
        outcomes = list(ingest_all(count, expansion.objects, meter))
    show_failures(outcomes)
    return expansion.report() and not any(outcome.reason for outcome in outcomes)


def _filter(where: str | None) -> Filter | None:
    if where is None:
        return None
    dimension, colon, value = where.partition(":")
    if dimension not in DIMENSIONS or not colon:
        raise SettingError("--where", f"{where!r} is no DIMENSION:VALUE, such as country:DE")
    return Filter(dimension, value)


def _write(path: Path, text: str, opens: bool) -> None:
    path.write_text(text, encoding="utf-8")
    err.print(f"{path}: {len(text.encode()):,} bytes", markup=False, soft_wrap=True)
    if opens:
        webbrowser.open(path.absolute().as_uri())
