"""The commands that move a store: export and import."""

import json
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from pipeline.bootstrap import open_store, open_to_read, store_files
from pipeline.cli.console import JsonOption, StoreOption, counting, out
from pipeline.errors import SettingError
from pipeline.settings import load_settings
from pipeline.words import number_of

archiving = typer.Typer()


@archiving.command(epilog="Example: edgetally export --store sqlite:///a.db --to store.ndjson")
def export(
    store: StoreOption = None,
    to: Annotated[
        Path | None,
        typer.Option(help="The file to write; `-` is standard output.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the whole store to a file of JSON lines, for another store or for keeping.

    It holds the key under which visitors are hashed; the file can be read by its owner only.
    """
    from pipeline.upkeep.archive import export as lines

    if to is None:
        raise SettingError("--to", "is needed: the file to write")
    settings = load_settings(store=store)
    is_piped = str(to) == "-"
    if not is_piped:
        _check_target(to, force, store_files(settings))
    opened = open_to_read(settings)
    written = nullcontext(sys.stdout.buffer) if is_piped else _replacing(to)
    with written as file, counting("lines", not as_json) as advance:
        count = 0
        for line in lines(opened, opened.meta().settings.caps, advance):
            file.write(line)
            count += 1
    if as_json and not is_piped:
        print(json.dumps({"file": str(to), "lines": count}))
    elif not is_piped:
        out.print(f"{number_of(count, 'line')} written to {to}", markup=False, soft_wrap=True)


@archiving.command(
    "import", epilog="Example: edgetally import store.ndjson --store dynamodb://TABLE"
)
def import_(
    file: Annotated[Path, typer.Argument(help="The file that `edgetally export` wrote.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write an exported store into an empty one. The file is checked before a store is opened."""
    from pipeline.upkeep.archive import restore

    settings = load_settings(store=store)
    try:
        lines = file.open("rb")
    except OSError as error:
        raise SettingError("FILE", f"{file} cannot be read: {error.strerror}") from error
    with lines, counting("lines", not as_json) as advance:
        entries, rows = restore(lines, partial(open_store, settings), advance)
    if as_json:
        print(json.dumps({"objects": entries, "rows": rows}))
    else:
        out.print(f"{number_of(entries, 'object')} and {number_of(rows, 'row')} imported")


def _check_target(to: Path, force: bool, store: list[Path]) -> None:
    """Raises SettingError for a target that an export would destroy or could not replace."""
    if not os.path.lexists(to):
        if not to.parent.is_dir():
            raise SettingError("--to", f"there is no folder {to.parent}")
        return
    if not stat.S_ISREG(to.lstat().st_mode):
        raise SettingError("--to", f"{to} is no regular file; name another")
    if any(file.exists() and to.samefile(file) for file in store):
        raise SettingError("--to", f"{to} is the store itself; name another")
    if not force:
        raise SettingError("--to", f"{to} exists; --force replaces it")


@contextmanager
def _replacing(to: Path) -> Iterator[BinaryIO]:
    """A file that only its owner can read, which becomes `to` when it is complete."""
    handle, name = tempfile.mkstemp(prefix=f".{to.name}.", suffix=".partial", dir=to.parent)
    unfinished = Path(name)
    try:
        with open(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(handle)
        unfinished.replace(to)
    finally:
        unfinished.unlink(missing_ok=True)
