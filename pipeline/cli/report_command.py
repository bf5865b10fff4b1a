"""The command that makes a report."""

import os
import sys
import webbrowser
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pipeline.answer.overview import Filter
from pipeline.bootstrap import Sources, open_ingest, open_store, open_to_read, store_files
from pipeline.cli.console import ForceOption, StoreOption, err
from pipeline.cli.exits import FAILED, OK
from pipeline.cli.ingesting import ingest_all, show_failures
from pipeline.cli.meter import Meter, shown
from pipeline.cli.sources import expanded, in_bucket
from pipeline.cli.target import begins_with, replacing, target
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
MARK = (
    b'<!doctype html><html lang="en"><head><meta charset="utf-8">'
    b'<meta name="generator" content="edgetally">'
)
"""The bytes that a report as HTML begins with."""

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
    force: ForceOption = False,
) -> None:
    """Make a report of log objects, or of a store: one HTML file that needs no network.

    Log objects are counted in memory, and nothing is kept. Exit code 1 when one of them could not
    be counted; the report is about the others. An HTML report replaces an earlier one. Any other
    file that is there needs --force; a store, and a log that is read, is never replaced.
    """
    from pipeline.page.report import FORMS, Report

    if form not in FORMS:
        raise SettingError("--format", f"{form!r} is none of {', '.join(FORMS)}")
    now = datetime.now(UTC)
    hours = parse_window(now, start, end, name=window, zone=parse_zone(tz))
    wanted = Report(hours, tz, _filter(where), title)
    if sources and store is not None:
        raise SettingError("--store", "give either sources to count, or a store")
    settings = load_settings(store="memory://" if sources else store)
    usual = "report.html" if form == "html" else STDOUT
    path = _target(usual if output is None else output, settings, force)
    opened = open_store(settings) if sources else open_to_read(settings)
    complete = not sources or _count(sources, settings, opened, path)
    text = FORMS[form](wanted.source(opened, now))
    if path is None:
        sys.stdout.write(text)
    else:
        _write(path, text, opens)
    raise typer.Exit(OK if complete else FAILED)


def _target(name: str, settings: Settings, force: bool) -> Path | None:
    """The file of the report, None for standard output. Raises SettingError."""
    if name == STDOUT:
        return None
    if in_bucket(name, "--output"):
        raise SettingError("--output", "a report is written to a file, not into a bucket")
    return target("--output", name, store_files(settings), force, MARK)


def _count(sources: list[str], settings: Settings, store: Store, path: Path | None) -> bool:
    """Count the sources; whether all of them could be. `path` will be the report: an earlier one
    may lie among the logs. Raises SettingError if it is a log."""
    meter = Meter()
    buckets = Sources(settings, meter.note_bytes)
    count = open_ingest(settings, store, buckets, meter.note_lines)
    earlier = [path] if path and path.exists() and begins_with(path, MARK) else []
    with expanded(sources, buckets, earlier) as expansion, shown(meter, expansion.objects, True):
        if path and os.path.realpath(path) in expansion.by_name:
            raise SettingError("--output", f"{path} is a source of the report; name another")
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
    with replacing(path) as file:
        file.write(text.encode())
    err.print(f"{path}: {len(text.encode()):,} bytes", markup=False, soft_wrap=True)
    if opens:
        webbrowser.open(path.absolute().as_uri())
