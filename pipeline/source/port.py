"""What the use cases need of the place where log objects are."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from pipeline.objects import ObjectRef


class Content(NamedTuple):
    """An opened object: which version it is, its own time, and its bytes in chunks."""

    ref: ObjectRef
    modified: datetime
    chunks: Iterable[bytes]


class Listed(NamedTuple):
    """An object as it is found in its bucket, and its own time."""

    ref: ObjectRef
    modified: datetime


class Depth(NamedTuple):
    """About how many messages wait, and how many are being worked on."""

    waiting: int
    in_flight: int


class Source(Protocol):
    """Where objects are read from."""

    def open(self, ref: ObjectRef) -> AbstractContextManager[Content]:
        """The object's content, exactly the version that `ref` names.

        The content's `ref` is `ref` with etag and size filled in. Raises ObjectUnavailable when
        that version cannot be read, from here or while the chunks are.
        """
        ...
