"""AWS as it behaves around log deliveries, behind boto3's own clients.

Requests are checked by botocore's models before they come here, and so are the answers. Every
request is recorded. The rules are those of the real service, also where emulators have none: the
region, one source for a distribution, one delivery to S3 for a source, what cannot be changed,
paths that move, what is busy, and the bucket's policy.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.validate import validate_parameters

ACCOUNT = "123456789012"
REGION = "eu-west-2"
STACK = "edgetally"
BUCKET = f"{STACK}-logs-{ACCOUNT}"
DISTRIBUTION = "E123ABC456DEF"
ARN = f"arn:aws:cloudfront::{ACCOUNT}:distribution/{DISTRIBUTION}"
QUEUE_URL = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/ingest"
FIELDS = (
    "timestamp(ms) date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem "
    "sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type "
    "x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol "
    "ssl-cipher x-edge-response-result-type cs-protocol-version c-port time-to-first-byte "
    "x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end "
    "timestamp origin-fbl origin-lbl asn c-country cache-behavior-path-pattern"
).split()
WRITES = frozenset({"Put", "Create", "Update", "Delete"})


class Refusal(Exception):
    """What AWS answers instead of a result: its code and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Call:
    """A request that came."""

    service: str
    operation: str
    region: str
    parameters: Mapping[str, Any]

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return any(self.operation.startswith(verb) for verb in WRITES)


def bucket_policy(bucket: str = BUCKET, source: str = "") -> dict[str, Any]:
    """The policy of the template's bucket."""
    source = source or f"arn:aws:logs:*:{ACCOUNT}:delivery-source:*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
            {
                "Sid": "LogDeliveryWrites",
                "Effect": "Allow",
                "Principal": {"Service": "delivery.logs.amazonaws.com"},
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{bucket}/*",
                "Condition": {
                    "StringEquals": {
                        "aws:SourceAccount": ACCOUNT,
                        "s3:x-amz-acl": "bucket-owner-full-control",
                    },
                    "ArnLike": {"aws:SourceArn": source},
                },
            },
        ],
    }


def distribution(name: str = DISTRIBUTION, **changed: Any) -> dict[str, Any]:
    """A distribution, as CloudFront describes it."""
    config: dict[str, Any] = {
        "CallerReference": "1",
        "Origins": {"Quantity": 1, "Items": [{"Id": "o", "DomainName": "origin.example.com"}]},
        "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all"},
        "Comment": "",
        "Enabled": True,
        "Logging": {"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": ""},
    }
    return {
        "Id": name,
        "ARN": f"arn:aws:cloudfront::{ACCOUNT}:distribution/{name}",
        "Status": "Deployed",
        "LastModifiedTime": datetime(2026, 1, 1, tzinfo=UTC),
        "InProgressInvalidationBatches": 0,
        "DomainName": f"{name.lower()}.cloudfront.net",
        "DistributionConfig": config | changed,
    }


@dataclass
class FakeAws:
    """One account. Tests change its state, and read its `calls`."""

    calls: list[Call] = field(default_factory=list)
    stacks: dict[str, dict[str, Any]] = field(default_factory=dict)
    distributions: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    destinations: dict[str, dict[str, Any]] = field(default_factory=dict)
    deliveries: dict[str, dict[str, Any]] = field(default_factory=dict)
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    notifications: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    """The KMS keys of buckets."""
    regions: dict[str, str] = field(default_factory=dict)
    """The regions of buckets that are not in the stack's."""
    busy: int = 0
    """So many changes yet are refused because the last one is still going on."""
    denied: frozenset[str] = frozenset()
    """Operations that the caller has no right to."""
    gone: set[str] = field(default_factory=set)
    """Buckets that were deleted."""
    beside: list[Any] = field(default_factory=list)
    """What answers for other services."""
    before: dict[str, Callable[[], None]] = field(default_factory=dict)
    """What somebody else does just before an operation, once."""

    def client(self, service: str, region: str) -> Any:
        """boto3's client, with this account behind it."""
        client = boto3.client(
            service, region_name=region, aws_access_key_id="a", aws_secret_access_key="b"
        )
        events = client.meta.events

        def keep(params: Any, context: dict[str, Any], **_: Any) -> None:
            context["asked"] = dict(params)

        def answer(model: Any, context: dict[str, Any], **_: Any) -> Any:
            call = Call(service, model.name, region, context["asked"])
            try:
                result = self._answer(call)
            except Refusal as refusal:
                error = {"Code": refusal.code, "Message": str(refusal)}
                return _http(400), {"Error": error, "ResponseMetadata": {}}
            if model.output_shape is not None:
                validate_parameters(result, model.output_shape)
            return _http(200), {**result, "ResponseMetadata": {}}

        events.register_first("before-parameter-build.*.*", keep)
        events.register_first("before-call.*.*", answer)
        return client

    @property
    def writes(self) -> list[str]:
        """The operations that changed anything, in order."""
        return [call.operation for call in self.calls if call.writes]

    def _answer(self, call: Call) -> dict[str, Any]:
        self.calls.append(call)
        if act := self.before.pop(call.operation, None):
            act()
        if call.operation in self.denied:
            raise Refusal("AccessDeniedException", f"not authorized to perform {call.operation}")
        if call.service == "logs" and call.region != "us-east-1":
            raise Refusal(
                "ValidationException",
                f"{call.operation} action is not supported for this LogType in {call.region}",
            )
        if call.service == "logs" and call.writes and self.busy:
            self.busy -= 1
            raise Refusal("ConflictException", "Requested resource is currently being updated")
        if call.service == "s3" and call.parameters["Bucket"] in self.gone:
            raise Refusal("NoSuchBucket", "The specified bucket does not exist")
        name = f"_{call.service}_{call.operation}"
        answering = next(each for each in (self, *self.beside) if hasattr(each, name))
        result: dict[str, Any] = getattr(answering, name)(call.parameters) or {}
        return result

    def _cloudformation_DescribeStacks(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        if asked["StackName"] not in self.stacks:
            raise Refusal("ValidationError", f"Stack {asked['StackName']} does not exist")
        return {"Stacks": [self.stacks[asked["StackName"]]]}

    def _cloudfront_GetDistribution(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        if asked["Id"] not in self.distributions:
            raise Refusal("NoSuchDistribution", "The specified distribution does not exist.")
        return {"Distribution": self.distributions[asked["Id"]]}

    def _cloudfront_ListDistributions(self, _: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        items = [_summary(each) for each in self.distributions.values()]
        page = {"Marker": "", "MaxItems": 100, "IsTruncated": False, "Quantity": len(items)}
        return {"DistributionList": {**page, "Items": items}}

    def _logs_DescribeConfigurationTemplates(  # noqa: N802
        self, _: Mapping[str, Any]
    ) -> dict[str, Any]:
        fields = [{"name": name, "mandatory": False} for name in FIELDS]
        return {"configurationTemplates": [{"service": "cloudfront", "allowedFields": fields}]}

    def _logs_DescribeDeliverySources(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return _page(asked, "deliverySources", self.sources)

    def _logs_DescribeDeliveryDestinations(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return _page(asked, "deliveryDestinations", self.destinations)

    def _logs_DescribeDeliveries(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return _page(asked, "deliveries", self.deliveries)

    def _logs_PutDeliverySource(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        name, resource = asked["name"], asked["resourceArn"]
        for other in self.sources.values():
            if other["name"] != name and resource in other["resourceArns"]:
                raise Refusal("ConflictException", f"{resource} has a delivery source already")
        if name in self.sources and resource not in self.sources[name]["resourceArns"]:
            raise Refusal("ValidationException", "the resource of a source cannot be changed")
        _new_or_without_tags(name in self.sources, asked)
        self.sources[name] = {
            "name": name,
            "arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:delivery-source:{name}",
            "resourceArns": [resource],
            "service": "cloudfront",
            "logType": asked["logType"],
            "status": "ACTIVE",
            "tags": dict(asked.get("tags", {})),
        }
        return {"deliverySource": self.sources[name]}

    def _logs_PutDeliveryDestination(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        name, form = asked["name"], asked["outputFormat"]
        place = asked["deliveryDestinationConfiguration"]["destinationResourceArn"]
        if len(name) > 60:
            raise Refusal("ValidationException", "a name has at most 60 characters")
        if "." in place.split(":::")[1].split("/")[0]:
            raise Refusal("ValidationException", "a bucket's name must have no dots")
        if name in self.destinations and self.destinations[name]["outputFormat"] != form:
            raise Refusal("ValidationException", "the format of a destination cannot be changed")
        _new_or_without_tags(name in self.destinations, asked)
        self.destinations[name] = {
            "name": name,
            "arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:delivery-destination:{name}",
            "deliveryDestinationType": "S3",
            "outputFormat": form,
            "deliveryDestinationConfiguration": {"destinationResourceArn": place},
            "tags": dict(asked.get("tags", {})),
        }
        return {"deliveryDestination": self.destinations[name]}

    def _logs_CreateDelivery(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        source, arn = asked["deliverySourceName"], asked["deliveryDestinationArn"]
        destination = next((d for d in self.destinations.values() if d["arn"] == arn), None)
        if source not in self.sources or destination is None:
            raise Refusal("ResourceNotFoundException", "no such source or destination")
        for each in self.deliveries.values():
            if each["deliverySourceName"] == source and each["deliveryDestinationType"] == "S3":
                raise Refusal("ConflictException", "Delivery already exists for this source type")
        place = destination["deliveryDestinationConfiguration"]["destinationResourceArn"]
        path = place.split(":::")[1]
        if not _lets_in(self.policies.get(path.split("/")[0], {}), source):
            raise Refusal("AccessDeniedException", "cannot write to the destination")
        suffix = asked.get("s3DeliveryConfiguration", {}).get("suffixPath", "")
        if "/" not in path:  # without a prefix of its own, and only when it is made
            suffix = f"AWSLogs/{ACCOUNT}/CloudFront/{suffix}"
        name = f"d{len(self.calls)}"
        self.deliveries[name] = {
            "id": name,
            "arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:delivery:{name}",
            "deliverySourceName": source,
            "deliveryDestinationArn": arn,
            "deliveryDestinationType": "S3",
            "recordFields": list(asked.get("recordFields", FIELDS)),
            "s3DeliveryConfiguration": {"suffixPath": suffix},
            "tags": dict(asked.get("tags", {})),
        }
        return {"delivery": self.deliveries[name]}

    def _logs_UpdateDeliveryConfiguration(self, asked: Mapping[str, Any]) -> None:  # noqa: N802
        delivery = self.deliveries[asked["id"]]
        delivery["recordFields"] = asked.get("recordFields", delivery["recordFields"])
        if "s3DeliveryConfiguration" in asked:
            delivery["s3DeliveryConfiguration"] = asked["s3DeliveryConfiguration"]

    def _logs_DeleteDelivery(self, asked: Mapping[str, Any]) -> None:  # noqa: N802
        self.deliveries.pop(asked["id"])

    def _logs_DeleteDeliverySource(self, asked: Mapping[str, Any]) -> None:  # noqa: N802
        if any(d["deliverySourceName"] == asked["name"] for d in self.deliveries.values()):
            raise Refusal("ConflictException", "a delivery has this source")
        self.sources.pop(asked["name"])

    def _logs_DeleteDeliveryDestination(self, asked: Mapping[str, Any]) -> None:  # noqa: N802
        arn = self.destinations[asked["name"]]["arn"]
        if any(d["deliveryDestinationArn"] == arn for d in self.deliveries.values()):
            raise Refusal("ConflictException", "a delivery has this destination")
        self.destinations.pop(asked["name"])

    def _s3_GetBucketPolicy(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        _owned(asked)
        if asked["Bucket"] not in self.policies:
            raise Refusal("NoSuchBucketPolicy", "The bucket policy does not exist")
        return {"Policy": json.dumps(self.policies[asked["Bucket"]])}

    def _s3_GetBucketLocation(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        _owned(asked)
        return {"LocationConstraint": self.regions.get(asked["Bucket"], REGION)}

    def _s3_GetBucketEncryption(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        _owned(asked)
        key = self.keys.get(asked["Bucket"])
        default = (
            {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
            if key
            else {"SSEAlgorithm": "AES256"}
        )
        rules = [{"ApplyServerSideEncryptionByDefault": default}]
        return {"ServerSideEncryptionConfiguration": {"Rules": rules}}

    def _s3_GetBucketNotificationConfiguration(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        _owned(asked)
        return self.notifications.get(asked["Bucket"], {})

    def _s3_PutBucketNotificationConfiguration(self, asked: Mapping[str, Any]) -> None:  # noqa: N802
        _owned(asked)
        self.notifications[asked["Bucket"]] = dict(asked["NotificationConfiguration"])


def account() -> FakeAws:
    """An account with the stack and one distribution that has no logs yet."""
    stack = {
        "StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/1",
        "StackName": STACK,
        "CreationTime": datetime(2026, 11, 1, tzinfo=UTC),
        "StackStatus": "CREATE_COMPLETE",
        "Outputs": [
            {"OutputKey": "LogBucket", "OutputValue": BUCKET},
            {"OutputKey": "IngestQueueUrl", "OutputValue": QUEUE_URL},
        ],
        "Parameters": [],
    }
    return FakeAws(
        stacks={STACK: stack},
        distributions={DISTRIBUTION: distribution()},
        policies={BUCKET: bucket_policy()},
    )


def deployed(fake: FakeAws, **parameters: str) -> None:
    """Deploy the stack with these parameters."""
    fake.stacks[STACK]["Parameters"] = [
        {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
    ]


def _page(
    asked: Mapping[str, Any], name: str, everything: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """One at a time, so that whoever reads only the first page is found out."""
    items = list(everything.values())
    start = int(asked.get("nextToken", "0"))
    more = {"nextToken": str(start + 1)} if start + 1 < len(items) else {}
    return {name: items[start : start + 1], **more}


def _new_or_without_tags(is_there: bool, asked: Mapping[str, Any]) -> None:
    if is_there and asked.get("tags"):
        raise Refusal("ConflictException", "Tags can only be provided when a resource is created")


def _lets_in(policy: Mapping[str, Any], source: str) -> bool:
    """Whether a policy has the statement that AWS's documentation asks for."""
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:delivery-source:{source}"
    for statement in policy.get("Statement", ()):
        wanted = statement.get("Condition", {}).get("ArnLike", {}).get("aws:SourceArn", "")
        start, _, end = wanted.partition("*")
        end = end.rpartition("*")[0] or end
        if statement["Effect"] == "Allow" and arn.startswith(start) and end in arn:
            return True
    return False


def _owned(asked: Mapping[str, Any]) -> None:
    if asked.get("ExpectedBucketOwner") != ACCOUNT:
        raise Refusal("AccessDenied", "the owner of the bucket is not named")


def _summary(full: dict[str, Any]) -> dict[str, Any]:
    config = full["DistributionConfig"]
    return {
        **{name: full[name] for name in ("Id", "ARN", "Status", "LastModifiedTime", "DomainName")},
        **{name: config[name] for name in ("Origins", "DefaultCacheBehavior")},
        "CacheBehaviors": {"Quantity": 0},
        "Comment": "",
        "Enabled": config["Enabled"],
        "Aliases": {"Quantity": 0},
        "CustomErrorResponses": {"Quantity": 0},
        "PriceClass": "PriceClass_All",
        "ViewerCertificate": {},
        "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}},
        "WebACLId": "",
        "HttpVersion": "http2",
        "IsIPV6Enabled": True,
        "Staging": False,
    }


def _http(status: int) -> AWSResponse:
    return AWSResponse("https://fake", status, HTTPHeaders(), None)


def everything(fake: FakeAws) -> Iterator[str]:
    """Every object that has to do with deliveries, for comparing before and after."""
    for kind in (fake.sources, fake.destinations, fake.deliveries, fake.notifications):
        yield json.dumps(kind, sort_keys=True, default=str)
