"""Reading a bucket that receives logs already: it shall announce its objects to the stack.

Its notifications are its owner's. What is there stays, and S3's switch for EventBridge is added.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from pipeline.delivery.attach import Step
from pipeline.delivery.choices import Choice
from pipeline.delivery.port import CloudConflict, Deliveries, Stack, Unready

BRIDGE = "EventBridgeConfiguration"


def reading(cloud: Deliveries, stack: Stack, bucket: str, prefix: str) -> list[Step]:
    """Return the changes that are missing; none if the bucket announces its objects already.

    Raises Choice if the stack must be deployed first with the bucket's name, Unready if the bucket
    is in another region, CloudError if it is another account's.
    """
    region = cloud.bucket_region(bucket, stack.account)
    if region != stack.region:
        raise Unready(
            f"{bucket} is in {region} and the stack in {stack.region}: S3 announces objects in "
            f"their own region only; deploy a stack in {region}"
        )
    _check_parameters(stack, bucket, prefix, cloud.bucket_key(bucket, stack.account))
    if BRIDGE in cloud.notifications(bucket, stack.account):
        return []
    words = f"bucket {bucket}: announces new objects to EventBridge; its other notifications stay"
    return [Step(words, partial(_announce, cloud, bucket, stack.account))]


def _check_parameters(stack: Stack, bucket: str, prefix: str, key: str) -> None:
    wanted = {"ExistingBucket": bucket, "ExistingPrefix": prefix, "ExistingKey": key}
    if all(stack.parameters.get(name, "") == value for name, value in wanted.items()):
        return
    words = " ".join(f"{name}={value}" for name, value in wanted.items() if value)
    command = f"sam deploy --stack-name {stack.name} --parameter-overrides {words}"
    does = (
        "deploys the stack with a rule for that bucket and the right to read it; then run the same "
        "edgetally attach again"
    )
    now = stack.parameters.get("ExistingBucket") or "no bucket but its own"
    raise Choice(f"The stack {stack.name} reads {now} yet", [(command, does)])


def _announce(cloud: Deliveries, bucket: str, owner: str) -> None:
    """Add the switch to what is there, and see that nothing else has changed.

    S3 replaces the whole configuration, and has no condition for that.
    """
    before = cloud.notifications(bucket, owner)
    wanted = {**before, BRIDGE: {}}
    cloud.put_notifications(bucket, owner, wanted)
    after = cloud.notifications(bucket, owner)
    if _compared(after) != _compared(wanted):
        raise CloudConflict(
            "s3:PutBucketNotification",
            "Changed",
            f"somebody else changed the notifications of {bucket} at the same moment; look at "
            f"them: aws s3api get-bucket-notification-configuration --bucket {bucket}",
        )


def _compared(whole: Mapping[str, Any]) -> dict[str, list[str]]:
    """A configuration in a form in which the order of entries does not matter."""
    return {
        kind: sorted(map(repr, entries)) if isinstance(entries, list) else [repr(entries)]
        for kind, entries in whole.items()
    }
