"""`/metrics/settings`: the questions that the API answers, and how exact the answers are."""

from pipeline.answer.cache import REFRESH_FLOOR_SECONDS
from pipeline.answer.calendar import BUCKETS, NAMED_WINDOWS, By
from pipeline.answer.envelope import Envelope
from pipeline.answer.metrics import DEFAULT_METRICS, METRICS, RANKED
from pipeline.answer.service import Service
from pipeline.answer.shape import Shape
from pipeline.api.parameters import BY, DEFAULT_LIMIT, METRIC, MOST_DAYS, TZ
from pipeline.api.questions import DEFAULT_WINDOW, MOST_FIGURES
from pipeline.api.values import MOST_ENTRIES
from pipeline.hours import CLOCK_SKEW
from pipeline.schema.dimensions import DIMENSIONS


class DimensionSetting(Shape):
    """A dimension: the field of the logs that it is made of, and how many values an hour keeps."""

    name: str
    field: str
    values_kept: int


class MetricSetting(Shape):
    """A metric: its unit, its meaning, whether values can be ranked by it, whether it is an
    estimate."""

    name: str
    unit: str
    text: str
    ranks: bool
    approximate: bool


class Limits(Shape):
    """The most that can be asked for, and the seconds between two refreshes."""

    window_days: int
    page_entries: int
    figures: int
    refresh_seconds: int


class Retention(Shape):
    """For how long things are kept; `days` is null for ever."""

    days: int | None
    snapshot_hours: int
    cache_seconds: int
    settled_after_hours: int


class ErrorBounds(Shape):
    """How far estimates can be from the truth."""

    percentile_relative_error: float
    unique_relative_error: float
    heavy_hitter_share: str


class Defaults(Shape):
    """The values of parameters that are not given."""

    window: str
    tz: str
    by: By
    metrics: list[str]
    metric: str
    limit: int
    format: str


class Settings(Shape):
    """The questions that the API answers, and how exact the answers are.

    `formats` are those of each path."""

    dimensions: list[DimensionSetting]
    metrics: list[MetricSetting]
    windows: list[str]
    buckets: list[By]
    formats: dict[str, list[str]]
    limits: Limits
    retention: Retention
    error_bounds: ErrorBounds
    defaults: Defaults


class SettingsAnswer(Envelope[Settings]):
    """The values that each parameter takes."""


def described(service: Service, formats: dict[str, list[str]]) -> Settings:
    """The settings of what is served, and the `formats` of each path."""
    return Settings(
        dimensions=[
            DimensionSetting(name, dimension.field, service.caps[name])
            for name, dimension in DIMENSIONS.items()
        ],
        metrics=[
            MetricSetting(name, metric.unit, metric.text, name in RANKED, bool(metric.wanted))
            for name, metric in METRICS.items()
        ],
        windows=[*NAMED_WINDOWS],
        buckets=[*BUCKETS],
        formats=formats,
        limits=Limits(MOST_DAYS, MOST_ENTRIES, MOST_FIGURES, REFRESH_FLOOR_SECONDS),
        retention=Retention(
            service.retention_days or None,
            service.snapshots.lookback_hours,
            service.snapshots.answers.ttl_seconds,
            int(CLOCK_SKEW.total_seconds() // 3600),
        ),
        error_bounds=_error_bounds(),
        defaults=Defaults(
            DEFAULT_WINDOW,
            TZ.default,
            BY.default,
            [*DEFAULT_METRICS],
            METRIC.default,
            DEFAULT_LIMIT,
            "json",
        ),
    )


def _error_bounds() -> ErrorBounds:
    from pipeline.hour import histogram, hyperloglog  # they import numpy

    return ErrorBounds(
        histogram.RELATIVE_ERROR,
        round(hyperloglog.RELATIVE_ERROR, 4),
        "a value beyond what a table keeps may miss up to 1/(kept+1) of the requests; "
        "meta.approximate says how many it can be",
    )
