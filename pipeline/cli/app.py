"""The commands. Each is a few lines over the use cases; errors become exit codes in `main`."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from pipeline.answer.summary import TOP, Summary, window_summary
from pipeline.bootstrap import (
    Sources,
    open_ingest,
    open_store,
    open_to_read,
    store_files,
)
from pipeline.cli.archive_commands import archiving
from pipeline.cli.audit_commands import auditing
from pipeline.cli.console import FromOption, JsonOption, StoreOption, ToOption, complain, out
from pipeline.cli.delivery_commands import delivering
from pipeline.cli.exits import FAILED, OK, exit_code
from pipeline.cli.ingesting import hashed, ingest_all
from pipeline.cli.ledger_commands import keeping
from pipeline.cli.rebuild_commands import repairing
from pipeline.cli.report_command import reporting
from pipeline.cli.serve_command import serving
from pipeline.cli.settings_command import settling
from pipeline.cli.show_summary import show
from pipeline.cli.sources import expand
from pipeline.cli.status_command import diagnosing
from pipeline.cli.window import parse_window
from pipeline.errors import ObjectUnavailable, SettingError
from pipeline.hours import ALWAYS
from pipeline.ingest.ingest import Outcome
from pipeline.settings import load_settings
from pipeline.sites import sampled_site
from pipeline.store.port import Meta

_MOST_HOURS = 24 * 366 * 100

app = typer.Typer(
    help="CloudFront access logs into an exact, always-current traffic summary.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(keeping, name="objects")
app.add_typer(auditing)
app.add_typer(repairing, name="rebuild")
app.add_typer(archiving)
app.add_typer(settling)
app.add_typer(delivering)
app.add_typer(reporting)
app.add_typer(diagnosing)
app.add_typer(serving)


@app.command(
    epilog="Example: edgetally ingest logs/ --store sqlite:///edgetally.db",
)
def ingest(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE…",
            help="Files, folders (with all below them), globs in quotes, s3://bucket/prefix.",
        ),
    ],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count log objects into the store, each exactly once.

    An object is known by its name: a file by its absolute path, with a hash of its content.
    Ingesting it again commits nothing. A copy of a file under another path is another object,
    and is counted again; a link is the file it points to. Hidden files and links to folders are
    passed over, and named. Exit code 1
    when an object could not be counted or a folder could not be listed.
    """
    settings = load_settings(store=store)
    expansion = expand(sources, Sources(settings).list, store_files(settings))
    count, _ = open_ingest(settings, open_store(settings))
    outcomes = list(ingest_all(count, expansion.objects, progress=not as_json))
    figures = _figures(outcomes)
    if as_json:
        problems = [
            {"name": outcome.ref.name, "state": outcome.state, "reason": outcome.reason}
            for outcome in outcomes
            if outcome.reason
        ]
        print(json.dumps({**figures, "problems": problems}))
    else:
        out.print(", ".join(f"{value:,} {name}" for name, value in figures.items()))
    for outcome in outcomes:
        if outcome.reason:
            complain(f"{outcome.ref.name}: {outcome.reason}")
    complete = expansion.report()
    raise typer.Exit(OK if complete and not figures["failed"] else FAILED)


@app.command(epilog="Example: edgetally inspect logs/E2EXAMPLE.2026-11-23-10.a1b2c3d4.gz")
def inspect(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE…", help="Files, folders, globs in quotes, s3://bucket/prefix."
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Show what log objects are and what would be counted; write nothing.

    Container, format, layout and where it is from, site, hours, and the lines that would be
    rejected, with the first of each kind. The first thing to run when a number looks wrong. Exit
    code 1 when an object would be refused.
    """
    from pipeline.cli.show_inspection import show_inspection
    from pipeline.ingest.inspect import Inspection
    from pipeline.ingest.inspect import inspect as look

    settings = load_settings(store="memory://")
    count, buckets = open_ingest(settings, open_store(settings))
    expansion = expand(sources, buckets.list)
    inspections = []
    for log_object in expansion.objects:
        try:
            inspection = look(hashed(log_object), count.reader)
        except ObjectUnavailable as error:
            inspection = Inspection(str(log_object), refused=error.reason)
        inspections.append(inspection)
        if not as_json:
            show_inspection(inspection, out)
    if as_json:
        print(json.dumps([asdict(inspection) for inspection in inspections], indent=2))
    complete = expansion.report()
    refused = any(inspection.refused for inspection in inspections)
    raise typer.Exit(OK if complete and not refused else FAILED)


@app.command(epilog="Example: edgetally summary --hours 24 --store sqlite:///edgetally.db")
def summary(
    store: StoreOption = None,
    hours: Annotated[
        int | None,
        typer.Option(
            help="The current UTC hour and the hours before it.",
            show_default=False,
            max=_MOST_HOURS,
        ),
    ] = None,
    start: FromOption = None,
    end: ToOption = None,
    site: Annotated[
        list[str] | None,
        typer.Option(help="Only this distribution (may be repeated).", show_default=False),
    ] = None,
    top: Annotated[int, typer.Option(help="Entries of each list.", min=1, max=5000)] = TOP,
    as_json: JsonOption = False,
) -> None:
    """Show the traffic of a window: requests, bytes, hits, latency, and who asked for what.

    Without a bound, everything that is stored. Times without a zone are UTC; bounds inside an
    hour take in the whole hour.
    """
    window = parse_window(hours, start, end, datetime.now(UTC))
    settings = load_settings(store=store)
    opened = open_to_read(settings)
    meta = opened.meta()
    _check_sites(site or [], meta)
    result = window_summary(opened, window, site or None, meta.settings.caps, top, meta)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(result), indent=2).decode())
    else:
        show(result, out)
        if not result.total_records and window != ALWAYS:
            _show_what_there_is(window_summary(opened, ALWAYS, site or None, top=1, meta=meta))


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 something could not be counted or read,
    2 a wrong option or setting, 3 something to choose, 4 a bug, 130 interrupted."""
    try:
        app(args=argv, prog_name="edgetally")
    except SystemExit as end:  # how Typer ends: commands, usage errors and Ctrl-C alike
        return int(end.code or OK)
    except Exception as error:
        return exit_code(error)
    return OK


def _figures(outcomes: list[Outcome]) -> dict[str, int]:
    """The figures of `ingest`. A conflict is a failure: it was asked for and not counted."""
    states = Counter(outcome.state for outcome in outcomes)
    return {
        "objects": len(outcomes),
        "committed": states["committed"],
        "duplicates": states["duplicate"],
        "failed": states["failed"] + states["conflict"],
        "records": sum(outcome.records for outcome in outcomes),
        "rejected": sum(sum(outcome.rejected.values()) for outcome in outcomes),
    }


def _check_sites(names: Sequence[str], meta: Meta) -> None:
    """Raises SettingError for a site that the store does not have."""
    known = sorted({sampled_site(stored)[0] for stored in meta.sites})
    for name in names:
        if name not in known:
            there_are = f"there are: {', '.join(known)}" if known else "it is empty"
            raise SettingError("--site", f"the store has no site {name!r}; {there_are}")


def _show_what_there_is(everything: Summary) -> None:
    if everything.total_records:
        out.print(
            f"The store has {everything.total_records:,} requests of {everything.time_range}: "
            "name another window, or none for all of it.",
            soft_wrap=True,
        )
