"""Counting days anew from their objects, beside what is read, and turning to that at once.

The way to mend what a parser got wrong, and to forget an object. Everything that is committed
meanwhile goes into both; see `pipeline.store.generations`.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from pipeline.errors import ObjectError, StoreError
from pipeline.hours import HOURS_PER_DAY, hour_start
from pipeline.ingest.commit import commit_batch
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef
from pipeline.store.counted import Counted
from pipeline.store.generations import Days, Generations, Rebuild
from pipeline.store.ledger import LedgerEntry
from pipeline.store.port import Store

_READ_TOGETHER = 80


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild did: the objects counted anew and forgotten, and those that stand in its way,
    with the reason. With any of those, readers still see the old rows."""

    generation: int
    recounted: int = 0
    forgotten: int = 0
    failed: list[tuple[ObjectRef, str]] = field(default_factory=list)


def rebuild(
    store: Store,
    reader: Reader,
    days: Days,
    forget: Collection[ObjectRef] = (),
    on_object: Callable[[], None] = lambda: None,
) -> Rebuilt:
    """Recount the objects of these days, without those to `forget`, and let readers see that.

    One that was interrupted, or that failed, goes on where it was. Nothing is switched unless
    every object is counted. Raises StoreError while a rebuild of other days is open, and for an
    object to forget that is not counted or lies partly outside of the days.
    """
    _check_forgotten(store, forget, days)
    opened = _opened(store, days)
    done = Rebuilt(opened.generation)
    failing: dict[str, tuple[ObjectRef, str]] = {}
    complete = False
    while not complete:
        complete = True
        for batch in _behind(store, opened, failing):
            complete = False
            _recount(store, reader, opened, batch, forget, done, failing)
            for _ in batch:
                on_object()
    done.failed = list(failing.values())
    if not done.failed and not opened.shown:
        store.turn(Generations.show)
    return done


def confirm(store: Store) -> int:
    """Keep the new rows for good and delete the old ones; how many. Raises StoreError."""
    store.turn(Generations.confirm)
    return store.sweep()


def undo(store: Store) -> int:
    """Return to the old rows and delete the new ones; how many. Raises StoreError."""
    store.turn(Generations.undo)
    return store.sweep()


def _check_forgotten(store: Store, forget: Collection[ObjectRef], days: Days) -> None:
    ledger = store.ledger(list(forget))
    for ref in forget:
        entry = ledger.get(ref)
        if entry is None or entry.state != "committed":
            raise StoreError(f"{ref.name} is not counted, so it cannot be forgotten")
        outside = [hour for hour in entry.hours if hour // HOURS_PER_DAY not in days]
        if outside:
            raise StoreError(
                f"{ref.name} has lines on {hour_start(outside[0]):%Y-%m-%d} too; "
                "rebuild that day with the others, so that all of it is forgotten"
            )


def _opened(store: Store, days: Days) -> Rebuild:
    """The open rebuild of these days, or a new one."""
    generations = store.meta().generations
    if generations.rebuild is not None and generations.rebuild.days == days:
        # Whoever began it may have been interrupted before every commit knew of it.
        return store.turn(Generations.again).open_rebuild
    if generations.unswept:
        store.sweep()
    return store.turn(lambda found: found.begin(days)).open_rebuild


def _behind(store: Store, opened: Rebuild, failing: Collection[str]) -> Iterator[list[LedgerEntry]]:
    """The objects of the rebuild's days that are not in its generation yet, nor failed in it."""
    generations = store.meta().generations
    left = (
        entry
        for entry in store.objects()
        if entry.state in ("committed", "partial")
        and entry.generation < opened.generation
        and entry.ref.id not in failing
        and entry.as_read(generations).touches(opened.days)
    )
    while batch := list(islice(left, _READ_TOGETHER)):
        yield batch


def _recount(
    store: Store,
    reader: Reader,
    opened: Rebuild,
    batch: Sequence[LedgerEntry],
    forget: Collection[ObjectRef],
    done: Rebuilt,
    failing: dict[str, tuple[ObjectRef, str]],
) -> None:
    unwanted = {ref.id for ref in forget}
    entries = {entry.ref.id: entry for entry in batch}
    for entry in batch:
        if entry.state == "partial":
            reason = "it is half committed; let it be delivered again, and run this again"
            failing[entry.ref.id] = (entry.ref, reason)
    forgotten = [entry.ref for entry in batch if entry.ref.id in unwanted]
    wanted = [
        entry.ref for entry in batch if entry.ref.id not in unwanted and entry.ref.id not in failing
    ]
    store.forget(opened, forgotten)
    done.forgotten += len(forgotten)
    for group in reader.groups(wanted):
        for ref, error in group.failed:
            failing[ref.id] = (ref, _reason(error))
        outside: list[ObjectRef] = []
        for counted in group.batch.objects:
            if problem := _outside(entries[counted.ref.id], counted, opened.days):
                failing[counted.ref.id] = (counted.ref, problem)
                outside.append(counted.ref)
        result = commit_batch(
            group.batch.without(outside), lambda delta: store.recount(opened, delta)
        )
        for _, error in result.failed:
            raise error
        done.recounted += len(result.committed) + len(result.duplicates)


def _outside(entry: LedgerEntry, counted: Counted, days: Days) -> str:
    """Why the days of a rebuild are too few for an object: what it has on other days, which are
    not counted anew, must be what was counted there. "" if it is."""
    before = {h: n for h, n in entry.hours.items() if h // HOURS_PER_DAY not in days}
    now = {h: n for h, n in counted.hours.items() if h // HOURS_PER_DAY not in days}
    if before == now:
        return ""
    hour = min(h for h in before.keys() | now.keys() if before.get(h) != now.get(h))
    return (
        f"it is counted differently on {hour_start(hour):%Y-%m-%d} too; "
        "undo this and rebuild that day with the others"
    )


def _reason(error: Exception) -> str:
    if isinstance(error, ObjectError):
        return f"{error.reason}; bring it back, or forget it"
    return f"a bug in edgetally, please report it: {type(error).__name__}: {error}"
