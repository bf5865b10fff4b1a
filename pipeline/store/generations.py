"""Generations of rows: which of them a day is read from, and which a commit writes.

Rows are counted anew beside the old ones, as another generation of the same days, and one pointer
says which of the two is read. While both exist, every commit writes both, so that the pointer may
go to either at any time and no reader ever sees a mixture.
"""

from dataclasses import dataclass, replace

import msgspec

from pipeline.errors import StoreError


@dataclass(frozen=True, slots=True)
class Days:
    """Days since the epoch, `start` inclusive, `end` exclusive."""

    start: int
    end: int

    def __contains__(self, day: int) -> bool:
        return self.start <= day < self.end


@dataclass(frozen=True, slots=True)
class Settled:
    """Days that are in a generation for good, until they are rebuilt again."""

    days: Days
    generation: int


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Days that exist twice: as they were, and in a new generation, which is `shown` or not yet."""

    days: Days
    generation: int
    shown: bool = False


@dataclass(frozen=True, slots=True)
class Generations:
    """The pointer. Days that it does not name are in generation 0.

    `latest` is the newest generation that was ever begun; of several `settled` entries with a day,
    the last one counts. `unswept` are days that may still have rows of generations that are no
    longer read. `version` rises with every change.
    """

    version: int = 0
    latest: int = 0
    settled: tuple[Settled, ...] = ()
    rebuild: Rebuild | None = None
    unswept: Days | None = None

    def read(self, day: int) -> int:
        """The generation that readers see."""
        if self.rebuild and self.rebuild.shown and day in self.rebuild.days:
            return self.rebuild.generation
        return self._settled(day)

    def written(self, day: int) -> list[int]:
        """The generations that a commit adds to."""
        if self.rebuild and day in self.rebuild.days:
            return [self._settled(day), self.rebuild.generation]
        return [self._settled(day)]

    def _settled(self, day: int) -> int:
        return next((each.generation for each in reversed(self.settled) if day in each.days), 0)

    def begin(self, days: Days) -> "Generations":
        """A new generation of these days. Raises StoreError while another rebuild is open."""
        if self.rebuild is not None:
            raise StoreError(
                "another rebuild is open; end it first, by `edgetally rebuild --confirm` or --undo"
            )
        return self._next(latest=self.latest + 1, rebuild=Rebuild(days, self.latest + 1))

    def show(self) -> "Generations":
        """The new generation is read from now on."""
        return self._next(rebuild=replace(self.open_rebuild, shown=True))

    def confirm(self) -> "Generations":
        """The new generation for good. Raises StoreError when it is not shown yet."""
        done = self.open_rebuild
        if not done.shown:
            raise StoreError("the rebuild is not complete; run it again, or end it with --undo")
        # What the new days cover altogether can never be reached again.
        kept = [
            each
            for each in self.settled
            if not (done.days.start <= each.days.start and each.days.end <= done.days.end)
        ]
        settled = (*kept, Settled(done.days, done.generation))
        return self._next(rebuild=None, unswept=done.days, settled=settled)

    def undo(self) -> "Generations":
        """The old generation, as if nothing had been rebuilt."""
        return self._next(rebuild=None, unswept=self.open_rebuild.days)

    def again(self) -> "Generations":
        """The same, as another version."""
        return self._next()

    def swept(self) -> "Generations":
        """No row of an unread generation is left."""
        return self._next(unswept=None)

    @property
    def open_rebuild(self) -> Rebuild:
        """The rebuild that is going on. Raises StoreError when there is none."""
        if self.rebuild is None:
            raise StoreError("no rebuild is open")
        return self.rebuild

    def _next(self, **changes: object) -> "Generations":
        return replace(self, version=self.version + 1, **changes)  # type: ignore[arg-type]

    def to_json(self) -> str:
        """The pointer as text, for a row of a store."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str | None) -> "Generations":
        """The pointer of a row; of no row, the one of a store that was never rebuilt."""
        return cls() if text is None else msgspec.json.decode(text, type=cls)
