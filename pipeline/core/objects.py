"""A log object: what it is called, whose it is, and what was counted in it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol

from pipeline.core.aggregate import HourlyAggregate

DEFAULT_SITE = "default"

_HIVE_NAME = re.compile(r"(?:^|/)distributionid=([A-Z0-9]+)/", re.IGNORECASE)
_STANDARD_NAME = re.compile(r"(?:^|/)([A-Z0-9]+)\.\d{4}-\d{2}-\d{2}-\d{2}\.[0-9A-Za-z]+(?:\.|$)")


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """One log object as delivered. A local file has bucket "", its absolute path as key and its
    content hash as etag; `etag` is "" where an event did not say."""

    bucket: str
    key: str
    etag: str = ""
    version_id: str = ""
    sequencer: str = ""
    size: int = 0

    @property
    def id(self) -> str:
        """The ledger's key: the same for every delivery of the same bucket and key."""
        return sha256(f"{self.bucket}/{self.key}".encode()).hexdigest()

    @property
    def name(self) -> str:
        """How people call it: s3://bucket/key, or the path."""
        return f"s3://{self.bucket}/{self.key}" if self.bucket else self.key


class Untallied(Protocol):
    """An object's lines that are best tallied together with those of other objects; `lines`
    counts them by hour since the epoch."""

    @property
    def lines(self) -> Mapping[int, int]: ...  # noqa: D102 - the class says it

    def tally(self, others: Sequence[Any]) -> dict[int, HourlyAggregate]:
        """What these lines and those of the others hold, by hour since the epoch."""
        ...


@dataclass(frozen=True, slots=True)
class Counted:
    """One object, parsed to the end: its hours (since the epoch), and the figures of its ledger
    row. `rejected` counts the lines that were not counted, by reason; `layout` says which layout
    the lines were read in, and why. Where there is a `share`, the lines are there, and `hours`
    has every hour they lie in without them."""

    ref: ObjectRef
    site: str
    records: int
    rejected: Mapping[str, int] = field(default_factory=dict)
    hours: Mapping[int, HourlyAggregate] = field(default_factory=dict)
    layout: str = ""
    share: Untallied | None = None

    @property
    def by_hour(self) -> dict[int, int]:
        """The records in each hour that the object touches. The first is the one that its
        rejected lines are counted in."""
        shared = self.share.lines if self.share else {}
        return {
            hour: self.hours[hour].totals.requests + shared.get(hour, 0)
            for hour in sorted(self.hours)
        }


def site_of(key: str, pattern: re.Pattern[str] | None) -> str:
    """The distribution an object belongs to.

    From a standard log's file name (`<distribution>.YYYY-MM-DD-HH.<id>.gz`) or its Hive folder
    (`DistributionId=<distribution>/`), else the group `site` of the configured pattern, else
    `default`.
    """
    if named := _STANDARD_NAME.search(key) or _HIVE_NAME.search(key):
        return named[1]
    if pattern and (found := pattern.search(key)) and (site := found["site"]):
        return site
    return DEFAULT_SITE
