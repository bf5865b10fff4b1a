"""The commands that read log objects: ingest and inspect."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from pipeline.bootstrap import Sources, open_ingest, open_store, store_files
from pipeline.cli.console import JsonOption, StoreOption, out
from pipeline.cli.exits import FAILED, OK
from pipeline.cli.ingesting import hashed, ingest_all, show_failures, show_unseen
from pipeline.cli.meter import Meter, shown
from pipeline.cli.sources import expanded
from pipeline.errors import ObjectUnavailable
from pipeline.ingest.ingest import Outcome
from pipeline.settings import load_settings
from pipeline.words import number_of

counting_commands = typer.Typer()

_NOUNS = ("objects", "duplicates", "records")

SourcesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE",
        help="Files, folders (with all below them), globs in quotes, s3://bucket/prefix, or - for "
        "standard input.",
    ),
]


@counting_commands.command(
    epilog="Example: edgetally ingest logs/ --store sqlite:///edgetally.db",
)
def ingest(
    sources: SourcesArgument, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """Count log objects into the store, each exactly once.

    An object is known by its name: a file by its absolute path, with a hash of its content.
    Ingesting it again commits nothing. A copy of a file under another path is another object,
    and is counted again; a link is the file it points to, and standard input is known by its
    content. Hidden files and links to folders are passed over, and named.

    Exit code 1 when an object could not be counted or a folder could not be listed.
    """
    settings = load_settings(store=store)
    meter = Meter()
    buckets = Sources(settings, meter.note_bytes)
    with expanded(sources, buckets, store_files(settings)) as expansion:
        opened = open_store(settings)
        count = open_ingest(settings, opened, buckets, meter.note_lines)
        with shown(meter, expansion.objects, show=not as_json):
            outcomes = list(ingest_all(count, expansion.objects, meter))
    _show(outcomes, as_json)
    show_failures(outcomes)
    show_unseen(opened, outcomes)
    complete = expansion.report()
    failed = any(outcome.reason for outcome in outcomes)
    raise typer.Exit(FAILED if failed or not complete else OK)


@counting_commands.command(
    epilog="Example: edgetally inspect logs/E2EXAMPLE.2026-11-23-10.a1b2c3d4.gz"
)
def inspect(sources: SourcesArgument, as_json: JsonOption = False) -> None:
    """Show what log objects are and what would be counted; write nothing.

    Container, format, layout and where it is from, site, hours, and the lines that would be
    rejected, with the first of each kind. The first thing to run when a number looks wrong.

    Exit code 1 when an object would be refused.
    """
    from pipeline.cli.show_inspection import show_inspection
    from pipeline.ingest.inspect import Inspection
    from pipeline.ingest.inspect import inspect as look

    settings = load_settings(store="memory://")
    buckets = Sources(settings)
    count = open_ingest(settings, open_store(settings), buckets)
    inspections = []
    with expanded(sources, buckets) as expansion:
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


def _show(outcomes: Sequence[Outcome], as_json: bool) -> None:
    figures = _figures(outcomes)
    if as_json:
        problems = [_problem(outcome) for outcome in outcomes if outcome.reason]
        print(json.dumps({**figures, "problems": problems}))
        return
    out.print(
        ", ".join(
            number_of(value, name[:-1]) if name in _NOUNS else f"{value:,} {name}"
            for name, value in figures.items()
            if value or name != "expired"
        )
    )


def _problem(outcome: Outcome) -> dict[str, Any]:
    return {"name": outcome.ref.name, "state": outcome.state, "reason": outcome.reason}


def _figures(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """The figures of `ingest`. A conflict is a failure: it was asked for and not counted."""
    states = Counter(outcome.state for outcome in outcomes)
    return {
        "objects": len(outcomes),
        "committed": states["committed"],
        "duplicates": states["duplicate"],
        "expired": states["expired"],
        "failed": states["failed"] + states["conflict"],
        "records": sum(outcome.records for outcome in outcomes),
        "rejected": sum(sum(outcome.rejected.values()) for outcome in outcomes),
    }
