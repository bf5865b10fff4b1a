"""The stations from the distribution to the bucket."""

from collections.abc import Iterator

from pipeline.delivery.attach import writing
from pipeline.delivery.choices import reading_command
from pipeline.delivery.policy import Access, obstacle
from pipeline.delivery.port import CloudError
from pipeline.delivery.scene import Scene
from pipeline.delivery.station import Station, broken, ok
from pipeline.delivery.watching import ABSENT
from pipeline.schema.fields import CLOCKS, METHOD, PATH, RESULT_TYPE, SPELLINGS, STATUS, spelling

_NEEDED = (STATUS, PATH, METHOD, RESULT_TYPE)
_FEWEST_DAYS = 2
"""Logs may come 24 hours late, and one that failed is tried again for hours."""
_AGAIN = "edgetally attach {}"


def stack(scene: Scene) -> Iterator[Station]:
    """The stack is deployed."""
    stack = scene.stack
    if not stack.status.endswith("_COMPLETE") or "ROLLBACK" in stack.status:
        reason = "see its events, and deploy again: sam deploy"
        yield broken("stack", f"{stack.name} is {stack.status}", reason)
    else:
        yield ok("stack", f"{stack.name} is {stack.status} since {stack.changed:%Y-%m-%d %H:%MZ}")


def distribution(scene: Scene) -> Iterator[Station]:
    """The distribution serves requests."""
    if scene.distribution.enabled:
        yield ok("distribution", scene.distribution.domain)
    else:
        yield broken("distribution", f"{scene.name} is disabled", "enable it, if it shall serve")


def logging(scene: Scene) -> Iterator[Station]:
    """One delivery, and only one, brings the logs into a bucket that is counted."""
    delivery, source = scene.delivery, scene.source
    counts_legacy = scene.legacy_bucket in scene.buckets
    if delivery and counts_legacy:
        yield broken(
            "logging",
            f"legacy logging and delivery {delivery.id} both write to counted buckets: every "
            "request is counted twice",
            f"turn one off: edgetally detach {scene.name}, or legacy logging of the distribution; "
            "then edgetally rebuild with --forget for the doubled objects",
        )
    elif delivery and source and source.status_reason:
        yield broken(
            "logging",
            f"source {source.name} is inactive: {source.status_reason}",
            f"edgetally detach {scene.name} && {_AGAIN.format(scene.name)}",
        )
    elif delivery:
        yield ok("logging", f"delivery {delivery.id} to {scene.bucket}")
    elif counts_legacy:
        yield ok("logging", f"legacy standard logging to {scene.distribution.legacy}")
    else:
        yield _uncounted(scene)


def _uncounted(scene: Scene) -> Station:
    """Where the logs go that do not come to the stack."""
    places = [scene.distribution.legacy, *(each.path or each.arn for each in scene.elsewhere)]
    place = next(filter(None, places), "")
    if place:
        bucket, _, prefix = place.partition("/")
        detail = f"logs are delivered to {place}, which the stack does not count"
        is_ours = not place.startswith("arn:")
        again = f"{_AGAIN.format(scene.name)} --replace"
        return broken("logging", detail, reading_command(bucket, prefix) if is_ours else again)
    if scene.distribution.realtime:
        return ok("logging", "real-time logs only")
    return broken("logging", "no logs are delivered", _AGAIN.format(scene.name))


def fields(scene: Scene) -> Iterator[Station]:
    """The delivery has the fields without which a line counts nothing."""
    if scene.delivery is None:
        return
    there = {spelling(name, realtime=False) for name in scene.delivery.fields}
    missing = [
        SPELLINGS[name][0].replace("_", "-")
        for name in _NEEDED
        if there.isdisjoint(SPELLINGS[name])
    ]
    if not any(all(not there.isdisjoint(SPELLINGS[each]) for each in clock) for clock in CLOCKS):
        missing.insert(0, "timestamp(ms)")
    if missing:
        yield broken(
            "fields",
            f"the delivery has no {', '.join(missing)}",
            f"{_AGAIN.format(scene.name)} --fields counted",
        )
    else:
        yield ok("fields", f"{len(there)} fields")


def format_(scene: Scene) -> Iterator[Station]:
    """The stack can read the format."""
    plain = scene.destination is not None and scene.destination.format == "plain"
    if plain and not scene.stack.parameters.get("PlainFields"):
        yield broken(
            "format",
            "the format plain has no header, and the stack does not know its fields",
            "set the parameter PlainFields to the delivery's fields, or attach with --format w3c",
        )
    elif scene.destination is not None:
        yield ok("format", scene.destination.format)


def bucket(scene: Scene) -> Iterator[Station]:
    """The bucket is there, and its policy lets the delivery write."""
    owner = scene.stack.account
    try:
        policy = scene.cloud.bucket_policy(scene.bucket, owner)
    except CloudError as error:
        if error.code not in ABSENT:
            raise
        yield broken("bucket", f"{scene.bucket} is gone", "deploy the stack again: sam deploy")
        return
    source = scene.source.name if scene.source else ""
    reason = obstacle(policy, writing(scene.stack, source, scene.bucket)) if scene.delivery else ""
    if reason:
        yield broken(
            "bucket",
            f"logs cannot be written to {scene.bucket}: {reason}",
            "deploy the stack again, or let its owner allow delivery.logs.amazonaws.com",
        )
    else:
        yield ok("bucket", scene.bucket)


def key(scene: Scene) -> Iterator[Station]:
    """The bucket's key, if it has one, encrypts what is delivered and decrypts what is counted."""
    name = scene.cloud.bucket_key(scene.bucket, scene.stack.account)
    if not name:
        return
    stack = scene.stack
    access = Access("delivery.logs.amazonaws.com", "kms:GenerateDataKey", name, {})
    if scene.bucket != stack.bucket and stack.parameters.get("ExistingKey") != name:
        yield broken(
            "key",
            f"{scene.bucket} is encrypted under {name}, which the function may not use",
            f"sam deploy --parameter-overrides ExistingKey={name}",
        )
    elif scene.delivery and (reason := obstacle(scene.watching.key_policy(name), access)):
        yield broken(
            "key",
            f"logs cannot be encrypted under {name}: {reason}",
            "let the key's policy allow delivery.logs.amazonaws.com kms:GenerateDataKey",
        )
    else:
        yield ok("key", name)


def retention(scene: Scene) -> Iterator[Station]:
    """Logs are kept until they are surely counted."""
    days = [
        rule["Expiration"]["Days"]
        for rule in scene.watching.lifecycle(scene.bucket, scene.stack.account)
        if rule["Status"] == "Enabled" and "Days" in rule.get("Expiration", {})
        if scene.prefix.startswith(rule.get("Filter", {}).get("Prefix", rule.get("Prefix", "")))
    ]
    if days and min(days) < _FEWEST_DAYS:
        yield broken(
            "retention",
            f"logs are deleted after {min(days)} day: some before they are counted",
            f"keep them for at least {_FEWEST_DAYS} days (LogRetentionDays, or the bucket's rule)",
        )
    else:
        yield ok("retention", f"logs are kept for {min(days)} days" if days else "logs are kept")
