"""The stations from the bucket to the function that counts."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import msgspec

from pipeline.delivery.existing import BRIDGE
from pipeline.delivery.policy import Access, obstacle
from pipeline.delivery.port import CloudError
from pipeline.delivery.scene import Scene
from pipeline.delivery.station import Station, broken, ok, waiting
from pipeline.delivery.watching import ABSENT, Figure
from pipeline.words import number_of

_DEPLOY = "deploy the stack again: sam deploy"
_RECENTLY = timedelta(hours=3)
_LATE_SECONDS = 2 * 3600


def announcement(scene: Scene) -> Iterator[Station]:
    """The bucket announces new objects to the queue."""
    found = scene.cloud.notifications(scene.bucket, scene.stack.account)
    if scene.bucket != scene.stack.bucket:
        yield from _bridge(scene, found)
        return
    if scene.stack.parameters.get("Trigger", "queue") == "direct":
        entries = found.get("LambdaFunctionConfigurations", ())
        target = scene.stack.outputs.get("IngestFunctionArn", "")
        own = [each for each in entries if each["LambdaFunctionArn"] == target]
    else:
        entries = found.get("QueueConfigurations", ())
        own = [each for each in entries if each["QueueArn"] == scene.queue_arn]
    if not own:
        yield broken("announcement", f"{scene.bucket} announces nothing to the stack", _DEPLOY)
    elif not any(_takes(each, scene.prefix) for each in own):
        yield broken(
            "announcement",
            f"{scene.bucket} announces objects of other prefixes than {scene.prefix}",
            _DEPLOY,
        )
    else:
        yield ok("announcement", f"{scene.bucket} announces new objects")


def _bridge(scene: Scene, found: Mapping[str, Any]) -> Iterator[Station]:
    """The way of another bucket: its switch, then the rule."""
    again = f"edgetally attach --bucket {scene.bucket} --prefix '{scene.prefix}'"
    if BRIDGE not in found:
        yield broken(
            "announcement", f"{scene.bucket} does not announce objects to EventBridge", again
        )
        return
    rules = [each for each in scene.watching.rules(scene.queue_arn) if _is_of(each.pattern, scene)]
    if not rules:
        yield broken("announcement", f"no rule sends objects of {scene.bucket} on", _DEPLOY)
    elif not any(each.enabled for each in rules):
        name = rules[0].name
        yield broken(
            "announcement", f"rule {name} is disabled", f"aws events enable-rule --name {name}"
        )
    else:
        yield ok("announcement", f"{scene.bucket} announces new objects by {rules[0].name}")


def queue(scene: Scene) -> Iterator[Station]:
    """The queue is there, lets the announcements in, and is not behind."""
    try:
        attributes = scene.watching.queue(scene.queue_url)
    except CloudError as error:
        if error.code not in ABSENT:
            raise
        yield broken("queue", f"{scene.queue_url} is gone", _DEPLOY)
        return
    policy = msgspec.json.decode(attributes.get("Policy", "{}"))
    access = _sending(scene)
    if access and (reason := obstacle(policy, access)):
        yield broken("queue", f"announcements cannot be sent to it: {reason}", _DEPLOY)
        return
    oldest = _figure(scene, "AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", _queue(scene))
    number = int(attributes.get("ApproximateNumberOfMessages", 0))
    if oldest and oldest > _LATE_SECONDS:
        yield waiting(
            "queue",
            f"{number_of(number, 'object')} waiting, the oldest for {oldest / 3600:.0f} hours",
        )
    else:
        yield ok("queue", f"{number_of(number, 'object')} waiting")


def trigger(scene: Scene) -> Iterator[Station]:
    """The function takes from the queue."""
    states = scene.watching.triggers(
        scene.stack.outputs.get("IngestFunctionArn", ""), scene.queue_arn
    )
    if not states:
        yield broken("trigger", "nothing takes from the queue", _DEPLOY)
    elif not any(state in ("Enabled", "Enabling", "Updating", "Creating") for state in states):
        yield broken(
            "trigger",
            f"the function's event source mapping is {states[0]}",
            "enable it: aws lambda update-event-source-mapping --enabled --uuid …",
        )
    else:
        yield ok("trigger", "the function takes from the queue")


def function(scene: Scene) -> Iterator[Station]:
    """The function is active, may run, and does not fail."""
    arn = scene.stack.outputs.get("IngestFunctionArn", "")
    try:
        found = scene.watching.function(arn)
    except CloudError as error:
        if error.code not in ABSENT:
            raise
        yield broken("function", f"{arn} is gone", _DEPLOY)
        return
    of = (("FunctionName", arn.rpartition(":")[2]),)
    errors = _figure(scene, "AWS/Lambda", "Errors", "Sum", of)
    if found.state not in ("Active", "Inactive"):  # an inactive one wakes up when it is called
        yield broken("function", f"it is {found.state}", _DEPLOY)
    elif found.reserved == 0:
        yield broken(
            "function",
            "its reserved concurrency is 0, so it never runs",
            "set the parameter ReservedConcurrency, or delete the reservation",
        )
    elif errors:
        yield broken(
            "function",
            f"{errors:,.0f} of its runs failed in the last {_RECENTLY.seconds // 3600} hours",
            f"read its log: aws logs tail /aws/lambda/{scene.stack.name}-ingest --since 3h",
        )
    else:
        yield ok("function", found.state)


def dead_letters(scene: Scene) -> Iterator[Station]:
    """Nothing was given up."""
    url = scene.stack.outputs.get("DeadLetterQueueUrl", "")
    number = int(scene.watching.queue(url).get("ApproximateNumberOfMessages", 0))
    if number:
        yield broken(
            "dead letters",
            f"{number:,} messages were given up",
            "edgetally objects --failed says why; then redrive the queue",
        )
    else:
        yield ok("dead letters", "none")


def _sending(scene: Scene) -> Access | None:
    """The access with which announcements come; None if nothing announces."""
    stack = scene.stack
    service, arn = "s3.amazonaws.com", f"arn:{stack.partition}:s3:::{scene.bucket}"
    if scene.bucket != stack.bucket:
        rules = scene.watching.rules(scene.queue_arn)
        name = next((each.name for each in rules if _is_of(each.pattern, scene)), None)
        if name is None:
            return None
        service = "events.amazonaws.com"
        arn = f"arn:{stack.partition}:events:{stack.region}:{stack.account}:rule/{name}"
    context = {
        "aws:SourceArn": arn,
        "aws:SourceAccount": stack.account,
        "aws:SecureTransport": "true",
    }
    return Access(service, "sqs:SendMessage", scene.queue_arn, context)


def _takes(notification: Mapping[str, Any], prefix: str) -> bool:
    if not any(event.startswith("s3:ObjectCreated") for event in notification["Events"]):
        return False
    rules = notification.get("Filter", {}).get("Key", {}).get("FilterRules", ())
    wanted = [rule["Value"] for rule in rules if rule["Name"].lower() == "prefix"]
    return all(prefix.startswith(each) for each in wanted)


def _is_of(pattern: Mapping[str, Any], scene: Scene) -> bool:
    return scene.bucket in pattern.get("detail", {}).get("bucket", {}).get("name", ())


def _queue(scene: Scene) -> tuple[tuple[str, str], ...]:
    return (("QueueName", scene.queue_arn.rpartition(":")[2]),)


def _figure(
    scene: Scene, namespace: str, metric: str, statistic: str, of: tuple[tuple[str, str], ...]
) -> float | None:
    figure = Figure(namespace, metric, statistic, of)
    return scene.watching.figure(figure, scene.now - _RECENTLY, scene.now)
