"""Log objects on a local disk."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import file_digest, sha256
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from typing_extensions import override

from pipeline.errors import ObjectUnavailable
from pipeline.objects import ObjectRef
from pipeline.source.port import Content, Source

_CHUNK = 1 << 20


def file_ref(path: Path) -> ObjectRef:
    """The object of a file: its absolute path is the key, its SHA-256 the etag.

    Raises ObjectUnavailable if it cannot be read.
    """
    ref = ObjectRef("", os.path.abspath(path))
    if not _is_text(ref.key):
        raise ObjectUnavailable("its name is not UTF-8, so it cannot be entered; rename it")
    with _errors(), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return ObjectRef("", ref.key, etag=file_digest(file, "sha256").hexdigest(), size=size)


def _is_text(name: str) -> bool:
    """Whether a file name's bytes were text: Python escapes those that were not (PEP 383)."""
    return not any("\udc80" <= char <= "\udcff" for char in name)


class FileSource(Source):
    """A source of objects whose key is a path, or the name of something that is kept in a file."""

    def __init__(self, kept: Mapping[str, Path] = MappingProxyType({})) -> None:
        self._kept = kept

    @override
    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[Content]:
        with _errors(), open(self._kept.get(ref.key, ref.key), "rb") as file:
            modified = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
            yield Content(ref, modified, _chunks(file, ref.etag))


def _chunks(file: BinaryIO, etag: str) -> Iterator[bytes]:
    digest = sha256()
    while chunk := _read(file):
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != etag:
        raise ObjectUnavailable("the file is not as it was when it was named: it was changed since")


def _read(file: BinaryIO) -> bytes:
    with _errors():
        return file.read(_CHUNK)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ObjectUnavailable(f"cannot be read: {error.strerror or error}") from error
