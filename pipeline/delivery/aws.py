"""AWS behind the port, by boto3. Every call goes through one method, which wraps its errors."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from typing_extensions import override

from pipeline.delivery.port import (
    LOG_TYPE,
    CloudConflict,
    CloudError,
    Deliveries,
    Delivery,
    Destination,
    Distribution,
    Source,
    Stack,
)
from pipeline.errors import SettingError

GLOBAL = "us-east-1"
"""The region of CloudFront and of its log deliveries, whatever the bucket's region is."""

_GLOBALS = frozenset({"logs", "cloudfront"})
_RIGHTS = {
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
}
"""The rights of operations that have another name than theirs."""
_CONFLICTS = frozenset({"ConflictException", "OperationAborted"})


class Aws(Deliveries):
    """The account of some clients, seen from a region."""

    def __init__(self, make_client: Callable[[str, str], Any], region: str) -> None:
        """`make_client` makes the client of a service in a region."""
        self._make_client = cache(make_client)
        self._region = region

    @override
    def stack(self, name: str) -> Stack:
        try:
            found = self._call("cloudformation", "describe_stacks", StackName=name)["Stacks"][0]
        except CloudError as error:
            if error.code == "ValidationError":
                raise SettingError(
                    "--stack", f"{self._region} has no stack {name!r}; deploy it, or set AWS_REGION"
                ) from error
            raise
        partition, account = found["StackId"].split(":")[1::3]
        return Stack(
            name,
            account,
            partition,
            self._region,
            found["StackStatus"],
            {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())},
            {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", ())},
            found.get("LastUpdatedTime", found["CreationTime"]),
        )

    @override
    def distribution(self, name: str) -> Distribution:
        try:
            found = self._call("cloudfront", "get_distribution", Id=name)["Distribution"]
        except CloudError as error:
            if error.code == "NoSuchDistribution":
                raise SettingError("DISTRIBUTION", f"this account has no {name}") from error
            raise
        config = found["DistributionConfig"]
        logging = config.get("Logging", {})
        behaviors = [config["DefaultCacheBehavior"], *config["CacheBehaviors"].get("Items", ())]
        realtime = {each["RealtimeLogConfigArn"] for each in behaviors if _has_realtime(each)}
        return Distribution(
            found["Id"],
            found["ARN"],
            found["DomainName"],
            config["Enabled"],
            f"{logging['Bucket'].partition('.s3')[0]}/{logging['Prefix']}"
            if logging.get("Enabled")
            else "",
            tuple(sorted(realtime)),
        )

    @override
    def distributions(self) -> Sequence[str]:
        pages = self._pages("cloudfront", "list_distributions")
        return [each["Id"] for page in pages for each in page["DistributionList"].get("Items", ())]

    @override
    def allowed_fields(self) -> Sequence[str]:
        found = self._call(
            "logs",
            "describe_configuration_templates",
            service="cloudfront",
            logTypes=[LOG_TYPE],
            deliveryDestinationTypes=["S3"],
        )
        return [each["name"] for each in found["configurationTemplates"][0]["allowedFields"]]

    @override
    def sources(self) -> Sequence[Source]:
        return [
            Source(
                each["name"],
                tuple(each.get("resourceArns", ())),
                each.get("statusReason", "")
                or ("" if each.get("status", "ACTIVE") == "ACTIVE" else each["status"]),
                each.get("tags", {}),
            )
            for page in self._pages("logs", "describe_delivery_sources")
            for each in page["deliverySources"]
        ]

    @override
    def destinations(self) -> Sequence[Destination]:
        return [
            Destination(
                each["name"],
                each["arn"],
                each["deliveryDestinationConfiguration"]["destinationResourceArn"],
                each.get("outputFormat", ""),
                each.get("tags", {}),
            )
            for page in self._pages("logs", "describe_delivery_destinations")
            for each in page["deliveryDestinations"]
            if "deliveryDestinationConfiguration" in each  # X-Ray's have none
        ]

    @override
    def deliveries(self) -> Sequence[Delivery]:
        return [
            Delivery(
                each["id"],
                each["deliverySourceName"],
                each["deliveryDestinationArn"],
                each["deliveryDestinationType"],
                tuple(each.get("recordFields", ())),
                each.get("tags", {}),
            )
            for page in self._pages("logs", "describe_deliveries")
            for each in page["deliveries"]
        ]

    @override
    def put_source(self, name: str, resource: str, tags: Mapping[str, str]) -> None:
        self._call(
            "logs",
            "put_delivery_source",
            name=name,
            resourceArn=resource,
            logType=LOG_TYPE,
            tags=tags,
        )

    @override
    def put_destination(self, name: str, place: str, form: str, tags: Mapping[str, str]) -> None:
        self._call(
            "logs",
            "put_delivery_destination",
            name=name,
            outputFormat=form,
            deliveryDestinationConfiguration={"destinationResourceArn": place},
            tags=tags,
        )

    @override
    def create_delivery(
        self,
        source: str,
        destination: str,
        fields: Sequence[str],
        suffix: str,
        tags: Mapping[str, str],
    ) -> None:
        self._call(
            "logs",
            "create_delivery",
            deliverySourceName=source,
            deliveryDestinationArn=destination,
            recordFields=list(fields),
            s3DeliveryConfiguration={"suffixPath": suffix, "enableHiveCompatiblePath": False},
            tags=tags,
        )

    @override
    def update_fields(self, delivery: str, fields: Sequence[str]) -> None:
        self._call("logs", "update_delivery_configuration", id=delivery, recordFields=list(fields))

    @override
    def delete_delivery(self, delivery: str) -> None:
        self._call("logs", "delete_delivery", id=delivery)

    @override
    def delete_source(self, name: str) -> None:
        self._call("logs", "delete_delivery_source", name=name)

    @override
    def delete_destination(self, name: str) -> None:
        self._call("logs", "delete_delivery_destination", name=name)

    @override
    def bucket_policy(self, bucket: str, owner: str) -> Mapping[str, Any]:
        try:
            found = self._call("s3", "get_bucket_policy", **_of(bucket, owner))
        except CloudError as error:
            if error.code == "NoSuchBucketPolicy":
                return {}
            raise
        policy: dict[str, Any] = json.loads(found["Policy"])
        return policy

    @override
    def bucket_region(self, bucket: str, owner: str) -> str:
        found = self._call("s3", "get_bucket_location", **_of(bucket, owner))
        return found.get("LocationConstraint") or GLOBAL

    @override
    def bucket_key(self, bucket: str, owner: str) -> str:
        found = self._call("s3", "get_bucket_encryption", **_of(bucket, owner))
        rules = found["ServerSideEncryptionConfiguration"]["Rules"]
        defaults = [each.get("ApplyServerSideEncryptionByDefault", {}) for each in rules]
        return next((each["KMSMasterKeyID"] for each in defaults if "KMSMasterKeyID" in each), "")

    @override
    def notifications(self, bucket: str, owner: str) -> Mapping[str, Any]:
        found = self._call("s3", "get_bucket_notification_configuration", **_of(bucket, owner))
        return {name: value for name, value in found.items() if name != "ResponseMetadata"}

    @override
    def put_notifications(self, bucket: str, owner: str, whole: Mapping[str, Any]) -> None:
        self._call(
            "s3",
            "put_bucket_notification_configuration",
            NotificationConfiguration=whole,
            **_of(bucket, owner),
        )

    def _pages(self, service: str, operation: str) -> Iterator[Mapping[str, Any]]:
        paginator = self._client(service).get_paginator(operation)
        pages = iter(paginator.paginate())
        while (page := self._wrapped(service, operation, lambda: next(pages, None))) is not None:
            yield page

    def _call(self, api: str, operation: str, /, **parameters: Any) -> Any:
        call = getattr(self._client(api), operation)
        return self._wrapped(api, operation, lambda: call(**parameters))

    def _client(self, service: str) -> Any:
        return self._make_client(service, GLOBAL if service in _GLOBALS else self._region)

    def _wrapped(self, service: str, operation: str, call: Any) -> Any:
        name = f"{service}:{''.join(part.title() for part in operation.split('_'))}"
        name = _RIGHTS.get(name, name)
        try:
            return call()
        except ClientError as error:
            code, reason = error.response["Error"]["Code"], error.response["Error"]["Message"]
            kind = CloudConflict if code in _CONFLICTS else CloudError
            raise kind(name, code, reason) from error
        except BotoCoreError as error:
            raise CloudError(name, type(error).__name__, str(error)) from error


def _has_realtime(behavior: Mapping[str, Any]) -> bool:
    return bool(behavior.get("RealtimeLogConfigArn"))


def _of(bucket: str, owner: str) -> dict[str, str]:
    """A bucket that must be that account's: another's of the same name is refused."""
    return {"Bucket": bucket, "ExpectedBucketOwner": owner}
