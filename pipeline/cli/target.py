"""The file that a command writes: it destroys nothing, and is whole or not there at all."""

import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pipeline.cli.sources import not_empty
from pipeline.errors import SettingError

_DATABASE = b"SQLite format 3\0"


def target(option: str, name: str, kept: Iterable[Path], force: bool, own: bytes = b"") -> Path:
    """The path of a file to write. A file that is there is replaced by `force`, or if it begins
    with the bytes by which the command knows its `own`.

    Raises SettingError for the `kept` files of a store, for any database, and for what is no file.
    """
    path = Path(not_empty(name, option))
    if not os.path.lexists(path):
        if not path.parent.is_dir():
            raise SettingError(option, f"there is no folder {path.parent}")
        return path
    if not stat.S_ISREG(path.lstat().st_mode):
        raise SettingError(option, f"{path} is no regular file; name another")
    if any(file.exists() and path.samefile(file) for file in kept):
        raise SettingError(option, f"{path} is the store itself; name another")
    if begins_with(path, _DATABASE):
        raise SettingError(option, f"{path} is a database, perhaps a store; name another")
    if not force and not (own and begins_with(path, own)):
        raise SettingError(option, f"{path} exists; --force replaces it")
    return path


def begins_with(path: Path, mark: bytes) -> bool:
    """Whether these are the first bytes of a file."""
    with path.open("rb") as file:
        return file.read(len(mark)) == mark


@contextmanager
def replacing(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A file with these rights, less the umask, that becomes `path` when it is complete. Raises
    OSError, which names `path`."""
    unfinished = path.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        with open(unfinished, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        unfinished.unlink(missing_ok=True)
