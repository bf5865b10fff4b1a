"""The envelope of every answer: the question, the data, and the answer's own properties."""

from typing import Generic, TypeVar

from msgspec import UNSET, UnsetType, field

from pipeline.answer.calendar import By, Compare
from pipeline.answer.change import Change
from pipeline.answer.delivery import CompleteThrough
from pipeline.answer.shape import Moment, Shape

Data = TypeVar("Data")


class Query(Shape):
    """The question as it was understood: the window in whole hours, with every default."""

    from_: Moment | UnsetType = field(default=UNSET, name="from")
    to: Moment | UnsetType = UNSET
    tz: str | UnsetType = UNSET
    site: list[str] | UnsetType | None = UNSET
    compare: Compare | UnsetType = UNSET
    by: By | UnsetType = UNSET
    metrics: list[str] | UnsetType = UNSET
    dimension: str | UnsetType = UNSET
    metric: str | UnsetType = UNSET
    limit: int | UnsetType = UNSET
    min_requests: int | UnsetType = UNSET
    where: str | UnsetType = UNSET
    lists: list[str] | UnsetType = UNSET


class Meta(Shape):
    """The properties of an answer.

    cached: computed before this request. stale: older than it should be, while a new one is
    computed. approximate: the largest possible undercount of a value, by dimension. sampling: the
    percentage of requests in the logs, for sites whose figures are scaled. lacking: the requests
    of the window whose logs do not have a field, by field; figures that are made of it count the
    others, and are null if no log has it. changed: true on a page
    of a ranking whose rows have changed since the first page, so that a value may be missing or
    come twice.
    """

    query: Query
    generated_at: Moment
    complete_through: CompleteThrough
    approximate: dict[str, int]
    sampling: dict[str, int]
    lacking: dict[str, int]
    cached: bool
    stale: bool
    changed: bool | UnsetType = UNSET


class Comparison(Shape, Generic[Data]):
    """The same figures for the window to compare with (`from` to `to`), and the change of each."""

    from_: Moment = field(name="from")
    to: Moment
    data: Data
    change: Change


class Envelope(Shape, Generic[Data]):
    """An answer."""

    meta: Meta
    data: Data
    next_cursor: str | None


class Compared(Envelope[Data], Generic[Data]):
    """An answer about a window; with `compare`, the window to compare it with too."""

    compare: Comparison[Data] | UnsetType = UNSET
