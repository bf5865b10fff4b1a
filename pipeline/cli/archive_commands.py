"""The commands that move a store: export and import."""

import json
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from pipeline.bootstrap import open_store, open_to_read, store_files
from pipeline.cli.console import ForceOption, JsonOption, StoreOption, counting, out
from pipeline.cli.sources import not_empty
from pipeline.cli.target import replacing, target
from pipeline.errors import SettingError
from pipeline.settings import load_settings
from pipeline.words import number_of

archiving = typer.Typer()

OWNER_ONLY = 0o600


@archiving.command(epilog="Example: edgetally export --store sqlite:///a.db --to store.ndjson")
def export(
    store: StoreOption = None,
    to: Annotated[
        str | None,
        typer.Option(help="The file to write; `-` is standard output.", show_default=False),
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the whole store to a file of JSON lines, for another store or for keeping.

    It holds the key under which visitors are hashed; the file can be read by its owner only.
    """
    from pipeline.upkeep.archive import export as lines

    if to is None:
        raise SettingError("--to", "is needed: the file to write")
    settings = load_settings(store=store)
    path = None if to == "-" else target("--to", to, store_files(settings), force)
    opened = open_to_read(settings)
    written = replacing(path, OWNER_ONLY) if path else nullcontext(sys.stdout.buffer)
    with written as file, counting("lines", not as_json) as advance:
        count = 0
        for line in lines(opened, opened.meta().settings.caps, advance):
            file.write(line)
            count += 1
    if as_json and path:
        print(json.dumps({"file": str(to), "lines": count}))
    elif path:
        out.print(f"{number_of(count, 'line')} written to {to}", markup=False, soft_wrap=True)


@archiving.command(
    "import", epilog="Example: edgetally import store.ndjson --store dynamodb://TABLE"
)
def import_(
    name: Annotated[
        str, typer.Argument(metavar="FILE", help="The file that `edgetally export` wrote.")
    ],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write an exported store into an empty one. The file is checked before a store is opened."""
    from pipeline.upkeep.archive import BadArchive, restore

    settings = load_settings(store=store)
    with (
        _exported(Path(not_empty(name, "FILE"))) as lines,
        counting("lines", not as_json) as advance,
    ):
        try:
            entries, rows = restore(lines, partial(open_store, settings), advance)
        except BadArchive as error:
            raise BadArchive(f"{name}: {error}") from error
    if as_json:
        print(json.dumps({"objects": entries, "rows": rows}))
    else:
        out.print(f"{number_of(entries, 'object')} and {number_of(rows, 'row')} imported")


def _exported(file: Path) -> BinaryIO:
    """An open file. Raises SettingError."""
    try:
        return file.open("rb")
    except OSError as error:
        raise SettingError("FILE", f"{file} cannot be read: {error.strerror}") from error
