"""The question of `edgetally series`, asked of rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pipeline.answer.calendar import By, OffTheClock, suitable
from pipeline.answer.rows import Rows
from pipeline.answer.timeseries import TimeseriesQuestion
from pipeline.cli.asking import bounded_exactly
from pipeline.cli.show_series import Series
from pipeline.cli.window import Bounds, check_calendar, parse_compare, parse_zone
from pipeline.errors import SettingError

_HOURS: Mapping[By, int] = {"hour": 1, "day": 24, "week": 7 * 24, "month": 28 * 24}
_MOST_BUCKETS = 100_000


@dataclass(frozen=True)
class SeriesWish:
    """The options of a series: its window, which may have no bounds, the name of its zone, its
    sites (none for all), its buckets (None for what suits) and metrics, and the word that says what
    to compare with."""

    bounds: Bounds
    tz: str
    sites: tuple[str, ...]
    by: By | None
    metrics: tuple[str, ...]
    compare: str | None

    def answer(self, rows: Rows, now: datetime) -> Series | None:
        """The series; None where no request bounds it. Raises SettingError, StoreError."""
        zone = parse_zone(self.tz)
        exact = bounded_exactly(rows, self.bounds)
        if exact is None:
            return None
        hours = exact.hours
        check_calendar(hours, zone)
        by = self.by or suitable(hours.end - hours.start)
        if (hours.end - hours.start) // _HOURS[by] > _MOST_BUCKETS:
            reason = f"makes more than {_MOST_BUCKETS:,} buckets; name larger ones"
            raise SettingError("--by", reason)
        question = TimeseriesQuestion(
            *hours,
            self.tz,
            self.sites or None,
            parse_compare(self.compare, exact, zone),
            None if exact.is_of_hours else exact,
            by=by,
            metrics=self.metrics,
        )
        try:
            return Series(question.answer(rows, now), self.metrics, by)
        except OffTheClock as error:
            raise SettingError("--tz", f"this zone cannot be used: {error}") from error
