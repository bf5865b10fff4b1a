"""The command that makes a report."""

import os
import sys
import webbrowser
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.bootstrap import Sources, open_ingest, open_store, open_to_read, store_files
from pipeline.cli.asking import ask, say_what_is_widened, say_what_there_is
from pipeline.cli.console import ForceOption, StoreOption, err
from pipeline.cli.exits import FAILED, OK
from pipeline.cli.filtering import parse_where
from pipeline.cli.ingesting import ingest_for_now, show_failures
from pipeline.cli.meter import Meter, shown
from pipeline.cli.sources import expanded, in_bucket
from pipeline.cli.summary_commands import SiteOption
from pipeline.cli.target import begins_with, replacing, target
from pipeline.cli.window import (
    CompareOption,
    FromOption,
    HoursOption,
    ToOption,
    TzOption,
    WindowOption,
    named_comparison,
    parse_bounds,
    parse_zone,
)
from pipeline.errors import ObjectUnavailable, SettingError
from pipeline.hours import ALWAYS
from pipeline.objects import ObjectRef
from pipeline.settings import Settings, load_settings
from pipeline.store.port import VISITOR_KEY_BYTES, Store

if TYPE_CHECKING:
    from pipeline.page.report import Report

STDOUT = "-"
MARK = (
    b'<!doctype html><html lang="en"><head><meta charset="utf-8">'
    b'<meta name="generator" content="edgetally">'
)
"""The bytes that a report as HTML begins with."""
KEY = bytes(VISITOR_KEY_BYTES)
"""The visitors' key while logs are counted in memory: no hash outlives the command, and the same
logs give the same number. A store that is kept makes a key of its own."""

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
        help="The file or s3://bucket/key to write, - for standard output. By default "
        "report.html, and standard output for other formats.",
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
    window: WindowOption = None,
    hours: HoursOption = None,
    compare: CompareOption = None,
    site: SiteOption = None,
    where: WhereOption = None,
    tz: TzOption = "UTC",
    title: Annotated[str, typer.Option(help="The title; by default the site.")] = "",
    form: Annotated[str, typer.Option("--format", help="html, json, csv or md.")] = "html",
    opens: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    force: ForceOption = False,
) -> None:
    """Make a report of log objects, or of a store: one HTML file that needs no network.

    Log objects are counted in memory, and nothing is kept. Exit code 1 when one of them could not
    be counted; the report is about the others. An HTML report replaces an earlier one. Any other
    file that is there needs --force; a store, and a log that is read, is never replaced. An object
    in a bucket is replaced with --force alone.
    """
    from pipeline.page.report import MEDIA_TYPES, Report

    now = datetime.now(UTC)
    bounds = parse_bounds(now, start, end, hours, window, parse_zone(tz))
    say_what_is_widened(bounds, parse_zone(tz))
    filtered, compares = parse_where(where), named_comparison(compare)
    wanted = Report(bounds.window, tz, filtered, title, tuple(sorted(site or ())), compares)
    settings = _settings(sources, store)
    to = _target(output, form, settings, force)
    opened = open_store(settings) if sources else open_to_read(settings)
    complete = not sources or _count(sources, settings, opened, to)
    text = _text(wanted, form, opened, now, "The logs have" if sources else "The store has")
    _deliver(to, text, MEDIA_TYPES[form], settings, force)
    if opens and isinstance(to, Path):
        webbrowser.open(to.absolute().as_uri())
    raise typer.Exit(OK if complete else FAILED)


def _settings(sources: list[str] | None, store: str | None) -> Settings:
    if sources and store is not None:
        raise SettingError("--store", "give either sources to count, or a store")
    return load_settings(store="memory://" if sources else store)


def _text(wanted: "Report", form: str, store: Store, now: datetime, holder: str) -> str:
    """The report. Where its window has no request, the hours that have some are said before.
    Raises NothingToReport."""
    from pipeline.page.report import FORMS, NothingToReport

    try:
        return FORMS[form](ask(store, wanted.sites, lambda rows: wanted.source(rows, now)))
    except NothingToReport:
        if wanted.window != ALWAYS:
            say_what_there_is(store, wanted.sites, holder)
        raise


def _target(
    output: str | None, form: str, settings: Settings, force: bool
) -> Path | ObjectRef | None:
    """The file of the report, or its object in a bucket; None for standard output. Raises
    SettingError."""
    from pipeline.page.report import FORMS

    if form not in FORMS:
        raise SettingError("--format", f"{form!r} is none of {', '.join(FORMS)}")
    usual = "report.html" if form == "html" else STDOUT
    name = usual if output is None else output
    if name == STDOUT:
        return None
    if place := in_bucket(name, "--output"):
        if not place[1] or place[1].endswith("/"):
            raise SettingError("--output", f"{name!r} is no object; write s3://bucket/report.html")
        return ObjectRef(*place)
    return target("--output", name, store_files(settings), force, MARK)


def _count(
    sources: list[str], settings: Settings, store: Store, output: Path | ObjectRef | None
) -> bool:
    """Count the sources; whether all of them could be. An earlier report of the name of the
    `output` may lie among the logs. Raises SettingError if it is a log."""
    store.restore_visitor_key(KEY)
    meter = Meter()
    buckets = Sources(settings, meter.note_bytes)
    count = open_ingest(settings, store, buckets, meter.note_lines)
    path = output if isinstance(output, Path) else None
    earlier = [path] if path and path.exists() and begins_with(path, MARK) else []
    name = output.name if isinstance(output, ObjectRef) else os.path.realpath(output or "")
    with expanded(sources, buckets, earlier) as expansion, shown(meter, expansion.objects, True):
        if output and name in expansion.by_name:
            raise SettingError("--output", f"{name} is a source of the report; name another")
        outcomes = list(ingest_for_now(count, expansion.objects, meter))
    show_failures(outcomes)
    return expansion.report() and not any(outcome.reason for outcome in outcomes)


def _deliver(
    to: Path | ObjectRef | None, text: str, media_type: str, settings: Settings, force: bool
) -> None:
    """Write the report where it belongs, and say so. Raises ObjectUnavailable."""
    if to is None:
        sys.stdout.write(text)
        return
    if isinstance(to, ObjectRef):
        _put(to, text, media_type, settings, force)
    else:
        with replacing(to) as file:
            file.write(text.encode())
    name = to.name if isinstance(to, ObjectRef) else str(to)
    err.print(f"{name}: {len(text.encode()):,} bytes", markup=False, soft_wrap=True)


def _put(ref: ObjectRef, text: str, media_type: str, settings: Settings, force: bool) -> None:
    try:
        Sources(settings).s3.put(ref, text.encode(), media_type, replaces=force)
    except ObjectUnavailable as error:
        raise ObjectUnavailable(f"{ref.name}: {error.reason}") from error
