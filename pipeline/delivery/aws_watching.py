"""The way from the bucket to the function in AWS, behind the doctor's port, by botocore."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from math import ceil
from typing import Any

from typing_extensions import override

from pipeline.delivery.calls import Calls
from pipeline.delivery.port import CloudError
from pipeline.delivery.watching import Figure, Function, Rule, Watching
from pipeline.hours import Window
from pipeline.source.port import Listed


class AwsWatching(Watching):
    """The account of some clients."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._call = calls.call

    @override
    def queue(self, url: str) -> Mapping[str, str]:
        found = self._call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
        attributes: dict[str, str] = found["Attributes"]
        return attributes

    @override
    def function(self, arn: str) -> Function:
        state = self._call("lambda", "get_function_configuration", FunctionName=arn)["State"]
        limit = self._call("lambda", "get_function_concurrency", FunctionName=arn)
        return Function(state, limit.get("ReservedConcurrentExecutions"))

    @override
    def triggers(self, function: str, queue: str) -> Sequence[str]:
        found = self._call(
            "lambda", "list_event_source_mappings", FunctionName=function, EventSourceArn=queue
        )
        return [each["State"] for each in found["EventSourceMappings"]]

    @override
    def rules(self, queue: str) -> Sequence[Rule]:
        names = self._call("events", "list_rule_names_by_target", TargetArn=queue)["RuleNames"]
        rules = [self._call("events", "describe_rule", Name=name) for name in names]
        return [
            Rule(each["Name"], each["State"] == "ENABLED", json.loads(each["EventPattern"]))
            for each in rules
            if "EventPattern" in each
        ]

    @override
    def figure(self, figure: Figure, start: datetime, end: datetime) -> float | None:
        call = self._calls.globally if figure.is_global else self._call
        seconds = ceil((end - start).total_seconds() / 60) * 60
        found = call(
            "cloudwatch",
            "get_metric_statistics",
            Namespace=figure.namespace,
            MetricName=figure.metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in figure.of],
            StartTime=start,
            EndTime=end,
            Period=seconds,
            Statistics=[figure.statistic],
        )
        values = [float(each[figure.statistic]) for each in found["Datapoints"]]
        return max(values, default=None)

    @override
    def lifecycle(self, bucket: str, owner: str) -> Sequence[Mapping[str, Any]]:
        try:
            found = self._call(
                "s3",
                "get_bucket_lifecycle_configuration",
                Bucket=bucket,
                ExpectedBucketOwner=owner,
            )
        except CloudError as error:
            if error.code == "NoSuchLifecycleConfiguration":
                return []
            raise
        rules: list[dict[str, Any]] = found["Rules"]
        return rules

    @override
    def key_policy(self, key: str) -> Mapping[str, Any]:
        found = self._call("kms", "get_key_policy", KeyId=key, PolicyName="default")
        policy: dict[str, Any] = json.loads(found["Policy"])
        return policy

    @override
    def objects(self, bucket: str, prefix: str, window: Window) -> Iterator[Listed]:
        from pipeline.source.s3 import S3Source  # as in `Calls`

        return S3Source(self._calls.client("s3", self._calls.region)).list(bucket, prefix, window)
