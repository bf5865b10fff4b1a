"""The part of AWS that delivers CloudFront's logs, as the commands see it.

CloudWatch Logs delivers them with three objects, always in us-east-1: a *source* (a distribution),
a *destination* (a place in a bucket, with a format) and the *delivery* that joins the two.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from pipeline.errors import EdgetallyError

LOG_TYPE = "ACCESS_LOGS"
TAG = "edgetally"
"""The tag of everything that `attach` makes; its value is the stack."""


class DeliveryError(EdgetallyError):
    """Logs could not be turned on or off; what was made until then is found by the next run."""


UNASKED = frozenset({"NoCredentialsError", "ProfileNotFound", "EndpointConnectionError"})
"""Errors before AWS has seen a request."""


class Unready(DeliveryError):
    """Something is missing that AWS would refuse, or ignore without a word."""


class CloudError(DeliveryError):
    """AWS refused an operation, or could not be reached.

    `operation` is the right that it takes, such as `logs:CreateDelivery`; `code` AWS's name of the
    error.
    """

    def __init__(self, operation: str, code: str, reason: str) -> None:
        refused = "was not asked for" if code in UNASKED else "refused"
        super().__init__(f"AWS {refused} {operation} ({code}): {reason}")
        self.operation = operation
        self.code = code
        self.reason = reason


class CloudConflict(CloudError):
    """Somebody else made, changed or is changing the same thing."""

    @property
    def is_passing(self) -> bool:
        """Whether the same request can succeed a little later."""
        return "currently being updated" in self.reason or "OperationAborted" in self.code


@dataclass(frozen=True, slots=True)
class Stack:
    """The stack that counts: its `status`, outputs and parameters, and when it last changed."""

    name: str
    account: str
    partition: str
    region: str
    status: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    changed: datetime

    @property
    def bucket(self) -> str:
        """The bucket of the logs; "" for a stack that is no edgetally."""
        return self.outputs.get("LogBucket", "")


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution. `legacy` is where its legacy standard logs go (`bucket/prefix`), "" for
    nowhere; `realtime` are the configurations of real-time logs of its cache behaviours."""

    id: str
    arn: str
    domain: str
    enabled: bool = True
    legacy: str = ""
    realtime: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A delivery source. `status_reason` says why it is inactive, "" if it is not."""

    name: str
    resources: tuple[str, ...]
    status_reason: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Destination:
    """A delivery destination; `place` is the ARN of a bucket, perhaps with a prefix."""

    name: str
    arn: str
    place: str
    format: str
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The bucket's name with the prefix; "" if the place is no bucket."""
        return self.place.partition(":::")[2]

    @property
    def bucket(self) -> str:
        """The bucket's name; "" if the place is no bucket."""
        return self.path.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery from a source to a destination. `kind` is S3, CWL or FH."""

    id: str
    source: str
    destination: str
    kind: str
    fields: tuple[str, ...]
    tags: Mapping[str, str] = field(default_factory=dict)


class Destinations(dict[str, Destination]):
    """Destinations by their ARNs. One of another account is known by its ARN alone."""

    def __init__(self, known: Iterable[Destination]) -> None:
        super().__init__((each.arn, each) for each in known)

    def __missing__(self, arn: str) -> Destination:
        return Destination(arn.rpartition(":")[2], arn, "", "")


class Deliveries(Protocol):
    """Reading and changing deliveries. Every method raises CloudError."""

    def stack(self, name: str) -> Stack:
        """Return a stack of the region. Raises SettingError if there is none of that name."""
        ...

    def distribution(self, name: str) -> Distribution:
        """Return a distribution by its id. Raises SettingError if there is none."""
        ...

    def distributions(self) -> Sequence[str]:
        """Return the ids of all distributions of the account."""
        ...

    def allowed_fields(self) -> Sequence[str]:
        """Return the fields that a delivery of CloudFront's logs may have, in AWS's order."""
        ...

    def sources(self) -> Sequence[Source]:
        """Return all delivery sources of the account."""
        ...

    def destinations(self) -> Sequence[Destination]:
        """Return all delivery destinations of the account."""
        ...

    def deliveries(self) -> Sequence[Delivery]:
        """Return all deliveries of the account."""
        ...

    def put_source(self, name: str, resource: str, tags: Mapping[str, str]) -> None:
        """Make a source of a distribution's ARN."""
        ...

    def put_destination(self, name: str, place: str, form: str, tags: Mapping[str, str]) -> None:
        """Make a destination."""
        ...

    def create_delivery(
        self,
        source: str,
        destination: str,
        fields: Sequence[str],
        suffix: str,
        tags: Mapping[str, str],
    ) -> None:
        """Join a source and a destination (by its ARN)."""
        ...

    def update_fields(self, delivery: str, fields: Sequence[str]) -> None:
        """Give a delivery other fields, and leave everything else of it as it is."""
        ...

    def delete_delivery(self, delivery: str) -> None:
        """End a delivery; what was delivered stays."""
        ...

    def delete_source(self, name: str) -> None:
        """Delete a source that no delivery has."""
        ...

    def delete_destination(self, name: str) -> None:
        """Delete a destination that no delivery has."""
        ...

    def bucket_policy(self, bucket: str, owner: str) -> Mapping[str, Any]:
        """Return the policy of a bucket; empty if it has none."""
        ...

    def bucket_region(self, bucket: str, owner: str) -> str:
        """Return the region of a bucket."""
        ...

    def bucket_key(self, bucket: str, owner: str) -> str:
        """Return the KMS key under which a bucket is encrypted; "" if it has none of its own."""
        ...

    def notifications(self, bucket: str, owner: str) -> Mapping[str, Any]:
        """Return everything that a bucket notifies, as S3's API has it."""
        ...

    def put_notifications(self, bucket: str, owner: str, whole: Mapping[str, Any]) -> None:
        """Replace everything that a bucket notifies."""
        ...
