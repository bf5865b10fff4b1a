"""Log objects that a command names → outcomes, and what is said of them."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pipeline.cli.console import complain
from pipeline.cli.meter import Meter
from pipeline.cli.sources import LogObject
from pipeline.errors import CommitRefused, CorruptRow, ObjectUnavailable, StoreError
from pipeline.hours import HOURS_PER_DAY, hour_start
from pipeline.ingest.ingest import Ingest, Outcome
from pipeline.objects import ObjectRef
from pipeline.source.files import file_ref
from pipeline.store.ledger import LedgerEntry
from pipeline.store.port import Store
from pipeline.words import number_of

BATCH = 80
"""Objects in one commit, if they are small: enough that a commit's cost is shared, few enough that
an interrupted run loses little and that a transaction of DynamoDB holds them."""


def ingest_all(count: Ingest, log_objects: Sequence[LogObject], meter: Meter) -> Iterator[Outcome]:
    """The outcome of every object; some are counted at a time. If that is interrupted, a line says
    what is committed."""
    return _ingest_all(count, log_objects, meter, _say_what_is_committed)


def ingest_for_now(
    count: Ingest, log_objects: Sequence[LogObject], meter: Meter
) -> Iterator[Outcome]:
    """The same into a store that ends with the command."""
    return _ingest_all(count, log_objects, meter, _say_that_nothing_is_kept)


def _say_what_is_committed(committed: int, total: str) -> None:
    complain(
        f"interrupted: {committed:,} of {total} committed, each of them whole. The same "
        "command counts the rest"
    )


def _say_that_nothing_is_kept(read: int, total: str) -> None:
    complain(
        f"interrupted: {read:,} of {total} read. No report was written, and nothing is kept: the "
        "same command begins anew"
    )


def _ingest_all(
    count: Ingest,
    log_objects: Sequence[LogObject],
    meter: Meter,
    on_interrupt: Callable[[int, str], None],
) -> Iterator[Outcome]:
    committed = 0
    refs: list[ObjectRef] = []
    began = int(time.time())
    try:
        for start in range(0, len(log_objects), BATCH):
            began = int(time.time())
            refs, failed = _hashed(log_objects[start : start + BATCH])
            yield from failed
            outcomes = count(refs, on_read=meter.note_object)
            committed += sum(outcome.state in ("committed", "expired") for outcome in outcomes)
            refs = []
            yield from outcomes
    except KeyboardInterrupt:
        committed += _count_committed(count.store, refs, began)
        on_interrupt(committed, number_of(len(log_objects), "object"))
        raise


def hashed(log_object: LogObject) -> ObjectRef:
    """The object of a file, known by its content too. Raises ObjectUnavailable."""
    return file_ref(log_object) if isinstance(log_object, Path) else log_object


def show_failures(outcomes: Sequence[Outcome]) -> None:
    """Print a line for each object that was not counted; one for all if the store failed."""
    of_store: Counter[str] = Counter()
    for outcome in outcomes:
        if _is_of_store(outcome.error):
            of_store[outcome.reason] += 1
        elif outcome.reason:
            complain(f"{outcome.ref.name}: {outcome.reason}")
    for reason, count in of_store.items():
        complain(f"{number_of(count, 'object')} not counted: {reason}")


def show_unseen(store: Store, outcomes: Sequence[Outcome]) -> None:
    """Say which objects are in the ledger and in no row that readers see: those that a rebuild has
    forgotten, and those past the retention."""
    meta = store.meta()
    refs = [outcome.ref for outcome in outcomes if outcome.state in ("duplicate", "expired")]
    entries = [
        entry.as_read(meta.generations)
        for start in range(0, len(refs), BATCH)
        for entry in store.ledger(refs[start : start + BATCH]).values()
    ]
    for entry in sorted(entries, key=lambda entry: entry.ref.name):
        if entry.state == "forgotten":
            complain(
                f"{entry.ref.name}: is forgotten (edgetally rebuild --forget), so it is not "
                "counted again; under another name it would be"
            )
    _show_past(entries, meta.first_row_day)


def _show_past(entries: Sequence[LedgerEntry], first: int) -> None:
    past = [entry for entry in entries if entry.hours and max(entry.hours) < first * HOURS_PER_DAY]
    day = f"{hour_start(first * HOURS_PER_DAY):%Y-%m-%d}"
    for name in sorted(entry.ref.name for entry in past):
        complain(f"{name}: all its hours are before {day}, past the retention: none is shown")
    if past:
        complain(
            "To show them: edgetally settings retention_days=DAYS, then edgetally rebuild "
            f"--from DAY --to {day}"
        )


def _hashed(log_objects: Sequence[LogObject]) -> tuple[list[ObjectRef], list[Outcome]]:
    """The objects, and the outcomes of files that cannot be read."""
    refs, failed = [], []
    for log_object in log_objects:
        try:
            refs.append(hashed(log_object))
        except ObjectUnavailable as error:
            ref = ObjectRef("", str(log_object))
            failed.append(Outcome(ref, "failed", reason=error.reason, error=error))
    return refs, failed


def _count_committed(store: Store, refs: Sequence[ObjectRef], since: int) -> int:
    """How many of those objects were committed from a time on, in epoch seconds."""
    entries = store.ledger(refs) if refs else {}
    return sum(
        entry.standing(ref) == "duplicate" and entry.at >= since for ref, entry in entries.items()
    )


def _is_of_store(error: Exception | None) -> bool:
    return isinstance(error, StoreError) and not isinstance(error, CommitRefused | CorruptRow)
