"""Generations of rows: which generation of a day readers see, and which a commit writes.

A rebuild counts days again in a new generation of rows, beside the active one. While both exist,
every commit writes both. So either may become the active one at any time, and no reader ever sees
a mixture. A generation that is over (undone, or replaced) is never active again.
"""

from dataclasses import dataclass, replace

from pipeline.errors import StoreError


@dataclass(frozen=True, slots=True)
class Days:
    """Days since the epoch, `start` inclusive, `end` exclusive."""

    start: int
    end: int

    def __contains__(self, day: int) -> bool:
        return self.start <= day < self.end

    def covers(self, other: "Days") -> bool:
        """Whether every day of the other is one of these."""
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True, slots=True)
class Settled:
    """Days whose generation was confirmed; it is active until they are rebuilt again."""

    days: Days
    generation: int


@dataclass(frozen=True, slots=True)
class Rebuild:
    """An open rebuild: its days exist in the generation before and in its own. Its own is active
    if it is `shown`."""

    days: Days
    generation: int
    shown: bool = False


@dataclass(frozen=True, slots=True)
class Generations:
    """The state of all generations. Days that it does not name are in generation 0.

    `latest` is the newest generation that was ever begun, and `undone` are those that were undone.
    Of several `settled` entries with a day, the last one counts. `unswept` are days that may still
    have rows of generations that are over. `version` rises with every change.
    """

    version: int = 0
    latest: int = 0
    settled: tuple[Settled, ...] = ()
    rebuild: Rebuild | None = None
    unswept: Days | None = None
    undone: tuple[int, ...] = ()

    def read(self, day: int) -> int:
        """The active generation of a day, which readers see."""
        if self.rebuild and self.rebuild.shown and day in self.rebuild.days:
            return self.rebuild.generation
        return self._settled(day)

    def written(self, day: int) -> list[int]:
        """The generations of a day that a commit adds to."""
        if self.rebuild and day in self.rebuild.days:
            return [self._settled(day), self.rebuild.generation]
        return [self._settled(day)]

    def is_over(self, day: int, generation: int) -> bool:
        """Whether no reader and no commit will ever need this generation of a day again. It is
        false for a generation that began later than this state."""
        return generation <= self.latest and generation not in self.written(day)

    def counts(self, generation: int) -> bool:
        """Whether readers see what a rebuild's generation found: it is shown or was confirmed."""
        if generation in self.undone:
            return False
        return self.rebuild is None or self.rebuild.generation != generation or self.rebuild.shown

    def shown_after(self, generation: int) -> list[Days]:
        """The days of later rebuilds that readers see, the latest days first."""
        later = [entry.days for entry in self.settled if entry.generation > generation]
        if self.rebuild and self.rebuild.shown and self.rebuild.generation > generation:
            later.append(self.rebuild.days)
        return sorted(later, key=lambda days: days.start, reverse=True)

    def _settled(self, day: int) -> int:
        return next((s.generation for s in reversed(self.settled) if day in s.days), 0)

    def begin(self, days: Days) -> "Generations":
        """A new generation of these days. Raises StoreError while another rebuild is open, or
        while rows of one that is over are left."""
        self.require_no_rebuild()
        if self.unswept is not None:
            raise StoreError("rows of an earlier rebuild are still being deleted; try again")
        return self._next(latest=self.latest + 1, rebuild=Rebuild(days, self.latest + 1))

    def require_no_rebuild(self) -> None:
        """Raises StoreError while a rebuild is open."""
        if self.rebuild is not None:
            raise StoreError(
                "another rebuild is open; end it first, by `edgetally rebuild confirm` or `undo`"
            )

    def show(self, generation: int) -> "Generations":
        """The rebuild's generation becomes the active one. Raises StoreError."""
        return self._next(rebuild=replace(self.open_rebuild(generation), shown=True))

    def confirm(self, generation: int) -> "Generations":
        """The rebuild's generation stays the active one. Raises StoreError if it is not shown."""
        rebuild = self.open_rebuild(generation)
        if not rebuild.shown:
            raise StoreError(
                "the rebuild is not complete; run it again, or end it with `edgetally rebuild undo`"
            )
        # An entry whose days are all covered by the new one can never be reached again.
        kept = (entry for entry in self.settled if not rebuild.days.covers(entry.days))
        settled = (*kept, Settled(rebuild.days, generation))
        return self._next(rebuild=None, unswept=rebuild.days, settled=settled)

    def undo(self, generation: int) -> "Generations":
        """The generation before the rebuild becomes the active one again. Raises StoreError."""
        rebuild = self.open_rebuild(generation)
        undone = (*self.undone, generation)
        return self._next(rebuild=None, unswept=rebuild.days, undone=undone)

    def again(self) -> "Generations":
        """The same state as another version."""
        return self._next()

    def swept(self, seen: "Generations") -> "Generations":
        """The state after a sweep that began in the state `seen`: no row of a generation that was
        over then is left. Nothing changes if another rebuild has begun since."""
        if (self.latest, self.unswept) != (seen.latest, seen.unswept):
            return self.again()
        return self._next(unswept=None)

    def open_rebuild(self, generation: int) -> Rebuild:
        """The open rebuild of a generation. Raises StoreError if it is over."""
        if self.rebuild is None or self.rebuild.generation != generation:
            raise StoreError("this rebuild is over: it was ended by somebody else")
        return self.rebuild

    def _next(self, **changes: object) -> "Generations":
        return replace(self, version=self.version + 1, **changes)  # type: ignore[arg-type]
