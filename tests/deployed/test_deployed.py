"""The template as users deploy it: both triggers, credentials, failures, the cache."""

import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from demo.stack import TOOLS, Aws, Stack, build, deploy, embedded_aws
from demo.traffic import LogObject, objects
from pipeline.cli.app import main
from tests.support.dynamodb_local import skip_or_fail

PARAMETERS = {
    "Architecture": "x86_64",
    "IngestTimeout": "5",
    "MaxReceives": "2",  # so that a slow start on a busy machine is no failure
    "BatchWindow": "1",
    "IngestConcurrency": "2",
    "DeletionProtection": "false",
}

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    """The embedded AWS, once for both stacks."""
    if not (TOOLS / "ministack").exists():
        skip_or_fail("SAM and the embedded AWS are missing: run `make test`, which installs them")
    with embedded_aws() as running:
        yield running


@pytest.fixture(scope="module")
def built(aws: Aws) -> Path:
    """The built template."""
    return build(aws.folder / "build")


@pytest.fixture(scope="module")
def queued(aws: Aws, built: Path) -> Stack:
    """The stack with the default trigger."""
    return deploy(aws, built, "edgetally-queued", PARAMETERS)


@pytest.fixture(scope="module")
def direct(aws: Aws, built: Path) -> Stack:
    """The stack that S3 triggers directly."""
    return deploy(aws, built, "edgetally-direct", {**PARAMETERS, "Trigger": "direct"})


@pytest.fixture(scope="module")
def logs() -> list[LogObject]:
    """Objects of the last hours, in both formats."""
    return list(objects(seed=1, count=6, lines=50, until=datetime.now(UTC), hours=2))


def upload(stack: Stack, key: str, body: bytes) -> None:
    stack.aws.client("s3").put_object(Bucket=stack.outputs["LogBucket"], Key=key, Body=body)


def get(stack: Stack, route: str, authorization: str | None = None) -> tuple[int, Any]:
    """Status and body, with the stack's secret unless another authorization is given."""
    if authorization is None:
        authorization = f"Bearer {stack.secret}"
    headers = {"Authorization": authorization} if authorization else {}
    try:
        with urlopen(Request(stack.url + route, headers=headers), timeout=60) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, error.read()


def fresh(stack: Stack) -> Any:
    """A snapshot that was computed just now."""
    status, answer = get(stack, "/metrics/snapshot/refresh")
    assert status == 200
    return answer


def eventually(what: Callable[[], Any], seconds: float = 150) -> Any:
    """The first true value, asked for until there is one."""
    deadline = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.5)
    return value


def records(stack: Stack, expected: int) -> Any:
    """The snapshot, once it has that many records."""
    return eventually(lambda: (s := fresh(stack))["total_records"] == expected and s)


def ledger_state(stack: Stack, key: str) -> str | None:
    """What the ledger says of an object."""
    items = stack.aws.client("dynamodb").scan(TableName=stack.outputs["TableName"])["Items"]
    found = [item for item in items if item.get("key", {}).get("S") == key]
    return found[0]["state"]["S"] if found else None


def invoke(stack: Stack, name: str, event: Any) -> Any:
    """What a function of the stack answers to an event."""
    functions = stack.aws.client("lambda").list_functions()["Functions"]
    (function,) = [f for f in functions if f"{stack.name}-{name}" in f["FunctionName"]]
    answer = stack.aws.client("lambda").invoke(
        FunctionName=function["FunctionName"], Payload=json.dumps(event)
    )
    return json.load(answer["Payload"])


def edgetally(stack: Stack, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The command, on the stack's own store, bucket and queue."""
    endpoint = stack.aws.endpoint
    store = f"dynamodb://{stack.outputs['TableName']}?endpoint={endpoint}"
    monkeypatch.setenv("EDGETALLY_STORE", store)
    monkeypatch.setenv("EDGETALLY_S3_ENDPOINT", endpoint)
    monkeypatch.setenv("EDGETALLY_SQS_ENDPOINT", endpoint)
    return main(arguments)


def test_nothing_is_open_without_the_secret(queued: Stack) -> None:
    """Every route wants credentials, and takes them in both forms."""
    for route in (
        "/metrics/snapshot",
        "/metrics/snapshot/refresh",
        "/metrics/cache-status",
        "/metrics/health",
    ):
        assert get(queued, route, "")[0] == 401
    wrong = b64encode(b"user:wrong").decode()
    assert get(queued, "/metrics/health", "Bearer wrong")[0] == 401
    assert get(queued, "/metrics/health", f"Basic {wrong}")[0] == 401
    right = b64encode(f"anybody:{queued.secret}".encode()).decode()
    assert get(queued, "/metrics/health", f"Basic {right}")[0] == 200
    assert get(queued, "/metrics/health", f"Bearer {queued.secret}")[0] == 200


def test_objects_are_counted_by_way_of_the_queue(queued: Stack, logs: list[LogObject]) -> None:
    """Once each, though one is delivered twice; a refresh shows it, the cache does not."""
    before = fresh(queued)
    assert before["total_records"] == 0
    for each in [*logs[:4], logs[0]]:
        upload(queued, each.key, each.body)
    truth = [each.truth for each in logs[:4]]
    snapshot = records(queued, sum(each.records for each in truth))
    eventually(lambda: queued.waiting("IngestQueueUrl") == 0)
    snapshot = fresh(queued)
    assert snapshot["total_records"] == sum(each.records for each in truth)
    assert snapshot["bytes_sent"] == sum(each.bytes_sent for each in truth)
    assert snapshot["log_files_read"] == 4
    assert sum(snapshot["status_codes"].values()) == snapshot["total_records"]
    assert queued.waiting("DeadLetterQueueUrl") == 0

    upload(queued, logs[4].key, logs[4].body)
    eventually(lambda: ledger_state(queued, logs[4].key) == "committed")
    assert get(queued, "/metrics/snapshot")[1] == snapshot
    status = get(queued, "/metrics/cache-status")[1]
    assert (status["exists"], status["fresh"], status["ttl_seconds"]) == (True, True, 300)
    renewed = fresh(queued)
    assert renewed["total_records"] == snapshot["total_records"] + logs[4].truth.records


def test_a_truncated_object_ends_in_the_dead_letter_queue(
    queued: Stack, logs: list[LogObject]
) -> None:
    """It contributes nothing, and the ledger says why."""
    before = fresh(queued)
    upload(queued, "cut/truncated.gz", logs[5].body[:-8])
    eventually(lambda: queued.waiting("DeadLetterQueueUrl") == 1)
    assert ledger_state(queued, "cut/truncated.gz") == "failed"
    after = fresh(queued)
    assert {**after, "_cached_at": 0} == {**before, "_cached_at": 0}


def test_a_poison_message_does_not_block_its_neighbours(
    queued: Stack, logs: list[LogObject]
) -> None:
    """In one batch with good messages it fails alone."""
    bucket = queued.outputs["LogBucket"]
    upload(queued, "neighbour.gz", logs[5].body)
    good = {
        "eventSource": "aws:s3",
        "eventVersion": "2.1",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": bucket}, "object": {"key": "neighbour.gz"}},
    }
    bodies = ["not JSON", "null", '{"Records":[{}]}', json.dumps({"Records": [good]})]
    records = [
        {"messageId": str(n), "eventSource": "aws:sqs", "body": body}
        for n, body in enumerate(bodies)
    ]
    failed = invoke(queued, "IngestFunction", {"Records": records})["batchItemFailures"]
    assert [each["itemIdentifier"] for each in failed] == ["0", "1", "2"]
    assert ledger_state(queued, "neighbour.gz") == "committed"


def test_objects_are_counted_by_the_direct_trigger(direct: Stack, logs: list[LogObject]) -> None:
    """Once each; a truncated one is retried, and then handed to the dead-letter queue."""
    for each in [*logs[:2], logs[0]]:
        upload(direct, each.key, each.body)
    upload(direct, "cut/truncated.gz", logs[2].body[:-8])
    total = sum(each.truth.records for each in logs[:2])
    records(direct, total)
    eventually(lambda: direct.waiting("DeadLetterQueueUrl") == 1)
    assert direct.waiting("IngestQueueUrl") == 0
    snapshot = fresh(direct)
    assert (snapshot["total_records"], snapshot["log_files_read"]) == (total, 2)


def test_what_was_never_announced_is_found_and_sent_to_be_counted(
    queued: Stack,
    logs: list[LogObject],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The audit sees it, `edgetally backfill` sends it; sent twice, nothing is counted twice."""
    bucket = queued.outputs["LogBucket"]
    s3 = queued.aws.client("s3")
    announcing = s3.get_bucket_notification_configuration(Bucket=bucket)
    announcing.pop("ResponseMetadata", None)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    hour = datetime.now(UTC).strftime("%Y-%m-%d-%H")
    keys = [f"lost/E9LOST.{hour}.{n:08x}.gz" for n in range(12)]
    for key in keys:
        upload(queued, key, logs[0].body)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=announcing)
    before = fresh(queued)["total_records"]
    found = invoke(queued, "AuditFunction", {})
    assert (found["missing_objects"], found["ledger_gap"]) == (0, 0)  # they are on their way yet
    assert found["oldest_unprocessed_seconds"] > 0
    queue = queued.outputs["IngestQueueUrl"]
    for _ in range(2):
        source = f"s3://{bucket}/lost/"
        assert edgetally(queued, monkeypatch, "backfill", source, "--queue", queue, "--json") == 0
        sent = json.loads(capsys.readouterr().out)
        assert sent == {"objects": 12, "bytes": 12 * len(logs[0].body)}
    records(queued, before + 12 * logs[0].truth.records)
    eventually(lambda: queued.waiting("IngestQueueUrl") == 0)
    assert fresh(queued)["total_records"] == before + 12 * logs[0].truth.records
    arguments = ("--bucket", bucket, "--prefix", "lost/", "--queue", queue, "--json")
    edgetally(queued, monkeypatch, "audit", *arguments)
    audit = json.loads(capsys.readouterr().out)
    assert (audit["listed"], audit["waiting"], audit["missing"]) == (12, 0, [])
    assert {each["kind"] for each in audit["problems"]} <= {"failed"}
    assert invoke(queued, "AuditFunction", {})["oldest_unprocessed_seconds"] == 0


def test_tasks_of_batch_operations_are_counted(queued: Stack, logs: list[LogObject]) -> None:
    """The deployed function answers a task with its figures, and the same task again as done."""
    upload(queued, "history/a b.gz", logs[1].body)
    eventually(lambda: ledger_state(queued, "history/a b.gz") == "committed")
    task = {
        "taskId": "1",
        "s3Key": "history/a+b.gz",
        "s3VersionId": None,
        "s3BucketArn": f"arn:aws:s3:::{queued.outputs['LogBucket']}",
    }
    event = {"invocationSchemaVersion": "1.0", "invocationId": "x", "job": {"id": "j"}}
    answer = invoke(queued, "IngestFunction", event | {"tasks": [task]})
    assert answer["results"] == [
        {"taskId": "1", "resultCode": "Succeeded", "resultString": "was counted before"}
    ]
