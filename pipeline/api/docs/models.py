"""The shapes of the answers, for the OpenAPI document. (`Summary` is in the core.)

What the routes send is made without these; the tests hold it against them.
"""

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, create_model

from pipeline.answer.calendar import By
from pipeline.answer.metrics import METRICS
from pipeline.answer.summary import CompleteSummary, Entry

Data = TypeVar("Data")
Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]


class Model(BaseModel):
    """An object that has these members and no others."""

    model_config = ConfigDict(extra="forbid")


class Query(Model):
    """What was asked for, as it was understood: the window in whole hours, every default there."""

    from_: Moment | None = Field(None, alias="from")
    to: Moment | None = None
    tz: str | None = None
    site: list[str] | None = None
    compare: Literal["previous"] | None = None
    by: By | None = None
    metrics: list[str] | None = None
    dimension: str | None = None
    metric: str | None = None
    limit: int | None = None


class Meta(Model):
    """What an answer says of itself.

    complete_through: up to when no request is expected to be missing; null where none was
    counted. cached: computed before this request. stale: older than it should be, while a new one
    is computed. approximate: the largest possible undercount of a value, by dimension. sampling:
    the percentage of requests in the logs, for sites whose figures are scaled.
    """

    query: Query
    generated_at: Moment
    complete_through: Moment | None
    approximate: dict[str, int]
    sampling: dict[str, int]
    cached: bool
    stale: bool


class Comparison(Model, Generic[Data]):
    """The same figures for the window before (`from` to `to`), and the change of each: `absolute`,
    and `relative` to what it was (null where that was 0)."""

    from_: Moment = Field(alias="from")
    to: Moment
    data: Data
    change: Any


class Envelope(Model, Generic[Data]):
    """What every answer about traffic is in."""

    meta: Meta
    data: Data
    next_cursor: str | None


class Compared(Envelope[Data], Generic[Data]):
    """The same; with `compare=previous`, the window before too."""

    compare: Comparison[Data] | None = None


class TopEntry(Entry):
    """A value of a dimension with what was counted for it; `hit_ratio` is hits among requests."""

    hit_ratio: float = Field(ge=0, le=1)


class _Bucket(Model):
    """A bucket of a time series, with the metrics that were asked for; null where a figure cannot
    be told. One that is not complete has not ended yet."""

    start: Moment
    end: Moment
    complete: bool


_FRACTIONS = frozenset({"ratio", "milliseconds"})

Bucket: type[_Bucket] = create_model(  # type: ignore[call-overload]
    "Bucket",
    __base__=_Bucket,
    __doc__=_Bucket.__doc__,
    **{
        name: (
            (float if metric.unit in _FRACTIONS else int) | None,
            Field(None, description=metric.text),
        )
        for name, metric in METRICS.items()
    },
)


class Site(Model):
    """A site, and the percentage of requests that its logs have."""

    site: str
    sampling_percent: int


class DimensionSetting(Model):
    """A dimension: the field of the logs that it is made of, and how many values an hour keeps."""

    name: str
    field: str
    values_kept: int


class MetricSetting(Model):
    """A metric: its unit, what it is, whether values can be ranked by it, whether it is an
    estimate."""

    name: str
    unit: str
    text: str
    ranks: bool
    approximate: bool


class Limits(Model):
    """The most that can be asked for, and the seconds between two refreshes."""

    window_days: int
    page_entries: int
    figures: int
    refresh_seconds: int


class Retention(Model):
    """For how long things are kept; `days` is null for ever."""

    days: int | None
    snapshot_hours: int
    cache_seconds: int
    settled_after_hours: int


class ErrorBounds(Model):
    """How far estimates can be from the truth."""

    percentile_relative_error: float
    unique_relative_error: float
    heavy_hitter_share: str


class Defaults(Model):
    """What parameters are where they are not given."""

    window: str
    tz: str
    by: By
    metrics: list[str]
    metric: str
    limit: int
    format: str


class Settings(Model):
    """What can be asked for, and how exact the answers are."""

    dimensions: list[DimensionSetting]
    metrics: list[MetricSetting]
    windows: list[str]
    buckets: list[By]
    formats: dict[str, list[str]]
    limits: Limits
    retention: Retention
    error_bounds: ErrorBounds
    defaults: Defaults


class CacheStatus(Model):
    """Whether a snapshot is cached, how old it is, and whether it would be served."""

    exists: bool
    age_seconds: int | None
    ttl_seconds: int
    fresh: bool


class Check(Model):
    """One check of the health: its figure (null where there is none) and what it means."""

    name: str
    status: Literal["ok", "warn", "fail"]
    value: float | int | None
    detail: str


class Health(Model):
    """Every check, and when the cached snapshot was taken."""

    health_status: list[Check]
    snapshot_time: str | None
    cached_at: int | None = Field(alias="_cached_at")


class ProblemDocument(Model):
    """Why there is no answer, by RFC 9457; `param` is the parameter it is about, and `allowed` or
    `limit` what can be given there."""

    type: str
    title: str
    status: int
    detail: str
    param: str | None = None
    allowed: list[str] | None = None
    limit: dict[str, Any] | None = None


class SummaryAnswer(Compared[CompleteSummary]):
    """The summary of a window."""


class TimeseriesAnswer(Compared[list[Bucket]]):
    """Metrics in buckets, in order."""


class TopAnswer(Compared[list[TopEntry]]):
    """A page of a ranking."""


class SitesAnswer(Envelope[list[Site]]):
    """Every site."""


class SettingsAnswer(Envelope[Settings]):
    """What can be asked for."""


Snapshot: type[BaseModel] = create_model(
    "Snapshot",
    __base__=CompleteSummary,
    __doc__="The summary of the last hours, and when it was made (epoch seconds).",
    cached_at=(int, Field(alias="_cached_at")),
)
