"""The way from the bucket to the function, as the doctor looks at it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pipeline.hours import Window
from pipeline.source.port import Listed

ABSENT = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
        "NoSuchBucket",
        "NotFoundException",
    }
)
"""The codes with which AWS says that something is not there."""


@dataclass(frozen=True, slots=True)
class Function:
    """The function that counts: its state, and how many may run at once (None: no limit)."""

    state: str
    reserved: int | None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of EventBridge that sends to the queue."""

    name: str
    enabled: bool
    pattern: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of CloudWatch: `statistic` of a metric of one thing, in the stack's region unless it
    `is_global`."""

    namespace: str
    metric: str
    statistic: str
    of: tuple[tuple[str, str], ...]
    is_global: bool = False


class Watching(Protocol):
    """Looking at the way of the logs. Every method raises CloudError."""

    def queue(self, url: str) -> Mapping[str, str]:
        """Return the attributes of a queue."""
        ...

    def function(self, arn: str) -> Function:
        """Return the state of a function."""
        ...

    def triggers(self, function: str, queue: str) -> Sequence[str]:
        """Return the states of the mappings from a queue to a function, such as `Enabled`."""
        ...

    def rules(self, queue: str) -> Sequence[Rule]:
        """Return the rules that send to a queue."""
        ...

    def figure(self, figure: Figure, start: datetime, end: datetime) -> float | None:
        """Return a figure between two moments; None if nothing was measured."""
        ...

    def lifecycle(self, bucket: str, owner: str) -> Sequence[Mapping[str, Any]]:
        """Return the lifecycle rules of a bucket."""
        ...

    def key_policy(self, key: str) -> Mapping[str, Any]:
        """Return the policy of a KMS key."""
        ...

    def objects(self, bucket: str, prefix: str, window: Window) -> Iterator[Listed]:
        """Return the objects under a prefix that are of a window."""
        ...
