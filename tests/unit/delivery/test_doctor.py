"""The doctor names each fault on the way, and nothing else."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import status_command
from pipeline.cli.app import main
from pipeline.delivery.calls import Calls
from pipeline.objects import ObjectRef
from tests.support.fake_aws import (
    ACCOUNT,
    BUCKET,
    DISTRIBUTION,
    QUEUE_URL,
    REGION,
    STACK,
    bucket_policy,
    deployed,
    distribution,
)
from tests.support.fake_way import DEAD_URL, NOW, QUEUE, Way, healthy, queue_policy

ROOT = Path(__file__).parents[3]
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
THEIRS = "their-logs"
RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/theirs"
PATTERN = {"source": ["aws.s3"], "detail": {"bucket": {"name": [THEIRS]}}}
LEGACY = {"Enabled": True, "IncludeCookies": False, "Prefix": "cf/"}


def _delivery(way: Way) -> dict[str, Any]:
    [found] = way.fake.deliveries.values()
    return found


def _destination(way: Way) -> dict[str, Any]:
    [found] = way.fake.destinations.values()
    return found


def _legacy(way: Way, bucket: str) -> None:
    logging = {**LEGACY, "Bucket": f"{bucket}.s3.amazonaws.com"}
    way.fake.distributions[DISTRIBUTION] = distribution(Logging=logging)


def _gone(way: Way) -> None:
    way.fake.gone.add(BUCKET)


def _stack(way: Way) -> None:
    way.fake.stacks[STACK]["StackStatus"] = "UPDATE_ROLLBACK_COMPLETE"


def _disabled(way: Way) -> None:
    way.fake.distributions[DISTRIBUTION] = distribution(Enabled=False)


def _detached(way: Way) -> None:
    way.fake.deliveries.clear()
    way.fake.sources.clear()


def _inactive(way: Way) -> None:
    [source] = way.fake.sources.values()
    source |= {"status": "INACTIVE", "statusReason": "RESOURCE_DELETED"}


def _elsewhere(way: Way) -> None:
    place = {"destinationResourceArn": f"arn:aws:s3:::{THEIRS}/x"}
    _destination(way)["deliveryDestinationConfiguration"] = place


def _encrypted(way: Way) -> None:
    way.fake.keys[BUCKET] = KEY
    way.key_policies[KEY] = {"Statement": []}


def _short(way: Way) -> None:
    rule = {"ID": "r", "Status": "Enabled", "Expiration": {"Days": 1}, "Filter": {"Prefix": ""}}
    way.lifecycle = [rule]


def _other_prefix(way: Way) -> None:
    rules = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "other/"}]}}
    way.fake.notifications[BUCKET]["QueueConfigurations"][0]["Filter"] = rules


def _unlisted(way: Way) -> None:
    way.objects.clear()
    way.figures["Requests"] = 12_000


def _uncounted(way: Way) -> None:
    name = f"{DISTRIBUTION}.2026-11-27-08.ffff0000.gz"
    way.come(f"cloudfront/{DISTRIBUTION}/2026/11/27/08/{name}", NOW - timedelta(hours=2))


def _recounted(**changed: Any) -> Callable[[Way], None]:
    """The object that came is counted otherwise."""

    def break_it(way: Way) -> None:
        [each] = way.objects
        way.count(ObjectRef(BUCKET, each["Key"], "e"), **changed)

    return break_it


def _copied(way: Way) -> None:
    [each] = way.objects
    name = each["Key"].rpartition("/")[2]
    way.count(ObjectRef(BUCKET, f"partitioned/{DISTRIBUTION}/{name}", "e"))


def _theirs(way: Way) -> None:
    """Read the logs of another bucket, as `attach --bucket` leaves it: all is well."""
    deployed(way.fake, ExistingBucket=THEIRS, ExistingPrefix="cf/", ExistingKey="")
    place = {"destinationResourceArn": f"arn:aws:s3:::{THEIRS}/cf"}
    _destination(way)["deliveryDestinationConfiguration"] = place
    way.fake.policies[THEIRS] = bucket_policy(THEIRS)
    way.fake.notifications[THEIRS] = {"EventBridgeConfiguration": {}}
    way.rules["theirs"] = {
        "Name": "theirs",
        "State": "ENABLED",
        "EventPattern": json.dumps(PATTERN),
    }
    way.queues[QUEUE_URL]["Policy"] = queue_policy("events.amazonaws.com", RULE)
    way.objects.clear()
    ref = way.come(f"cf/{DISTRIBUTION}.2026-11-27-09.beef1234.gz", NOW - timedelta(minutes=50))
    way.count(ObjectRef(THEIRS, ref.key, "e"))


def _of_theirs(break_it: Callable[[Way], Any]) -> Callable[[Way], None]:
    def broken(way: Way) -> None:
        _theirs(way)
        break_it(way)

    return broken


FAULTS: dict[str, tuple[Callable[[Way], Any], str, str]] = {
    "the stack was rolled back": (_stack, "stack", "sam deploy"),
    "the distribution is disabled": (_disabled, "distribution", "enable it"),
    "nothing is attached": (_detached, "logging", f"edgetally attach {DISTRIBUTION}"),
    "the delivery is gone": (lambda way: way.fake.deliveries.clear(), "logging", "attach"),
    "the source is inactive": (_inactive, "logging", "detach"),
    "the delivery goes elsewhere": (_elsewhere, "logging", f"--bucket {THEIRS} --prefix 'x'"),
    "the delivery goes to another account": (
        lambda way: way.fake.destinations.clear(),
        "logging",
        "--replace",
    ),
    "legacy beside v2": (lambda way: _legacy(way, BUCKET), "logging", "twice"),
    "fields are missing": (
        lambda way: _delivery(way).update(recordFields=["date", "time", "c-ip"]),
        "fields",
        "--fields counted",
    ),
    "no time is delivered": (
        lambda way: _delivery(way)["recordFields"].remove("timestamp(ms)"),
        "fields",
        "timestamp(ms)",
    ),
    "a format that needs its fields": (
        lambda way: _destination(way).update(outputFormat="plain"),
        "format",
        "PlainFields",
    ),
    "the bucket is gone": (_gone, "bucket", "sam deploy"),
    "the bucket's policy is gone": (
        lambda way: way.fake.policies.pop(BUCKET),
        "bucket",
        "does not allow",
    ),
    "the wrong region in the bucket's policy": (
        lambda way: way.fake.policies.update(
            {BUCKET: bucket_policy(source=f"arn:aws:logs:{REGION}:{ACCOUNT}:delivery-source:*")}
        ),
        "bucket",
        "aws:SourceArn",
    ),
    "the key lets nobody encrypt": (_encrypted, "key", "kms:GenerateDataKey"),
    "logs are deleted before they are counted": (_short, "retention", "2 days"),
    "the notification is gone": (
        lambda way: way.fake.notifications.clear(),
        "announcement",
        "sam deploy",
    ),
    "the notification is for another prefix": (_other_prefix, "announcement", "other prefixes"),
    "EventBridge switched off again": (
        _of_theirs(lambda way: way.fake.notifications[THEIRS].clear()),
        "announcement",
        f"attach --bucket {THEIRS}",
    ),
    "the rule is gone": (
        _of_theirs(lambda way: way.rules.clear()),
        "announcement",
        "sam deploy",
    ),
    "the rule is disabled": (
        _of_theirs(lambda way: way.rules["theirs"].update(State="DISABLED")),
        "announcement",
        "enable-rule",
    ),
    "the function may not decrypt": (
        _of_theirs(lambda way: way.fake.keys.update({THEIRS: KEY})),
        "key",
        f"ExistingKey={KEY}",
    ),
    "the queue is gone": (lambda way: way.queues.pop(QUEUE_URL), "queue", "sam deploy"),
    "the queue's policy is gone": (
        lambda way: way.queues[QUEUE_URL].pop("Policy"),
        "queue",
        "cannot be sent",
    ),
    "the queue lets another bucket in": (
        lambda way: way.queues[QUEUE_URL].update(Policy=queue_policy(source="arn:aws:s3:::x")),
        "queue",
        "aws:SourceArn",
    ),
    "nothing takes from the queue": (lambda way: way.mappings.clear(), "trigger", "sam deploy"),
    "the trigger is off": (
        lambda way: setattr(way, "mappings", ["Disabled"]),
        "trigger",
        "--enabled",
    ),
    "the function is gone": (lambda way: setattr(way, "state", ""), "function", "sam deploy"),
    "the function is broken": (
        lambda way: setattr(way, "state", "Failed"),
        "function",
        "sam deploy",
    ),
    "the function may not run": (
        lambda way: setattr(way, "reserved", 0),
        "function",
        "concurrency",
    ),
    "the function fails": (lambda way: way.figures.update(Errors=7), "function", "aws logs tail"),
    "dead letters": (
        lambda way: way.queues[DEAD_URL].update(ApproximateNumberOfMessages="3"),
        "dead letters",
        "objects --failed",
    ),
    "requests but no objects": (_unlisted, "objects", "12,000 requests"),
    "objects but nothing counted": (_uncounted, "counted", "edgetally backfill"),
    "an object that could not be counted": (
        _recounted(state="failed", reason="AccessDenied: kms:Decrypt"),
        "counted",
        "kms:Decrypt",
    ),
    "all lines rejected": (
        _recounted(sites={}, rejected={"bad_timestamp": 50}),
        "lines",
        "bad_timestamp",
    ),
    "another site's pattern": (_recounted(sites={"default": {0: 10}}), "site", "SitePattern"),
    "copies within the bucket": (_copied, "copies", "two prefixes"),
}


def test_a_way_on_which_all_is_well_has_no_fault() -> None:
    """Every station is ok, for the stack's bucket and for one that was there before."""
    for way in (healthy(), healthy()):
        stations = way.stations()
        assert {station.state for station in stations} == {"ok"}, stations
        assert len(stations) > 14
        _theirs(way)
        assert {station.state for station in way.stations()} == {"ok"}, way.stations()


def test_there_are_faults_enough() -> None:
    """At least twenty, at every kind of station."""
    assert len(FAULTS) >= 20
    names = {station.name for station in healthy().stations()}
    assert names | {"key", "copies"} == {name for _, name, _ in FAULTS.values()}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_and_nothing_else(fault: str) -> None:
    """The station where it is, and what to do; what would follow from it is not judged."""
    break_it, name, words = FAULTS[fault]
    way = healthy()
    break_it(way)
    stations = way.stations()
    assert [each.name for each in stations if each.state == "broken"] == [name]
    (found,) = [each for each in stations if each.state == "broken"]
    assert words in f"{found.detail} {found.fix}"
    assert found.fix
    others = {each.state for each in stations if each.name not in (name, "the rest")}
    assert others <= {"ok"}
    assert way.fake.writes == []


def test_the_first_logs_are_waited_for() -> None:
    """For twelve hours after attach; and it says until when."""
    way = healthy()
    way.objects.clear()
    soon = NOW - timedelta(days=3) + timedelta(hours=2)
    (waiting,) = [each for each in way.stations(soon) if each.state != "ok"]
    assert (waiting.name, waiting.state) == ("objects", "waiting")
    assert waiting.until == NOW - timedelta(days=3) + timedelta(hours=12)


def test_where_nobody_asks_nothing_comes() -> None:
    """A distribution without requests has no logs, and that is no fault."""
    way = healthy()
    way.objects.clear()
    (waiting,) = [each for each in way.stations() if each.state != "ok"]
    assert (waiting.name, waiting.state, waiting.until) == ("objects", "waiting", None)


def test_a_queue_that_is_behind_is_waited_for() -> None:
    """It says how many objects wait, and for how long."""
    way = healthy()
    way.figures["ApproximateAgeOfOldestMessage"] = 3 * 3600
    way.queues[QUEUE_URL]["ApproximateNumberOfMessages"] = "1500"
    (waiting,) = [each for each in way.stations() if each.state != "ok"]
    assert (waiting.name, waiting.state) == ("queue", "waiting")
    assert "1,500 objects waiting, the oldest for 3 hours" in waiting.detail


def test_legacy_logs_alone_are_well() -> None:
    """They are counted as they are, if they come to a bucket that is counted."""
    way = healthy()
    _detached(way)
    _legacy(way, BUCKET)
    way.objects.clear()
    key = f"cf/{DISTRIBUTION}.2026-11-27-09.beef1234.gz"
    way.count(way.come(key, NOW - timedelta(minutes=50)))
    assert {station.state for station in way.stations()} == {"ok"}
    _legacy(way, "old-logs")
    (broken,) = [each for each in way.stations() if each.state == "broken"]
    assert "edgetally attach --bucket old-logs --prefix 'cf/'" in broken.fix


def test_real_time_logs_alone_are_not_judged_by_their_objects() -> None:
    """Their keys name no distribution, so nobody can say which are its own."""
    way = healthy()
    _detached(way)
    behavior = {
        "PathPattern": "/x",
        "TargetOriginId": "o",
        "ViewerProtocolPolicy": "allow-all",
        "RealtimeLogConfigArn": f"arn:aws:cloudfront::{ACCOUNT}:realtime-log-config/r",
    }
    way.fake.distributions[DISTRIBUTION] = distribution(
        CacheBehaviors={"Quantity": 1, "Items": [behavior]}
    )
    way.figures["Requests"] = 12_000
    (unknown,) = [each for each in way.stations() if each.state != "ok"]
    assert (unknown.name, unknown.state) == ("objects", "unknown")


def test_a_right_that_is_missing_is_named() -> None:
    """The station is unknown, and the others are looked at all the same."""
    way = healthy()
    way.fake.denied = frozenset({"GetFunctionConfiguration"})
    (unknown,) = [each for each in way.stations() if each.state != "ok"]
    assert (unknown.name, unknown.state) == ("function", "unknown")
    assert unknown.fix == "allow lambda:GetFunctionConfiguration"


def test_the_command_shows_the_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a table and as JSON; exit code 1 for what is broken."""
    way = healthy()
    way.figures["Errors"] = 7
    monkeypatch.setattr(status_command, "open_aws", lambda _: Calls(way.fake.client, REGION))
    monkeypatch.setattr(status_command, "open_store", lambda _: way.store)
    assert main(["status", DISTRIBUTION]) == 1
    shown = capsys.readouterr().out
    assert "7 of its runs failed" in shown
    assert "aws logs tail" in shown
    assert main(["status", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    (broken,) = [each for each in document[DISTRIBUTION] if each["state"] == "broken"]
    assert broken["name"] == "function"
    way.figures.clear()
    assert main(["status", DISTRIBUTION]) == 0


def test_the_policy_in_the_docs_is_what_the_doctor_needs() -> None:
    """Every call's right is in it, and no right that no call needs."""
    other_names = {
        "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
        "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
        "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
        "s3:ListObjectsV2": "s3:ListBucket",
    }
    way = healthy()
    way.fake.keys[BUCKET] = KEY
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
    way.key_policies[KEY] = {"Statement": [allowed]}
    way.stations()
    _theirs(way)
    way.stations()
    asked = {f"{call.service}:{call.operation}" for call in way.fake.calls}
    needed = {other_names.get(operation, operation) for operation in asked}
    document = json.loads((ROOT / "docs" / "attach" / "policy-status.json").read_text())
    granted = {action for each in document["Statement"] for action in each["Action"]}
    # Every distribution of the account is asked for by the command; the table by the store.
    beside = {"cloudfront:ListDistributions", "dynamodb:BatchGetItem", "dynamodb:Query"}
    assert granted - beside == needed
    assert QUEUE.endswith(":ingest")
