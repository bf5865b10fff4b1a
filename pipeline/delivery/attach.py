"""Turning a distribution's logs on: what is missing, and making it.

A plan is made from what AWS says now; carrying it out ends with a plan in which nothing is left.
So a second run changes nothing, and what somebody else did meanwhile is simply there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b

from pipeline.deadline import Deadline
from pipeline.delivery.choices import delivery_choice, legacy_choice
from pipeline.delivery.policy import Access, obstacle
from pipeline.delivery.port import (
    TAG,
    CloudConflict,
    Deliveries,
    Delivery,
    DeliveryError,
    Destination,
    Destinations,
    Distribution,
    Source,
    Stack,
    Unready,
)

SERVICE = "delivery.logs.amazonaws.com"
PREFIX = "cloudfront"
"""Where in the bucket logs are delivered: in the ARN, where AWS leaves it alone when a delivery is
changed, while it moves the paths of deliveries whose prefix is in the suffix path."""

SINCE = "edgetally:since"
"""The tag of a delivery that says when it was made."""
SUFFIX = "{DistributionId}/{yyyy}/{MM}/{dd}/{HH}"
_ROUNDS = 4
"""How often a plan is made anew because somebody else was quicker."""
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 16.0


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish: a distribution's logs, delivered to a stack in a format, with some fields.

    `replace` ends a delivery of somebody else's that stands in the way; `at` is the moment of the
    wish (ISO 8601), by which the doctor knows how new a delivery is.
    """

    distribution: str
    stack: Stack
    format: str
    fields: tuple[str, ...]
    replace: bool = False
    at: str = ""

    @property
    def place(self) -> str:
        """The ARN that logs are delivered to."""
        return f"arn:{self.stack.partition}:s3:::{self.stack.bucket}/{PREFIX}"

    @property
    def source_name(self) -> str:
        """The name of the source that `attach` makes; a distribution has only one."""
        return f"edgetally-{self.distribution}"

    @property
    def destination_name(self) -> str:
        """The name of the destination that `attach` makes: one for each place and format, for
        neither can be changed. AWS takes up to 60 characters."""
        digest = blake2b(self.place.encode(), digest_size=6).hexdigest()
        return f"edgetally-{digest}-{self.format}"

    @property
    def tags(self) -> dict[str, str]:
        """The tags of all that `attach` makes."""
        return {TAG: self.stack.name}


@dataclass(frozen=True, slots=True)
class Step:
    """One change: what it is, in words, and the call that makes it. `has_gap` if requests that
    happen meanwhile are in no log."""

    words: str
    make: Callable[[], None]
    has_gap: bool = False


def plan(cloud: Deliveries, wish: Wish) -> list[Step]:
    """Return the changes that are missing, in order.

    Raises Choice where legacy logging is on, Unready where the bucket's policy is in the way, and
    CloudError.
    """
    distribution = cloud.distribution(wish.distribution)
    if distribution.legacy:
        raise legacy_choice(distribution, wish.stack)
    _check_policy(cloud, wish)
    source = source_of(cloud.sources(), distribution)
    destinations = Destinations(cloud.destinations())
    own = [each for each in cloud.deliveries() if source and each.source == source.name]
    into_ours = [
        each
        for each in own
        if each.kind == "S3" and destinations[each.destination].bucket == wish.stack.bucket
    ]
    kept = [each for each in into_ours if destinations[each.destination].format == wish.format]
    if kept:
        return _changed_fields(cloud, wish, kept[0])
    in_the_way = into_ours + [
        each for each in own if each.kind == "S3" and each not in into_ours and wish.replace
    ]
    return [
        *(_ended(cloud, delivery) for delivery in in_the_way),
        *_made(cloud, wish, distribution, source, list(destinations.values())),
    ]


def attach(cloud: Deliveries, wish: Wish, deadline: Deadline) -> list[str]:
    """Make what is missing, and return what was made, in words.

    Raises Choice where somebody else's delivery is in the way, Unready and CloudError.
    """
    made: list[str] = []
    before: list[str] = []
    for _ in range(_ROUNDS):
        steps = plan(cloud, wish)
        if not steps:
            return made
        words = [step.words for step in steps]
        try:
            for step in steps:
                patiently(step.make, deadline)
                made.append(step.words)
        except CloudConflict as conflict:
            if words == before:  # nobody was quicker: AWS does not take it
                raise _refused(cloud, wish, conflict) from conflict
        before = words
    raise Unready("somebody else keeps changing the same deliveries; run it again")


def patiently(call: Callable[[], None], deadline: Deadline) -> None:
    """Call, and again while AWS says that the thing is being changed just now."""
    wait = _FIRST_WAIT
    while True:
        try:
            return call()
        except CloudConflict as conflict:
            if not conflict.is_passing or deadline.left <= wait:
                raise
            deadline.wait(wait)
            wait = min(2 * wait, _LONGEST_WAIT)


def source_of(sources: Sequence[Source], distribution: Distribution) -> Source | None:
    """Return the source of a distribution: there is at most one, whoever made it."""
    return next((each for each in sources if distribution.arn in each.resources), None)


def writing(stack: Stack, source: str, bucket: str) -> Access:
    """Return the access with which CloudFront's logs are written into a bucket."""
    return Access(
        SERVICE,
        "s3:PutObject",
        f"arn:{stack.partition}:s3:::{bucket}/{PREFIX}/x",
        {
            "aws:SourceAccount": stack.account,
            "aws:SourceArn": f"arn:{stack.partition}:logs:us-east-1:{stack.account}"
            f":delivery-source:{source}",
            "s3:x-amz-acl": "bucket-owner-full-control",
            "aws:SecureTransport": "true",
        },
    )


def _check_policy(cloud: Deliveries, wish: Wish) -> None:
    policy = cloud.bucket_policy(wish.stack.bucket, wish.stack.account)
    if reason := obstacle(policy, writing(wish.stack, wish.source_name, wish.stack.bucket)):
        raise Unready(
            f"logs cannot be written to {wish.stack.bucket}: {reason}; deploy the stack again"
        )


def _changed_fields(cloud: Deliveries, wish: Wish, delivery: Delivery) -> list[Step]:
    if set(delivery.fields) == set(wish.fields) or TAG not in delivery.tags:
        return []
    words = f"delivery {delivery.id}: {len(wish.fields)} fields instead of {len(delivery.fields)}"
    return [Step(words, partial(cloud.update_fields, delivery.id, wish.fields))]


def _ended(cloud: Deliveries, delivery: Delivery) -> Step:
    words = f"delivery {delivery.id}: ended; what it delivered stays"
    return Step(words, partial(cloud.delete_delivery, delivery.id), has_gap=True)


def _made(
    cloud: Deliveries,
    wish: Wish,
    distribution: Distribution,
    source: Source | None,
    destinations: list[Destination],
) -> list[Step]:
    steps = []
    name = source.name if source else wish.source_name
    destination = next(
        (each for each in destinations if (each.place, each.format) == (wish.place, wish.format)),
        None,
    )
    if destination is None:
        make = partial(
            cloud.put_destination, wish.destination_name, wish.place, wish.format, wish.tags
        )
        steps.append(
            Step(f"destination {wish.destination_name}: {wish.format} in {wish.place}", make)
        )
    if source is None:
        make = partial(cloud.put_source, name, distribution.arn, wish.tags)
        steps.append(Step(f"source {name}: {distribution.arn}", make))
    arn = destination.arn if destination else ""
    make = partial(_join, cloud, wish, name, arn)
    steps.append(Step(f"delivery from {name}: {len(wish.fields)} fields", make))
    return steps


def _join(cloud: Deliveries, wish: Wish, source: str, destination: str) -> None:
    """Make the delivery; without an ARN the destination is the one that has just been made."""
    arn = destination or next(
        each.arn for each in cloud.destinations() if each.name == wish.destination_name
    )
    tags = wish.tags | {SINCE: wish.at}
    cloud.create_delivery(source, arn, wish.fields, SUFFIX, tags)


def _refused(cloud: Deliveries, wish: Wish, conflict: CloudConflict) -> DeliveryError:
    """The choice beside somebody else's delivery to S3; the conflict itself if there is none."""
    distribution = cloud.distribution(wish.distribution)
    source = source_of(cloud.sources(), distribution)
    destinations = Destinations(cloud.destinations())
    for each in cloud.deliveries():
        if source and each.source == source.name and each.kind == "S3":
            other = destinations[each.destination]
            return delivery_choice(distribution, wish.stack, other, conflict.reason)
    return conflict
