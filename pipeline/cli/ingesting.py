"""Log objects that a command names → counted, with a number that rises."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.cli.console import counting
from pipeline.cli.sources import LogObject
from pipeline.errors import ObjectUnavailable
from pipeline.ingest.ingest import Ingest, Outcome
from pipeline.objects import ObjectRef

BATCH = 80
"""Objects in one commit, if they are small: enough that a commit's cost is shared, few enough that
an interrupted run loses little and that a transaction of DynamoDB holds them."""


def ingest_all(
    count: Ingest, log_objects: Sequence[LogObject], progress: bool
) -> Iterator[Outcome]:
    """The outcome of every object; some are counted at a time."""
    with counting(f"of {len(log_objects):,} objects", progress) as advance:
        for start in range(0, len(log_objects), BATCH):
            refs: list[ObjectRef] = []
            for log_object in log_objects[start : start + BATCH]:
                try:
                    refs.append(hashed(log_object))
                except ObjectUnavailable as error:
                    yield Outcome(ObjectRef("", str(log_object)), "failed", reason=error.reason)
                    advance()
            yield from count(refs, on_read=lambda ref: advance(size=ref.size))


def hashed(log_object: LogObject) -> ObjectRef:
    """The object of a file, known by its content too. Raises ObjectUnavailable."""
    from pipeline.source.files import file_ref

    return file_ref(log_object) if isinstance(log_object, Path) else log_object
