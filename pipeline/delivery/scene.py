"""Everything the doctor looks at, each thing read once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice

from pipeline.delivery.attach import PREFIX, SINCE, source_of
from pipeline.delivery.port import (
    Deliveries,
    Delivery,
    Destination,
    Destinations,
    Distribution,
    Source,
    Stack,
)
from pipeline.delivery.watching import Watching
from pipeline.hours import Window, hour_of
from pipeline.source.port import Listed
from pipeline.store.ledger import LedgerEntry
from pipeline.store.port import Ledger

FIRST_LOGS = timedelta(hours=12)
"""How long AWS takes, at most, until a change of a delivery has its effect."""

LOOKBACK = timedelta(hours=26)
"""How old the objects are, at most, that are looked at."""
_MOST_OBJECTS = 20_000


@dataclass(frozen=True)
class Scene:
    """One distribution and the stack that counts its logs, at a moment."""

    cloud: Deliveries
    watching: Watching
    ledger: Ledger
    stack: Stack
    name: str
    now: datetime

    @cached_property
    def distribution(self) -> Distribution:
        """The distribution."""
        return self.cloud.distribution(self.name)

    @cached_property
    def source(self) -> Source | None:
        """The distribution's delivery source."""
        return source_of(self.cloud.sources(), self.distribution)

    @cached_property
    def destinations(self) -> Destinations:
        """All destinations by their ARNs."""
        return Destinations(self.cloud.destinations())

    @cached_property
    def buckets(self) -> tuple[str, ...]:
        """The buckets that the stack counts: its own, and the one it was told of."""
        existing = self.stack.parameters.get("ExistingBucket", "")
        return (self.stack.bucket, *([existing] if existing else []))

    @cached_property
    def elsewhere(self) -> tuple[Destination, ...]:
        """Where the distribution's logs are delivered that the stack does not count."""
        places = [self.destinations[each.destination] for each in self._own_deliveries]
        return tuple(each for each in places if each.bucket not in self.buckets)

    @cached_property
    def delivery(self) -> Delivery | None:
        """The delivery into a bucket that is counted."""
        return next(
            (
                each
                for each in self._own_deliveries
                if self.destinations[each.destination].bucket in self.buckets
            ),
            None,
        )

    @cached_property
    def destination(self) -> Destination | None:
        """Where that delivery goes."""
        return self.destinations[self.delivery.destination] if self.delivery else None

    @cached_property
    def legacy_bucket(self) -> str:
        """The bucket of legacy logs, "" if there are none."""
        return self.distribution.legacy.partition("/")[0]

    @cached_property
    def bucket(self) -> str:
        """The bucket that the distribution's logs come to."""
        if self.destination:
            return self.destination.bucket
        return self.legacy_bucket if self.legacy_bucket in self.buckets else self.stack.bucket

    @cached_property
    def prefix(self) -> str:
        """Where in the bucket the distribution's logs are, as far as that is known."""
        if self.destination:
            place = self.destination.path.partition("/")[2]
            return f"{place}/{self.name}/" if place == PREFIX else f"{place}/" if place else ""
        return self.distribution.legacy.partition("/")[2]

    @cached_property
    def since(self) -> datetime:
        """When the delivery was made, as far as that is known: else when the stack changed."""
        tag = self.delivery.tags.get(SINCE, "") if self.delivery else ""
        return datetime.fromisoformat(tag) if tag else self.stack.changed

    @property
    def is_named(self) -> bool:
        """Whether the keys of its objects name the distribution; those of real-time logs do not."""
        return self.delivery is not None or self.legacy_bucket in self.buckets

    @property
    def is_new(self) -> bool:
        """Whether the first logs may still be on their way."""
        return self.now < self.since + FIRST_LOGS

    @cached_property
    def queue_url(self) -> str:
        """The queue of the ingest."""
        return self.stack.outputs.get("IngestQueueUrl", "")

    @cached_property
    def queue_arn(self) -> str:
        """The queue's ARN."""
        name = self.queue_url.rpartition("/")[2]
        stack = self.stack
        return f"arn:{stack.partition}:sqs:{stack.region}:{stack.account}:{name}"

    @cached_property
    def listed(self) -> tuple[Listed, ...]:
        """The distribution's objects of the last day."""
        window = Window(hour_of(self.now - LOOKBACK), hour_of(self.now) + 1)
        found = self.watching.objects(self.bucket, self.prefix, window)
        own = (each for each in found if self.name in each.ref.key)
        return tuple(islice(own, _MOST_OBJECTS))

    @cached_property
    def entries(self) -> dict[str, LedgerEntry]:
        """The ledger's entries of those objects, by their keys."""
        refs = [each.ref for each in self.listed]
        return {ref.key: entry for ref, entry in self.ledger.ledger(refs).items()}

    @cached_property
    def _own_deliveries(self) -> list[Delivery]:
        source = self.source
        if source is None:
            return []
        found = self.cloud.deliveries()
        return [each for each in found if each.source == source.name and each.kind == "S3"]
