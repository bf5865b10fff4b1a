"""What the user names → objects: files, folders, globs and s3:// prefixes."""

import glob
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.errors import SettingError
from pipeline.objects import ObjectRef
from pipeline.source.port import Listed

ListBucket = Callable[[str, str | None], Iterable[Listed]]
Found = Path | ObjectRef
"""A local file, which is yet to be hashed, or an object in a bucket."""


def expand(sources: Iterable[str], list_bucket: ListBucket) -> list[Found]:
    """Everything the sources name, each object once, in order of name.

    A folder stands for all files below it that are not hidden. `s3://bucket` without a slash
    stands for the configured prefix of the bucket. Raises SettingError for a source that names
    nothing.
    """
    everything: dict[str, Found] = {}
    for source in sources:
        found = _objects(source, list_bucket) if source.startswith("s3://") else _files(source)
        if not found:
            raise SettingError("SOURCE", f"{source!r} names no log object")
        everything |= found
    return [everything[name] for name in sorted(everything)]


def without_store(found: Iterable[Found], store: Path | None) -> list[Found]:
    """What was found, without the files of the store itself, which may lie among the logs."""
    own = {f"{os.path.abspath(store)}{end}" for end in ("", "-wal", "-shm")} if store else set()
    return [
        each for each in found if isinstance(each, ObjectRef) or os.path.abspath(each) not in own
    ]


def _objects(source: str, list_bucket: ListBucket) -> dict[str, Found]:
    url = urlsplit(source)
    prefix = url.path[1:] if url.path else None
    return {ref.name: ref for ref, _ in list_bucket(url.netloc, prefix)}


def _files(source: str) -> dict[str, Found]:
    path = Path(source)
    if path.is_dir():
        paths: Iterator[Path] = (each for each in path.rglob("*") if not _hidden(each, path))
    elif path.exists():
        paths = iter([path])
    else:
        paths = map(Path, glob.iglob(source, recursive=True))
    return {os.path.abspath(each): each for each in paths if each.is_file()}


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)
