"""What the adapter of log deliveries does is the same over our fake and over an emulator of AWS."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws

from pipeline.delivery.aws import AwsDeliveries
from pipeline.delivery.calls import Calls
from pipeline.delivery.port import CloudConflict, CloudError
from tests.support.fake_aws import ACCOUNT, ARN, BUCKET, REGION, account, bucket_policy

PLACE = f"arn:aws:s3:::{BUCKET}/cloudfront"


@dataclass
class World:
    """An account with the stack's bucket, which is empty but for its policy."""

    cloud: AwsDeliveries
    make_client: Any
    name: str


@pytest.fixture(name="world", params=["fake", "moto"])
def _world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    if request.param == "fake":
        fake = account()
        yield World(AwsDeliveries(Calls(fake.client, REGION)), fake.client, "fake")
        return
    monkeypatch.setenv("MOTO_ACCOUNT_ID", ACCOUNT)
    with mock_aws():

        def make_client(service: str, region: str) -> Any:
            return boto3.client(service, region_name=region)

        s3 = make_client("s3", REGION)
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(bucket_policy()))
        yield World(AwsDeliveries(Calls(make_client, REGION)), make_client, "moto")


def made(cloud: AwsDeliveries) -> str:
    """A source, a destination and a delivery; the delivery's id."""
    cloud.put_source("ours", ARN, {"edgetally": "x"})
    cloud.put_destination("place", PLACE, "w3c", {"edgetally": "x"})
    [destination] = cloud.destinations()
    cloud.create_delivery("ours", destination.arn, ["date", "time"], "{yyyy}", {"edgetally": "x"})
    [delivery] = cloud.deliveries()
    return delivery.id


def test_what_is_made_is_found(world: World) -> None:
    """A source by its resource, a destination by its bucket, a delivery by both of them."""
    name = made(world.cloud)
    [source] = world.cloud.sources()
    [destination] = world.cloud.destinations()
    [delivery] = world.cloud.deliveries()
    assert (source.name, source.resources, source.status_reason) == ("ours", (ARN,), "")
    assert (destination.place, destination.format) == (PLACE, "w3c")
    assert destination.bucket == BUCKET
    assert (delivery.id, delivery.source, delivery.destination) == (name, "ours", destination.arn)
    assert (delivery.kind, delivery.fields) == ("S3", ("date", "time"))


def test_making_the_same_again_is_a_conflict(world: World) -> None:
    """Tags belong to what is new, and AWS takes one delivery to S3 for each source."""
    made(world.cloud)
    [destination] = world.cloud.destinations()
    tags = {"edgetally": "x"}
    with pytest.raises(CloudConflict):
        world.cloud.put_source("ours", ARN, tags)
    with pytest.raises(CloudConflict):
        world.cloud.put_destination("place", PLACE, "w3c", tags)
    with pytest.raises(CloudConflict) as caught:
        world.cloud.create_delivery("ours", destination.arn, ["date", "time"], "{yyyy}", {})
    assert caught.value.operation == "logs:CreateDelivery"
    assert not caught.value.is_passing


def test_a_destinations_format_cannot_be_changed(world: World) -> None:
    """So a format has a destination of its own."""
    made(world.cloud)
    with pytest.raises(CloudError) as caught:
        world.cloud.put_destination("place", PLACE, "json", {})
    assert (caught.value.operation, caught.value.code) == (
        "logs:PutDeliveryDestination",
        "ValidationException",
    )


def test_what_is_deleted_is_gone(world: World) -> None:
    """In this order: the delivery, then what it joined."""
    world.cloud.delete_delivery(made(world.cloud))
    world.cloud.delete_source("ours")
    world.cloud.delete_destination("place")
    assert (world.cloud.sources(), world.cloud.destinations(), world.cloud.deliveries()) == (
        [],
        [],
        [],
    )


def test_a_buckets_policy_is_read(world: World) -> None:
    """As it was put."""
    assert world.cloud.bucket_policy(BUCKET, ACCOUNT) == bucket_policy()
