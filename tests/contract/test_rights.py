"""A role of the template may do what its function does, and nothing else."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from fnmatch import fnmatch
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from moto import mock_aws

import handlers.authorizer
from pipeline.answer.health import Findings
from pipeline.api.routes import ROUTES
from pipeline.hours import Window
from pipeline.objects import ObjectRef
from pipeline.source.s3 import S3Source
from pipeline.store.dynamodb import DynamoStore
from pipeline.store.generations import Days
from pipeline.upkeep.audit import audit
from pipeline.upkeep.rebuild import rebuild
from tests.contract.test_rebuild import BODIES, DAY, ingest, lines, ref
from tests.support import dynamodb_local
from tests.support.api import ask, count, make_api
from tests.support.clock import FakeClock
from tests.support.template import read_template
from tests.unit.handlers.test_handlers import CONTEXT, event

Keys = dict[str, set[str]]
"""The partition keys that were used, by the right that this takes."""


class Used:
    """The rights that calls of AWS take: on the table, on its index, and of other services."""

    def __init__(self) -> None:
        self.table: Keys = defaultdict(set)
        self.index: set[str] = set()
        self.others: set[str] = set()

    def note(self, service: str, operation: str, params: Mapping[str, Any]) -> None:
        """Note one call."""
        if operation == "CreateTable":
            return  # the template makes it
        if service == "dynamodb":
            self._note_table(operation, params)
        elif (service, operation) == ("s3", "GetObject") and "VersionId" in params:
            self.others.add("s3:GetObjectVersion")
        elif (service, operation) == ("s3", "ListObjectsV2"):
            self.others.add("s3:ListBucket")
        else:
            self.others.add(f"{service}:{operation}")

    def _note_table(self, operation: str, params: Mapping[str, Any]) -> None:
        if operation == "TransactWriteItems":
            for item in params["TransactItems"]:
                ((kind, one),) = item.items()
                right = "ConditionCheckItem" if kind == "ConditionCheck" else f"{kind}Item"
                self._note_key(right, one)
        elif operation == "BatchGetItem":
            for request in params["RequestItems"].values():
                for key in request["Keys"]:
                    self._note_key(operation, {"Key": key})
        elif operation == "Scan":
            self.table["dynamodb:Scan"].add("any")
        elif operation == "Query" and "IndexName" in params:
            self.index.add("dynamodb:Query")
        elif operation == "Query":
            named = re.search(r"\bpk = (:\w+)", params["KeyConditionExpression"])
            assert named, params
            key = params["ExpressionAttributeValues"][named[1]]
            self.table["dynamodb:Query"].add(key["S"])
        else:
            self._note_key(operation, params)

    def _note_key(self, right: str, params: Mapping[str, Any]) -> None:
        key = params.get("Key") or params.get("Item")
        assert key, (right, params)
        self.table[f"dynamodb:{right}"].add(key["pk"]["S"])


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> Used:
    """The rights that the calls of a test take, from when it clears them."""
    used = Used()
    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def noted(client: Any, operation: str, params: dict[str, Any]) -> Any:
        used.note(client.meta.service_model.service_name, operation, params)
        return call(client, operation, params)

    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    return used


def granted(role: str) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    """Each action that a role is granted, on which resource, and under which condition."""
    (policy,) = read_template()["Resources"][role]["Properties"]["Policies"]
    for statement in policy["PolicyDocument"]["Statement"]:
        if "If" in statement:
            continue  # of a bucket that is not the stack's; what it takes is what that takes
        actions = statement["Action"]
        for action in actions if isinstance(actions, list) else [actions]:
            yield action, statement["Resource"], statement.get("Condition", {})


def on_table(role: str) -> dict[str, list[str]]:
    """The patterns of partition keys of the table that a role is granted, by action."""
    return {
        action: condition.get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", ["*"])
        for action, resource, condition in granted(role)
        if action.startswith("dynamodb:") and resource == {"GetAtt": "Table.Arn"}
    }


def check_table(role: str, used: Used) -> None:
    """Every right on the table is used, and every key that is used is granted, and no other."""
    patterns = on_table(role)
    assert used.table.keys() == patterns.keys()
    for action, keys in used.table.items():
        for key in keys:
            assert any(fnmatch(key, pattern) for pattern in patterns[action]), (action, key)
    for pattern in set().union(*patterns.values()):
        assert any(fnmatch(key, pattern) for keys in used.table.values() for key in keys), pattern


def test_the_ingest_needs_what_it_is_granted(dynamodb: Any, used: Used) -> None:
    """For new objects, large ones, duplicates, conflicts, failures, also while days are rebuilt."""
    store = DynamoStore(dynamodb, dynamodb_local.new_table(dynamodb))
    moments = [f"{day:02} {hour:02}:00" for day in range(14, 20) for hour in range(24)]
    bodies = BODIES | {"long": lines("/long", *moments), "bad": b"\x1f\x8b"}
    count = ingest(store, bodies)
    store.visitor_key()
    count([ref("first"), ref("bad")])
    count([ref("first"), ObjectRef("b", "second", etag="e")])
    count([ObjectRef("b", "first", etag="other"), ref("long")])
    check_table("IngestRole", used)
    rebuild(store, count.reader, Days(DAY, DAY + 2))
    used.table.clear()
    count([ref("across"), ref("beyond")])
    assert used.table.keys() <= on_table("IngestRole").keys()


def test_the_audit_needs_what_it_is_granted(dynamodb: Any, used: Used, clock: FakeClock) -> None:
    """It reads the ledger, its index, and rows; it lists the bucket; it writes its findings."""
    store = DynamoStore(dynamodb, dynamodb_local.new_table(dynamodb), clock=clock)
    count(store, clock, "counted")
    missing = ObjectRef("bucket", "missing")
    used.table.clear()
    with mock_aws():
        s3 = boto3.client("s3")
        where = {"LocationConstraint": "eu-west-2"}
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration=where)
        s3.put_object(Bucket="bucket", Key=missing.key, Body=b"")
        used.others.clear()
        inventory = list(S3Source(s3).list("bucket", ""))
    now = clock()
    late = [each._replace(modified=now - timedelta(hours=3)) for each in inventory]
    found = audit(store, Window.last_hours(48, now), now, late)
    assert found.missing == [inventory[0].ref]
    Findings(found.ledger_gap, len(found.missing)).keep(store)
    check_table("AuditRole", used)
    others = {action for action, resource, _ in granted("AuditRole") if "Sub" in resource}
    assert used.index | used.others == others


@pytest.mark.parametrize("hour", [0, 1, 12, 23])
def test_the_longest_audit_that_one_may_choose_scans_nothing(
    dynamodb: Any, used: Used, clock: FakeClock, hour: int
) -> None:
    """At any time of the day: a scan would show the visitors' key, and the role has none."""
    clock.now = clock.now.replace(hour=hour, minute=59)
    store = DynamoStore(dynamodb, dynamodb_local.new_table(dynamodb), clock=clock)
    count(store, clock, "counted")
    used.table.clear()
    most = read_template()["Parameters"]["AuditHours"]["MaxValue"]
    audit(store, Window.last_hours(most, clock()), clock(), [])
    assert used.table.keys() <= on_table("AuditRole").keys()
    assert "dynamodb:Scan" not in used.table


def test_no_role_that_is_kept_to_some_keys_may_scan() -> None:
    """DynamoDB knows no keys of a scan, so the condition would not hold it."""
    for role in ("IngestRole", "AuditRole", "SummariesRole", "AuthorizerRole"):
        actions = {action for action, *_ in granted(role)}
        assert not actions & {"dynamodb:Scan", "dynamodb:PartiQLSelect"}, role


def test_the_summaries_need_what_they_are_granted(
    dynamodb: Any, used: Used, clock: FakeClock
) -> None:
    """Every route, computed, kept and forced."""
    store = DynamoStore(dynamodb, dynamodb_local.new_table(dynamodb), clock=clock)
    count(store, clock, "counted")
    count(store, clock, "yesterday", hours_ago=30)
    used.table.clear()
    api = make_api(store, clock)
    for route in ROUTES:
        target = route.replace("{dimension}", "path")
        assert ask(api, target).status == 200, target
        assert ask(api, f"{target}?window=last_week").status in (200, 400), target
    check_table("SummariesRole", used)
    assert used.others == set()


def test_the_ingest_reads_versions_and_objects(used: Used) -> None:
    """The version that was announced, or else the object."""
    with mock_aws():
        s3 = boto3.client("s3")
        where = {"LocationConstraint": "eu-west-2"}
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration=where)
        enabled = {"Status": "Enabled"}
        s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration=enabled)
        version = s3.put_object(Bucket="bucket", Key="k", Body=b"old")["VersionId"]
        s3.put_object(Bucket="bucket", Key="k", Body=b"new")
        used.others.clear()
        source = S3Source(s3)
        for announced, body in ((version, b"old"), ("", b"new")):
            with source.open(ObjectRef("bucket", "k", version_id=announced)) as content:
                assert b"".join(content.chunks) == body
    # Of an object that is gone, S3 says so only to those who may list the bucket.
    used.others.add("s3:ListBucket")
    assert used.others == {action for action, *_ in granted("IngestRole") if "s3:" in action}


def test_the_authorizer_reads_the_secret(used: Used, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing else."""
    with mock_aws():
        secret = boto3.client("secretsmanager").create_secret(Name="s", SecretString="the-secret")
        monkeypatch.setenv("EDGETALLY_API_SECRET", secret["ARN"])
        used.others.clear()
        request = event("authorizer-bearer") | {"authorizationToken": "Bearer the-secret"}
        handlers.authorizer.handler(request, CONTEXT)
    common = {"logs:CreateLogStream", "logs:PutLogEvents"}
    common |= {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
    assert used.others == {action for action, *_ in granted("AuthorizerRole")} - common


def test_queues_are_used_as_their_roles_say() -> None:
    """The ingest takes messages, announces unopened objects again, hands over failed events."""
    queues = {
        (action, name)
        for role in ("IngestRole", "SummariesRole", "AuditRole")
        for action, resource, _ in granted(role)
        if action.startswith("sqs:")
        for name in _arns(resource)
    }
    assert queues == {
        ("sqs:ReceiveMessage", "IngestQueue.Arn"),
        ("sqs:DeleteMessage", "IngestQueue.Arn"),
        ("sqs:GetQueueAttributes", "IngestQueue.Arn"),
        ("sqs:GetQueueAttributes", "DeadLetterQueue.Arn"),
        ("sqs:SendMessage", "DeadLetterQueue.Arn"),
        ("sqs:SendMessage", "IngestQueue.Arn"),
    }


def _arns(resource: Any) -> list[str]:
    return [each["GetAtt"] for each in (resource if isinstance(resource, list) else [resource])]
