"""The commands that repair a store and move it: count days anew, export, import."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from pipeline.bootstrap import open_existing, open_ingest, open_store
from pipeline.cli.console import (
    FAILED,
    OK,
    FromOption,
    JsonOption,
    StoreOption,
    ToOption,
    complain,
    counting,
    out,
)
from pipeline.cli.window import parse_window
from pipeline.errors import SettingError
from pipeline.hours import HOURS_PER_DAY, Window
from pipeline.objects import ObjectRef
from pipeline.settings import load_settings
from pipeline.store.generations import Days

repairing = typer.Typer()


@repairing.command(
    epilog="Example: edgetally rebuild --from 2026-11-20 --to 2026-11-23 --store dynamodb://TABLE"
)
def rebuild(
    store: StoreOption = None,
    start: FromOption = None,
    end: ToOption = None,
    forget: Annotated[
        list[str] | None,
        typer.Option(
            help="Leave this object out: s3://bucket/key or a file (may be repeated).",
            show_default=False,
        ),
    ] = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Keep the new count, delete the old.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Return to the old count, delete the new.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Count days anew from their objects: to mend what was counted wrongly, or to forget an object.

    The new count is made beside the old one, while both go on being written. When every object is
    in it, readers see it, all at once. The old one is kept until --confirm or --undo. Whole UTC
    days are rebuilt; exit code 1 when an object stands in the way, and then nothing has changed.
    """
    from pipeline.upkeep.rebuild import confirm as keep
    from pipeline.upkeep.rebuild import rebuild as count_anew
    from pipeline.upkeep.rebuild import undo as take_back

    settings = load_settings(store=store)
    opened = open_existing(settings)
    if confirm or undo:
        rows = (keep if confirm else take_back)(opened)
        if as_json:
            print(json.dumps({"deleted_rows": rows}))
        else:
            out.print(f"{rows:,} rows of the {'old' if confirm else 'new'} count deleted")
        return
    days = _days(parse_window(None, start, end, datetime.now(UTC)))
    count, _ = open_ingest(settings, opened)
    refs = [_named(name) for name in forget or []]
    with counting("objects", not as_json) as advance:
        done = count_anew(opened, count.reader, days, refs, advance)
    for ref, reason in done.failed:
        complain(f"{ref.name}: {reason}")
    if as_json:
        print(
            json.dumps(
                {
                    "generation": done.generation,
                    "recounted": done.recounted,
                    "forgotten": done.forgotten,
                    "failed": [{"name": ref.name, "reason": why} for ref, why in done.failed],
                }
            )
        )
    elif done.failed:
        complain(f"{len(done.failed)} objects stand in the way: readers still see the old count")
    else:
        out.print(
            f"{done.recounted:,} objects counted anew, {done.forgotten:,} forgotten; readers see "
            "the new count.\nLook at it, then: edgetally rebuild --confirm, or --undo"
        )
    raise typer.Exit(FAILED if done.failed else OK)


@repairing.command(epilog="Example: edgetally export --store sqlite:///a.db --to store.ndjson")
def export(
    store: StoreOption = None,
    to: Annotated[Path | None, typer.Option(help="The file to write.", show_default=False)] = None,
) -> None:
    """Write the whole store to a file of JSON lines, for another store or for keeping.

    It holds the key under which visitors are hashed; the file can be read by its owner only.
    """
    from pipeline.upkeep.archive import export as lines

    if to is None:
        raise SettingError("--to", "is needed: the file to write")
    settings = load_settings(store=store)
    opened = open_existing(settings)
    partial = to.with_name(f".{to.name}.partial")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with open(handle, "wb") as file, counting("lines", True) as advance:
            file.writelines(lines(opened, settings.caps, advance))
        partial.replace(to)
    finally:
        partial.unlink(missing_ok=True)


@repairing.command(
    "import", epilog="Example: edgetally import store.ndjson --store dynamodb://TABLE"
)
def import_(
    file: Annotated[Path, typer.Argument(help="What `edgetally export` wrote.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write an exported store into an empty one. The file is checked before anything is written."""
    from pipeline.upkeep.archive import restore

    opened = open_store(load_settings(store=store))
    try:
        with file.open("rb") as lines, counting("lines", not as_json) as advance:
            entries, rows = restore(lines, opened, advance)
    except OSError as error:
        raise SettingError("FILE", f"{file} cannot be read: {error.strerror}") from error
    if as_json:
        print(json.dumps({"objects": entries, "rows": rows}))
    else:
        out.print(f"{entries:,} objects and {rows:,} rows imported")


def _days(window: Window) -> Days:
    """The whole days of a window that has both bounds."""
    if window.start is None or window.end is None:
        raise SettingError("--from", "and --to are needed: the days to count anew")
    return Days(window.start // HOURS_PER_DAY, -(-window.end // HOURS_PER_DAY))


def _named(name: str) -> ObjectRef:
    """The object that a user names."""
    url = urlsplit(name)
    if url.scheme == "s3":
        return ObjectRef(url.netloc, name.removeprefix(f"s3://{url.netloc}/"))
    return ObjectRef("", os.path.abspath(name))
