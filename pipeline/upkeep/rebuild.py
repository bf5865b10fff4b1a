"""A rebuild counts days again from their objects, and then shows all of the new count at once.

It mends what a parser got wrong, and it forgets objects. Readers see the old count until the new
one is complete. Objects that are committed meanwhile go into both: see
`pipeline.store.generations`.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from pipeline.errors import ObjectError, StoreError
from pipeline.hours import HOURS_PER_DAY, hour_start
from pipeline.ingest.batch import Batch
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
    """The result of a rebuild: how many objects were recounted and forgotten, and which objects
    stand in its way, with the reason. If any does, readers still see the old rows."""

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
    """Recount the objects of these days, without those to `forget`, and show the new count.

    An open rebuild of the same days goes on where it stopped; it begins again if it has counted
    an object that is to be forgotten. Nothing is shown unless every object is counted. Raises
    StoreError while a rebuild of other days is open, if somebody else ends this one, and for an
    object to forget that is not counted or lies partly outside of the days.
    """
    _check_forgotten(store, forget, days)
    _check_remembered(store, days)
    opened = _opened(store, days, forget)
    forgotten = frozenset(ref.id for ref in forget)
    work = _Work(store, reader, opened, forgotten, Rebuilt(opened.generation))
    while batch := work.next_batch():
        work.recount(batch)
        for _ in batch:
            on_object()
    done = work.result()
    if not done.failed:
        store.turn(lambda state: state.show(opened.generation))
    return done


def confirm(store: Store) -> int:
    """Keep the new count for good and delete the old rows; returns how many. Raises StoreError
    if there is no complete rebuild."""
    generation = _open(store).generation
    store.turn(lambda state: state.confirm(generation))
    return store.sweep()


def undo(store: Store) -> int:
    """Return to the old count and delete the new rows; returns how many. Raises StoreError if
    there is no rebuild."""
    generation = _open(store).generation
    store.turn(lambda state: state.undo(generation))
    return store.sweep()


def abandon(store: Store, reader: Reader, ref: ObjectRef) -> Rebuilt:
    """Take back the parts of a half-committed object, by a rebuild of its days that forgets it.

    Its next delivery is a duplicate. The rebuild is confirmed unless an object stands in its way.
    Raises StoreError if the object is not half committed.
    """
    entry = store.ledger([ref]).get(ref)
    if entry is None or entry.as_read(store.meta().generations).state != "partial":
        raise StoreError(f"{ref.name} is not half committed, so it cannot be abandoned")
    days = [hour // HOURS_PER_DAY for hour in entry.hours]
    done = rebuild(store, reader, Days(min(days), max(days) + 1), [ref])
    if not done.failed:
        confirm(store)
    return done


def _open(store: Store) -> Rebuild:
    rebuild = store.meta().generations.rebuild
    if rebuild is None:
        raise StoreError("no rebuild is open")
    return rebuild


def _check_forgotten(store: Store, forget: Collection[ObjectRef], days: Days) -> None:
    ledger = store.ledger(list(forget))
    generations = store.meta().generations
    for ref in forget:
        entry = ledger[ref].as_read(generations) if ref in ledger else None
        if entry is None or entry.state == "failed":
            raise StoreError(f"{ref.name} is not counted, so it cannot be forgotten")
        outside = [hour for hour in entry.hours if hour // HOURS_PER_DAY not in days]
        if outside:
            raise StoreError(
                f"{ref.name} has lines on {hour_start(outside[0]):%Y-%m-%d} too; "
                "rebuild that day with the others, so that all of it is forgotten"
            )


def _check_remembered(store: Store, days: Days) -> None:
    first = store.meta().first_ledger_day
    if days.start < first:
        raise StoreError(
            f"the ledger knows the objects of {hour_start(first * HOURS_PER_DAY):%Y-%m-%d} and "
            "later; those before would lose what it has forgotten"
        )


def _opened(store: Store, days: Days, forget: Collection[ObjectRef]) -> Rebuild:
    """The open rebuild of these days, or a new one."""
    generations = store.meta().generations
    rebuild = generations.rebuild
    if rebuild is not None and rebuild.days == days:
        if not _counts_one_of(store, forget, rebuild):
            # The process that began it may have stopped before every commit knew of it.
            return store.turn(Generations.again).open_rebuild(rebuild.generation)
        store.turn(lambda state: state.undo(rebuild.generation))
    elif generations.unswept:
        store.turn(Generations.again)  # likewise
    if store.meta().generations.unswept:
        store.sweep()
    begun = store.turn(lambda state: state.begin(days))
    return begun.open_rebuild(begun.latest)


def _counts_one_of(store: Store, refs: Collection[ObjectRef], rebuild: Rebuild) -> bool:
    """Whether the rebuild's generation has rows with one of these objects in them."""
    return any(
        entry.generation >= rebuild.generation
        and (entry.recount is None or entry.recount.state != "forgotten")
        for entry in store.ledger(list(refs)).values()
    )


@dataclass(slots=True)
class _Work:
    """An open rebuild under way. `failing` are the objects that stand in its way, by id."""

    store: Store
    reader: Reader
    opened: Rebuild
    forget: frozenset[str]
    done: Rebuilt
    failing: dict[str, tuple[ObjectRef, str]] = field(default_factory=dict)
    _left: Iterator[LedgerEntry] = field(default_factory=lambda: iter(()))

    def next_batch(self) -> list[LedgerEntry]:
        """Some objects that the new generation lacks. When the ledger was read to its end, it is
        read again: there are none only if a whole reading finds none."""
        batch = list(islice(self._left, _READ_TOGETHER))
        if not batch:
            self._left = self._behind()
            batch = list(islice(self._left, _READ_TOGETHER))
        return batch

    def recount(self, batch: Sequence[LedgerEntry]) -> None:
        """Count a batch in the new generation, or note why that is not possible."""
        forgotten = [entry.ref for entry in batch if entry.ref.id in self.forget]
        self.store.forget(self.opened, forgotten)
        self.done.forgotten += len(forgotten)
        entries = {entry.ref.id: entry for entry in batch if entry.ref.id not in self.forget}
        for entry in entries.values():
            if entry.state == "partial":
                self._fail(entry.ref, "half committed; let it be delivered again or abandon it")
        wanted = [entry.ref for id_, entry in entries.items() if id_ not in self.failing]
        for group in self.reader.groups(wanted):
            for ref, error in group.failed:
                self._fail(ref, _reason(error))
            outside: list[ObjectRef] = []
            for counted in group.batch.objects:
                if problem := _outside(entries[counted.ref.id], counted, self.opened.days):
                    self._fail(counted.ref, problem)
                    outside.append(counted.ref)
            self._commit(group.batch.without(outside))

    def _commit(self, batch: Batch) -> None:
        """Raises the first error: it is the store's, and the rebuild goes on another time."""
        result = commit_batch(batch, lambda delta: self.store.recount(self.opened, delta))
        for _, error in result.failed:
            raise error
        self.done.recounted += len(result.committed) + len(result.duplicates)

    def result(self) -> Rebuilt:
        """The figures, with the objects that failed."""
        self.done.failed = list(self.failing.values())
        return self.done

    def _behind(self) -> Iterator[LedgerEntry]:
        """The objects of the rebuild's days that its generation lacks, as readers see them."""
        generations = self.store.meta().generations
        entries = (entry.as_read(generations) for entry in self.store.objects())
        return (
            entry
            for entry in entries
            if entry.state in ("committed", "partial")
            and entry.generation < self.opened.generation
            and entry.ref.id not in self.failing
            and entry.touches(self.opened.days)
        )

    def _fail(self, ref: ObjectRef, reason: str) -> None:
        self.failing[ref.id] = (ref, reason)


def _outside(entry: LedgerEntry, counted: Counted, days: Days) -> str:
    """Why the days of a rebuild are too few for an object: on other days, which are not
    recounted, it must count what it counts there already. "" if it does."""
    before = {p: n for p, n in entry.places.items() if p.hour // HOURS_PER_DAY not in days}
    now = {p: n for p, n in counted.places.items() if p.hour // HOURS_PER_DAY not in days}
    differing = [p for p in before.keys() | now.keys() if before.get(p) != now.get(p)]
    if not differing:
        return ""
    return (
        f"it is counted differently on {hour_start(min(differing).hour):%Y-%m-%d} too; "
        "undo this and rebuild that day with the others"
    )


def _reason(error: Exception) -> str:
    if isinstance(error, ObjectError):
        return f"{error.reason}; bring it back, or forget it"
    return f"a bug in edgetally, please report it: {type(error).__name__}: {error}"
