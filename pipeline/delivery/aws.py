"""Log deliveries of AWS behind their port, by botocore."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import override

from pipeline.delivery.calls import GLOBAL, Calls
from pipeline.delivery.port import (
    LOG_TYPE,
    CloudError,
    Deliveries,
    Delivery,
    Destination,
    Distribution,
    Source,
    Stack,
)
from pipeline.errors import SettingError


class AwsDeliveries(Deliveries):
    """The account of some clients, seen from a region."""

    def __init__(self, calls: Calls) -> None:
        self._call, self._pages, self._region = calls.call, calls.pages, calls.region

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
        behaviors = [
            config["DefaultCacheBehavior"],
            *config.get("CacheBehaviors", {}).get("Items", ()),
        ]
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


def _has_realtime(behavior: Mapping[str, Any]) -> bool:
    return bool(behavior.get("RealtimeLogConfigArn"))


def _of(bucket: str, owner: str) -> dict[str, str]:
    """A bucket that must be that account's: another's of the same name is refused."""
    return {"Bucket": bucket, "ExpectedBucketOwner": owner}
