"""Objects whose aggregates are given, and their commits."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.deadline import NEVER, Deadline
from pipeline.hour.aggregate import HourlyAggregate
from pipeline.ingest.batch import Batch, Whole
from pipeline.ingest.commit import Committed, commit_batch
from pipeline.objects import ObjectRef
from pipeline.sites import Place
from pipeline.store.counted import Counted, Delta
from pipeline.store.port import CommitResult, Store


@dataclass(frozen=True, slots=True)
class Object:
    """An object of one site, with these aggregates by hour."""

    ref: ObjectRef
    hours: Mapping[int, HourlyAggregate]
    site: str = "site"
    rejected: Mapping[str, int] = field(default_factory=dict)
    layout: str = ""

    @property
    def records(self) -> dict[int, int]:
        """The records in each hour."""
        return {hour: each.totals.requests for hour, each in self.hours.items()}


def batch(*objects: Object) -> Batch:
    """A batch of these objects."""
    return Batch(
        [
            Whole(
                Counted(one.ref, {one.site: one.records}, one.rejected, one.layout),
                {Place(hour, one.site): each for hour, each in one.hours.items()},
            )
            for one in objects
        ]
    )


def delta(*objects: Object) -> Delta:
    """What these objects add to a store."""
    return batch(*objects).delta


def commit(store: Store, *objects: Object, deadline: Deadline = NEVER) -> CommitResult:
    """Commit these objects together, or none of them."""
    return store.commit(delta(*objects), deadline)


def commit_each(store: Store, *objects: Object) -> Committed:
    """Commit as many of these objects as can be, however many commits that takes."""
    return commit_batch(batch(*objects), lambda delta: store.commit(delta, NEVER))
