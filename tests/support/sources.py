"""A source of objects whose bodies are in a dictionary."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from pipeline.objects import ObjectRef
from pipeline.source.port import Content


class BodySource:
    """Gives the bodies of a dictionary by key; `on_open` hears of each object that is read."""

    def __init__(
        self,
        bodies: Mapping[str, bytes],
        modified: datetime,
        on_open: Callable[[ObjectRef], None] = lambda ref: None,
    ) -> None:
        self._bodies = bodies
        self._modified = modified
        self._on_open = on_open

    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[Content]:
        """See `Source.open`."""
        self._on_open(ref)
        yield Content(ref, self._modified, [self._bodies[ref.key]])
