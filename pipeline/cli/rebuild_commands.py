"""The commands that count days again and keep or drop that count."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.bootstrap import open_existing, open_ingest
from pipeline.cli.console import (
    JsonOption,
    StoreOption,
    complain,
    counting,
    out,
)
from pipeline.cli.exits import FAILED, OK
from pipeline.cli.sources import named
from pipeline.cli.window import FromOption, ToOption, parse_window
from pipeline.errors import SettingError
from pipeline.hours import HOURS_PER_DAY, Window, hour_start
from pipeline.settings import load_settings
from pipeline.store.generations import Days, Rebuild
from pipeline.words import number_of

if TYPE_CHECKING:
    from pipeline.upkeep.rebuild import Rebuilt

repairing = typer.Typer()

ForgetOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Leave this object out: s3://bucket/key or a file (may be repeated).",
        show_default=False,
    ),
]


@repairing.callback(
    invoke_without_command=True,
    epilog="Example: edgetally rebuild --from 2026-11-20 --to 2026-11-23 --store dynamodb://TABLE",
)
def rebuild(
    context: typer.Context,
    store: StoreOption = None,
    start: FromOption = None,
    end: ToOption = None,
    forget: ForgetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Recount days from their objects: to mend what was counted wrongly, or to forget an object.

    The new count is made beside the old one, while both go on being written. When every object is
    in it, readers see it, all at once. The old one is kept until `rebuild confirm` or `rebuild
    undo`. Whole UTC days are rebuilt; exit code 1 when an object stands in the way, and then
    nothing has changed.
    """
    if context.invoked_subcommand:
        if store or start or end or forget or as_json:
            raise SettingError("rebuild", f"put options behind {context.invoked_subcommand}")
        return
    from pipeline.upkeep.rebuild import rebuild as recount

    settings = load_settings(store=store)
    days = _days(parse_window(datetime.now(UTC), start, end))
    opened = open_existing(settings)
    before = opened.meta().generations.rebuild
    count = open_ingest(settings, opened)
    refs = [named(name, "--forget") for name in forget or []]
    with counting("objects", not as_json) as advance:
        done = recount(opened, count.reader, days, refs, advance)
    show_obstacles(done)
    _show_unkept(days, opened.meta().first_row_day)
    if as_json:
        print(json.dumps(as_document(done)))
    elif not done.failed:
        _show_recounted(done, before)
    raise typer.Exit(FAILED if done.failed else OK)


@repairing.command(epilog="Example: edgetally rebuild confirm --store dynamodb://TABLE")
def confirm(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Keep the new count of an open rebuild, and delete the old one."""
    from pipeline.upkeep.rebuild import confirm as keep

    rows = keep(open_existing(load_settings(store=store)))
    _show_deleted(rows, "Readers keep the new count", as_json)


@repairing.command(epilog="Example: edgetally rebuild undo --store dynamodb://TABLE")
def undo(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Return to the old count, and delete the new one of an open rebuild."""
    from pipeline.upkeep.rebuild import undo as take_back

    rows = take_back(open_existing(load_settings(store=store)))
    _show_deleted(rows, "Readers see the old count again", as_json)


def show_obstacles(done: "Rebuilt") -> None:
    """Print on stderr the objects that stand in the way of a rebuild."""
    for ref, reason in done.failed:
        complain(f"{ref.name}: {reason}")
    if done.failed:
        objects = number_of(len(done.failed), "object")
        complain(f"{objects} in the way: readers still see the old count")
        name = done.failed[0][0].name
        complain(f"Put back what was there, or leave it out: edgetally rebuild … --forget {name}")


def _show_unkept(days: Days, first: int) -> None:
    """Say that some of the days have no rows, and why."""
    if days.start < first:
        day = f"{hour_start(first * HOURS_PER_DAY):%Y-%m-%d}"
        complain(
            f"days before {day} are not shown: they are past the retention, or were when it was "
            "raised. To show them: edgetally settings retention_days=DAYS, then edgetally rebuild "
            f"--from DAY --to {day}"
        )


def as_document(done: "Rebuilt") -> dict[str, Any]:
    """The result of a rebuild for programs."""
    failed = [{"name": ref.name, "reason": reason} for ref, reason in done.failed]
    return asdict(done) | {"failed": failed}


def _show_recounted(done: "Rebuilt", before: Rebuild | None) -> None:
    if before is not None and before.shown and before.generation == done.generation:
        out.print("This rebuild is open already, and goes on.")
    out.print(
        f"{number_of(done.recounted, 'object')} recounted, {done.forgotten:,} forgotten; "
        "readers see the new count.\nLook at it, then: edgetally rebuild confirm, or undo"
    )


def _show_deleted(rows: int, seen: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"deleted_rows": rows}))
    else:
        out.print(f"{seen}; {number_of(rows, 'row')} of the other count deleted")


def _days(window: Window) -> Days:
    """The whole days of a window that has both bounds."""
    if window.start is None or window.end is None:
        raise SettingError("--from", "is needed, and so is --to: the days to recount")
    return Days(window.start // HOURS_PER_DAY, -(-window.end // HOURS_PER_DAY))
