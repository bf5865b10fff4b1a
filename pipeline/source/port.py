"""The port of a source of log objects."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from pipeline.objects import ObjectRef


class Content(NamedTuple):
    """An opened object: its version, its time of modification, and its bytes in chunks."""

    ref: ObjectRef
    modified: datetime
    chunks: Iterable[bytes]


class Listed(NamedTuple):
    """An object in the inventory of a bucket, and its time of modification."""

    ref: ObjectRef
    modified: datetime


class Depth(NamedTuple):
    """Approximate numbers of messages: those that wait, and those in work."""

    waiting: int
    in_flight: int


class Source(Protocol):
    """A place that objects are read from."""

    def open(self, ref: ObjectRef) -> AbstractContextManager[Content]:
        """The content of exactly the version that `ref` names.

        The content's `ref` is `ref` with etag and size filled in. Raises ObjectUnavailable if
        that version cannot be read, from here or from the chunks.
        """
        ...
