"""A distribution of the embedded AWS, whose logs are turned on as `edgetally attach` does it."""

from datetime import UTC, datetime
from typing import Any

from demo.stack import REGION, Aws, Stack, StackError
from pipeline.deadline import Deadline
from pipeline.delivery.attach import Wish, attach, plan
from pipeline.delivery.aws import AwsDeliveries
from pipeline.delivery.calls import Calls
from pipeline.schema.fields import STANDARD

_SECONDS = 30


def attached(stack: Stack) -> str:
    """Make a distribution and let its logs be delivered to the stack; return its id.

    Raises StackError if a second plan finds anything left to do.
    """
    name = _distribution(stack.aws)
    deliveries = AwsDeliveries(Calls(stack.aws.client, REGION))
    wish = Wish(
        name,
        deliveries.stack(stack.name),
        "w3c",
        tuple(STANDARD.split()),  # the embedded AWS does not tell which fields there are
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    attach(deliveries, wish, Deadline.after(_SECONDS))
    if left := plan(deliveries, wish):
        raise StackError(f"attaching {name} left something to do: {left[0].words}")
    return name


def _distribution(aws: Aws) -> str:
    origin = {
        "Id": "origin",
        "DomainName": "origin.example.com",
        "CustomOriginConfig": {
            "HTTPPort": 80,
            "HTTPSPort": 443,
            "OriginProtocolPolicy": "https-only",
        },
    }
    config: dict[str, Any] = {
        "CallerReference": "edgetally-demo",
        "Comment": "",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {"TargetOriginId": "origin", "ViewerProtocolPolicy": "https-only"},
    }
    made = aws.client("cloudfront").create_distribution(DistributionConfig=config)
    name: str = made["Distribution"]["Id"]
    return name
