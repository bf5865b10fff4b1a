"""The settings that stored rows depend on: kept with the rows, and obeyed by every writer.

The first writer writes them; `edgetally settings` changes them. A writer that was given others is
refused, because rows that were written under two settings count something twice or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from pipeline.errors import OtherSettings, SettingError, StoreError
from pipeline.schema.dimensions import MAX_PATHS, MAX_VALUES, Caps, caps
from pipeline.schema.fields import REALTIME
from pipeline.store.generations import Days, Generations

MAX_SITES = 100
"""Sites that lines may name, unless settings say otherwise."""

FORMAT = 1
"""The version of the stored format; raised when an older edgetally would misread the store."""

Given = Mapping[str, str | int]
"""Settings by their names, as a process was given them: only those that it was given."""
NOTHING: Given = {}

_BEGUN = Generations()

_AHEAD_DAYS = 3
"""Days from which on there is no row yet: lines are at most 26 hours ahead of their object."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """The settings of a store, then what follows from their history.

    `retention_days` are the whole days for which rows are visible, `ledger_days` those for which
    the ledger remembers an object after its last line; 0 is for ever. `shards_from` says from
    which day on rows are spread over how many shards, and `created` is the day of the first write.
    When a number of days was raised, rows of days before `rows_since` were already gone, of all
    generations up to `rows_gone`, and objects of days before `ledger_since` may have been
    forgotten.
    """

    site_pattern: str = ""
    sampling: str = ""
    realtime_fields: str = REALTIME
    plain_fields: str = ""
    max_paths: int = MAX_PATHS
    max_values: int = MAX_VALUES
    retention_days: int = 0
    ledger_days: int = 0
    shards: int = 1
    site_by: str = "key"
    max_sites: int = MAX_SITES
    shards_from: tuple[tuple[int, int], ...] = ()
    created: int = 0
    rows_since: int = 0
    rows_gone: int = 0
    ledger_since: int = 0
    format: int = FORMAT

    @property
    def caps(self) -> Caps:
        """How many values the table of each dimension holds."""
        return caps(self.max_paths, self.max_values)

    def shards_of(self, days: Days) -> int:
        """Over how many shards, at most, the rows of these days are spread."""
        count = 1
        for start, shards in self.shards_from:
            if start >= days.end:
                break
            count = shards if start <= days.start else max(count, shards)
        return count

    @property
    def most_shards(self) -> int:
        """Over how many shards, at most, the rows of any day are spread."""
        return max([1, *(shards for _, shards in self.shards_from)])

    def first_kept_day(self, today: int) -> int:
        """The first day whose rows the retention allows."""
        return today - self.retention_days if self.retention_days else 0

    def first_row_day(self, today: int, generations: Generations) -> int:
        """The first day whose rows are visible. Rows that were gone when the retention was raised
        come back with a later rebuild that ends where there are rows again."""
        first = self.rows_since
        for days in generations.shown_after(self.rows_gone):
            if days.start < first <= days.end:
                first = days.start
        return max(first, self.first_kept_day(today))

    def keeps(self, day: int, generation: int, today: int) -> bool:
        """Whether readers see the rows of a day when this is its active generation."""
        since = 0 if generation > self.rows_gone else self.rows_since
        return day >= max(since, self.first_kept_day(today))

    def first_ledger_day(self, today: int) -> int:
        """The first day of which the ledger knows every object. An object whose last line is
        older, and that has no entry, may have been counted and forgotten: but not before the
        oldest entry can have gone."""
        if not self.ledger_days or today <= self.created + self.ledger_days:
            return self.ledger_since
        return max(self.ledger_since, today - self.ledger_days)

    def given(self) -> Given:
        """The settings themselves, by name."""
        return {name: getattr(self, name) for name in NAMES}

    def changed(
        self, changes: Given, today: int, generations: Generations = _BEGUN
    ) -> "StoreSettings":
        """These settings with changes. Raises SettingError for values that contradict each
        other."""
        first = self.first_row_day(today, generations)
        new = replace(self, **{"rows_since": first, **changes})  # type: ignore[arg-type]
        if 0 < new.ledger_days <= new.retention_days:
            raise SettingError(
                "EDGETALLY_LEDGER_DAYS",
                f"{new.ledger_days} is too few: rows are kept for {new.retention_days} days, and "
                "the ledger must outlive them",
            )
        return replace(
            new,
            shards_from=_shards_from(self, new.shards, today),
            rows_since=max(first, new.rows_since),
            rows_gone=generations.latest,
            ledger_since=max(new.ledger_since, self.first_ledger_day(today)),
        )


NAMES = tuple(field.name for field in fields(StoreSettings))[:11]
"""The settings that can be given."""


def shard_of(settings: StoreSettings, day: int, draw: int) -> int:
    """The shard of a day that a drawn number stands for."""
    return draw % settings.shards_of(Days(day, day + 1))


def created(given: Given, today: int) -> StoreSettings:
    """The settings of a new store."""
    settings = StoreSettings().changed(given, today=0)
    return replace(settings, created=today, shards_from=((0, settings.shards),))


def check(settings: StoreSettings, given: Given) -> None:
    """Raises OtherSettings if a process was given others than the store has, and StoreError if
    the store is of a newer edgetally."""
    if settings.format > FORMAT:
        raise StoreError(
            f"the store has format {settings.format}, and this edgetally knows {FORMAT}; upgrade"
        )
    for name, value in given.items():
        if (kept := getattr(settings, name)) != value:
            raise OtherSettings(name, value, kept)


def _shards_from(old: StoreSettings, shards: int, today: int) -> tuple[tuple[int, int], ...]:
    """More shards are used at once, fewer from the first day that has no rows yet."""
    if shards == old.shards:
        return old.shards_from
    day = today if shards > old.shards else today + _AHEAD_DAYS
    return (*(entry for entry in old.shards_from if entry[0] < day), (day, shards))
