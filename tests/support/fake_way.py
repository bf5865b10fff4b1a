"""The way from the bucket to the counted hour in a fake account: all of it works, until a test
breaks something."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.deadline import NEVER
from pipeline.delivery.attach import Wish, attach
from pipeline.delivery.aws import AwsDeliveries
from pipeline.delivery.aws_watching import AwsWatching
from pipeline.delivery.calls import Calls
from pipeline.delivery.doctor import examine
from pipeline.delivery.fields import chosen
from pipeline.delivery.scene import Scene
from pipeline.delivery.station import Station
from pipeline.hours import hour_of
from pipeline.objects import ObjectRef
from pipeline.store.ledger import LedgerEntry, State
from pipeline.store.memory import MemoryStore
from tests.support.fake_aws import (
    ACCOUNT,
    BUCKET,
    DISTRIBUTION,
    FIELDS,
    QUEUE_URL,
    REGION,
    STACK,
    FakeAws,
    Refusal,
    account,
)

NOW = datetime(2026, 11, 27, 10, 40, tzinfo=UTC)
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:ingest"
DEAD_URL = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/dead"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}-ingest"


def queue_policy(service: str = "s3.amazonaws.com", source: str = "") -> str:
    """A policy that lets a service send from a source: by default, S3 from the stack's bucket."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sqs:SendMessage",
        "Resource": QUEUE,
        "Condition": {"ArnEquals": {"aws:SourceArn": source or f"arn:aws:s3:::{BUCKET}"}},
    }
    return json.dumps({"Statement": [statement]})


@dataclass
class Way:
    """What answers for the services between the bucket and the ledger."""

    fake: FakeAws = field(default_factory=account)
    queues: dict[str, dict[str, str]] = field(default_factory=dict)
    state: str = "Active"
    reserved: int | None = None
    mappings: list[str] = field(default_factory=lambda: ["Enabled"])
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    """CloudWatch's figures by the names of their metrics."""
    lifecycle: list[dict[str, Any]] = field(default_factory=list)
    key_policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: list[dict[str, Any]] = field(default_factory=list)
    store: MemoryStore = field(default_factory=MemoryStore)

    def stations(self, now: datetime = NOW) -> list[Station]:
        """What the doctor finds."""
        calls = Calls(self.fake.client, REGION)
        cloud = AwsDeliveries(calls)
        stack = cloud.stack(STACK)
        return examine(Scene(cloud, AwsWatching(calls), self.store, stack, DISTRIBUTION, now))

    def come(self, key: str, at: datetime, etag: str = "e") -> ObjectRef:
        """Let an object come into the bucket."""
        self.objects.append({"Key": key, "LastModified": at, "ETag": f'"{etag}"', "Size": 9})
        return ObjectRef(BUCKET, key, etag)

    def count(self, ref: ObjectRef, state: State = "committed", **changed: Any) -> None:
        """Let the ledger say that an object is counted, or what else became of it."""
        figures = {"sites": {DISTRIBUTION: {hour_of(NOW): 10}}} | changed
        entry = LedgerEntry(ref, state, int(NOW.timestamp()) - 1800, **figures)
        self.store.restore([entry], [])

    def _sqs_GetQueueAttributes(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        if asked["QueueUrl"] not in self.queues:
            raise Refusal("QueueDoesNotExist", "The specified queue does not exist.")
        return {"Attributes": self.queues[asked["QueueUrl"]]}

    def _lambda_GetFunctionConfiguration(self, _: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        if not self.state:
            raise Refusal("ResourceNotFoundException", "Function not found")
        return {"State": self.state}

    def _lambda_GetFunctionConcurrency(self, _: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        limit = self.reserved
        return {} if limit is None else {"ReservedConcurrentExecutions": limit}

    def _lambda_ListEventSourceMappings(self, _: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"EventSourceMappings": [{"State": state} for state in self.mappings]}

    def _events_ListRuleNamesByTarget(self, _: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"RuleNames": list(self.rules)}

    def _events_DescribeRule(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self.rules[asked["Name"]]

    def _cloudwatch_GetMetricStatistics(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        value = self.figures.get(asked["MetricName"])
        return {"Datapoints": [] if value is None else [{asked["Statistics"][0]: value}]}

    def _s3_GetBucketLifecycleConfiguration(self, _: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        if not self.lifecycle:
            raise Refusal("NoSuchLifecycleConfiguration", "there is none")
        return {"Rules": self.lifecycle}

    def _s3_ListObjectsV2(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        keys = sorted(self.objects, key=lambda each: each["Key"])
        found = [each for each in keys if each["Key"].startswith(asked["Prefix"])]
        after = asked.get("StartAfter", "")
        return {"Contents": [each for each in found if each["Key"] > after], "IsTruncated": False}

    def _kms_GetKeyPolicy(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"Policy": json.dumps(self.key_policies[asked["KeyId"]])}


def healthy() -> Way:
    """A way on which everything is well: attached three days ago, the last object just counted."""
    way = Way()
    way.fake.beside.append(way)
    outputs = {"DeadLetterQueueUrl": DEAD_URL, "IngestFunctionArn": FUNCTION, "TableName": "t"}
    way.fake.stacks[STACK]["Outputs"] += [
        {"OutputKey": name, "OutputValue": value} for name, value in outputs.items()
    ]
    way.queues[QUEUE_URL] = {"Policy": queue_policy(), "ApproximateNumberOfMessages": "0"}
    way.queues[DEAD_URL] = {"ApproximateNumberOfMessages": "0"}
    announced = {"QueueArn": QUEUE, "Events": ["s3:ObjectCreated:*"]}
    way.fake.notifications[BUCKET] = {"QueueConfigurations": [announced]}
    cloud = AwsDeliveries(Calls(way.fake.client, REGION))
    at = (NOW - timedelta(days=3)).isoformat()
    fields = chosen("counted", FIELDS)
    attach(cloud, Wish(DISTRIBUTION, cloud.stack(STACK), "w3c", fields, at=at), NEVER)
    name = f"{DISTRIBUTION}.2026-11-27-09.0a1b2c3d.gz"
    key = f"cloudfront/{DISTRIBUTION}/2026/11/27/09/{name}"
    way.count(way.come(key, NOW - timedelta(minutes=50)))
    way.fake.calls.clear()
    return way
