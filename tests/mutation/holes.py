"""Faults that edgetally once had, as small changes that put them back. The state machine of
tests/faults must find each by itself: `python -m tests.mutation --holes`."""

from dataclasses import dataclass

from tests.mutation.changes import Change

ON_SQLITE = ("tests/faults/test_machine.py", "-k", "sqlite")
ON_DYNAMODB = ("tests/faults/test_machine.py", "-k", "dynamodb and not 3")


@dataclass(frozen=True, slots=True)
class Hole:
    """A fault: the text of a file that mends it, the text that was there before, and the machine
    that must find the fault."""

    name: str
    file: str
    mended: str
    before: str
    tests: tuple[str, ...] = ON_SQLITE

    def change(self, text: str) -> Change:
        """The change of the file. Raises ValueError unless it has the mended text once."""
        if text.count(self.mended) != 1:
            raise ValueError(f"{self.file} has not once what mends: {self.name}")
        start = text.index(self.mended)
        line = text.count("\n", 0, start) + 1
        return Change(line, start, start + len(self.mended), self.mended, self.before)


HOLES = (
    Hole(
        "a rebuild lets readers know no site",
        "pipeline/store/dynamodb/store.py",
        "        self._states.prepare(delta.sites)\n        return self._recounts",
        "        return self._recounts",
        ON_DYNAMODB,
    ),
    Hole(
        "a forgotten object comes back with the next rebuild",
        "pipeline/store/generations.py",
        """        if generation in self.undone:
            return False
        return self.rebuild is None or self.rebuild.generation != generation or self.rebuild.shown
""",
        """        if self.rebuild and self.rebuild.generation == generation:
            return self.rebuild.shown
        return any(entry.generation == generation for entry in self.settled)
""",
    ),
    Hole(
        "an open rebuild forgets nothing that it has counted",
        "pipeline/upkeep/rebuild.py",
        "    return any(\n        entry.generation >= rebuild.generation\n",
        "    return False and any(\n        entry.generation >= rebuild.generation\n",
    ),
    Hole(
        "a rebuild shows what somebody else has begun",
        "pipeline/store/generations.py",
        "        if self.rebuild is None or self.rebuild.generation != generation:\n",
        "        if self.rebuild is None:\n",
    ),
    Hole(
        "a slow sweep deletes rows of the next rebuild",
        "pipeline/store/rows.py",
        "key.day in days and generations.is_over(key.day, key.generation)",
        "key.day in days and key.generation != generations.read(key.day)",
        ON_DYNAMODB,
    ),
    Hole(
        "rows outlive the ledger when the retention is raised",
        "pipeline/store/local.py",
        """            for kept in list(tables.entries(0)):
                if self._is_live(kept.expires):
                    self._enter(tables, kept.entry, settings)
""",
        "",
    ),
    Hole(
        "rows outlive the ledger when the retention is raised, in DynamoDB",
        "pipeline/store/dynamodb/store.py",
        """        rewrite_expiry(self._table, longer, self._clock(), only_later=True)
        settings = self._states.settle(changes)
        rewrite_expiry(self._table, settings, self._clock(), only_later=False)
""",
        "        settings = self._states.settle(changes)\n",
        ON_DYNAMODB,
    ),
    Hole(
        "a recount into another site leaves the ledger as it was",
        "pipeline/store/ledger.py",
        '        "committed",\n        counted.sites,\n',
        '        "committed",\n        entry.sites,\n',
    ),
    Hole(
        "days that a rebuild has brought back are shown without it",
        "pipeline/store/settings.py",
        "        since = 0 if generation > self.rows_gone else self.rows_since\n",
        "        since = self.rows_since\n",
    ),
)
