"""The Lambda functions, fed with every file of events/, on S3 and stores of the test's own."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

import handlers.audit
import handlers.authorizer
import handlers.ingest
import handlers.summaries
from local.parts import BODY, BUCKET, KEYS
from pipeline.api.credentials import Credentials
from pipeline.errors import SettingError, StoreError
from pipeline.settings import load_settings
from pipeline.store.sqlite import SqliteStore
from tests.support.api import count

EVENTS = Path(__file__).parents[3] / "events"
CONTEXT: Any = SimpleNamespace(
    function_name="edgetally",
    function_version="1",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-west-2:111122223333:function:edgetally",
    aws_request_id="1",
    log_group_name="log",
    log_stream_name="stream",
    get_remaining_time_in_millis=lambda: 120_000,
)

INGEST: dict[str, Any] = {
    "ingest-sqs": [],
    "ingest-sqs-poison": [
        "059f36b4-87a3-44ab-83d2-661970000001",
        "059f36b4-87a3-44ab-83d2-661970000002",
    ],
    "ingest-sqs-test-event": [],
    "ingest-s3": [],
    "ingest-s3-deleted": [],
    "ingest-s3-test-event": [],
    "ingest-eventbridge": [],
}
BATCH = ["ingest-batch-1", "ingest-batch-2"]
COMMITTED = {"ingest-sqs": 2, "ingest-sqs-poison": 1, "ingest-s3": 1, "ingest-eventbridge": 1}


def is_snapshot(answer: Any) -> None:
    assert (answer["total_records"], answer["cache_hit_rate"]) == (8, 75.0)
    assert time.time() - 60 < answer["_cached_at"] <= time.time()


def is_cache_status(answer: Any) -> None:
    assert (answer["exists"], answer["fresh"], answer["ttl_seconds"]) == (False, False, 300)


def is_health(answer: Any) -> None:
    checks = {check["name"]: check["status"] for check in answer["health_status"]}
    assert (checks["store"], checks["newest_object"], checks["ledger_gap"]) == ("ok", "ok", "warn")


def is_summary(answer: Any) -> None:
    assert answer["data"]["total_records"] == 8
    assert answer["compare"]["change"]["total_records"] == {"absolute": 8, "relative": None}


def is_timeseries(answer: Any) -> None:
    assert 28 <= len(answer["data"]) <= 31
    assert {tuple(bucket)[-2:] for bucket in answer["data"]} == {("requests", "bytes")}


def is_top(answer: Any) -> None:
    assert [(entry["value"], entry["misses"]) for entry in answer["data"]] == [("/object", 2)]


SUMMARIES: dict[str, Callable[[Any], None]] = {
    "summaries-snapshot": is_snapshot,
    "summaries-snapshot-refresh": is_snapshot,
    "summaries-cache-status": is_cache_status,
    "summaries-health": is_health,
    "summaries-summary": is_summary,
    "summaries-timeseries": is_timeseries,
    "summaries-top": is_top,
}


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


@pytest.fixture(autouse=True)
def _fresh_functions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Functions that have just started, with a store in the test's own folder."""
    monkeypatch.setenv("EDGETALLY_STORE", f"sqlite:///{tmp_path / 'store.db'}")
    for function in (handlers.ingest, handlers.summaries):
        function.configured.cache_clear()
    handlers.summaries.page.cache_clear()
    yield
    for function in (handlers.ingest, handlers.summaries):
        function.configured.cache_clear()
    handlers.summaries.page.cache_clear()


@pytest.fixture
def bucket() -> Iterator[Any]:
    """The log bucket with the objects that the sample events announce."""
    with mock_aws():
        s3 = boto3.client("s3", region_name="eu-west-2")
        s3.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"}
        )
        for key in KEYS:
            s3.put_object(Bucket=BUCKET, Key=key, Body=BODY)
        yield s3


def test_every_sample_event_is_tested() -> None:
    """No file of events/ is left out below."""
    authorizer = {"authorizer-bearer", "authorizer-wrong"}
    assert {path.stem for path in EVENTS.glob("*.json")} == {
        *INGEST,
        *BATCH,
        *SUMMARIES,
        *authorizer,
        "audit",
    }


@pytest.mark.parametrize("name", INGEST)
def test_sample_events_are_ingested(
    name: str, bucket: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is announced is counted once; what cannot be understood is delivered again."""
    document = event(name)
    for delivery in range(2):
        answer = handlers.ingest.handler(document, CONTEXT)
        assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == INGEST[name]
        metrics = last_metrics(capsys.readouterr().out)
        committed = COMMITTED.get(name, 0)
        assert metrics["records"] == [committed if delivery == 0 else 0]
        assert metrics.get("duplicates", [0]) == [0 if delivery == 0 else committed]
        assert metrics["objects"] == [committed]
        assert "failures" not in metrics


@pytest.mark.parametrize("name", BATCH)
def test_batch_operations_get_a_result_for_each_task(name: str, bucket: Any) -> None:
    """In both schemas: figures where the object is counted, and again where it was."""
    document = event(name)
    answer = handlers.ingest.handler(document, CONTEXT)
    assert answer == {
        "invocationSchemaVersion": document["invocationSchemaVersion"],
        "treatMissingKeysAs": "TemporaryFailure",
        "invocationId": document["invocationId"],
        "results": [
            {
                "taskId": document["tasks"][0]["taskId"],
                "resultCode": "Succeeded",
                "resultString": "1 records, 0 lines rejected",
            }
        ],
    }
    (again,) = handlers.ingest.handler(document, CONTEXT)["results"]
    assert (again["resultCode"], again["resultString"]) == ("Succeeded", "was counted before")


def test_a_task_that_cannot_be_done_says_why_and_whether_to_try_again(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged or vanished object is final, a store that is down is not, nor is a lack of time."""
    document = event("ingest-batch-2")
    bucket.put_object(Bucket=BUCKET, Key="dämaged key+.gz", Body=BODY[:-3])
    keys = ["d%C3%A4maged+key%2B.gz", "gone.gz", document["tasks"][0]["s3Key"]]
    document["tasks"] = [
        {"taskId": key, "s3Key": key, "s3Bucket": BUCKET, "s3VersionId": ""} for key in keys
    ] + [{"taskId": "no key"}]
    results = {
        each["taskId"]: (each["resultCode"], each["resultString"])
        for each in handlers.ingest.handler(document, CONTEXT)["results"]
    }
    assert {task: code for task, (code, _) in results.items()} == {
        keys[0]: "PermanentFailure",
        keys[1]: "PermanentFailure",
        keys[2]: "Succeeded",
        "no key": "PermanentFailure",
    }
    assert "ends in the middle" in results[keys[0]][1] or "truncated" in results[keys[0]][1]
    assert "gone from the bucket" in results[keys[1]][1]
    assert "names no object" in results["no key"][1]

    document["tasks"] = document["tasks"][:2]
    hurried = SimpleNamespace(**vars(CONTEXT))
    hurried.get_remaining_time_in_millis = lambda: 1000
    for result in handlers.ingest.handler(document, hurried)["results"]:
        assert result["resultCode"] == "TemporaryFailure"

    def down(*_: object) -> None:
        raise StoreError("the table is gone")

    bucket.put_object(Bucket=BUCKET, Key="gone.gz", Body=BODY)
    monkeypatch.setattr("pipeline.store.sqlite.SqliteStore.commit", down)
    document["tasks"] = document["tasks"][1:]
    (result,) = handlers.ingest.handler(document, CONTEXT)["results"]
    assert (result["resultCode"], result["resultString"]) == (
        "TemporaryFailure",
        "the table is gone",
    )


def test_the_audit_publishes_how_far_the_store_is(
    bucket: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Objects that nobody announced, the gap between ledger and hours, the age of the oldest."""
    monkeypatch.setenv("EDGETALLY_BUCKET", BUCKET)
    monkeypatch.setattr("pipeline.upkeep.audit.GRACE", timedelta(0))
    hour = datetime.now(UTC).strftime("%Y-%m-%d-%H")
    for key in KEYS:
        bucket.delete_object(Bucket=BUCKET, Key=key)
    for name in ("lost", "counted"):
        bucket.put_object(Bucket=BUCKET, Key=f"E1.{hour}.{name}.gz", Body=BODY)
    task = {"taskId": "1", "s3Key": f"E1.{hour}.counted.gz", "s3Bucket": BUCKET}
    handlers.ingest.handler(event("ingest-batch-2") | {"tasks": [task]}, CONTEXT)
    capsys.readouterr()
    answer = handlers.audit.handler(event("audit"), CONTEXT)
    assert answer["missing_objects"] == 1
    assert (answer["ledger_gap"], answer["problems"], answer["objects"]) == (0, 1, 1)
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    (sent,) = [line for line in lines if "missing_objects" in line and "_aws" in line]
    assert (sent["missing_objects"], sent["ledger_gap"]) == ([1], [0])
    assert sent["oldest_unprocessed_seconds"][0] < 600
    assert f"missing: s3://{BUCKET}/E1.{hour}.lost.gz" in caplog.text


def last_metrics(output: str) -> Any:
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return [line for line in lines if "records" in line][-1]


def test_an_object_that_fails_fails_its_message_alone(bucket: Any) -> None:
    """The truncated object's message stays in the queue; its neighbour is counted."""
    bucket.put_object(Bucket=BUCKET, Key=KEYS[1], Body=BODY[:-3])
    document = json.loads(json.dumps(event("ingest-sqs")).replace('\\"eTag\\"', '\\"no\\"'))
    failed = handlers.ingest.handler(document, CONTEXT)["batchItemFailures"]
    assert [each["itemIdentifier"][-1] for each in failed] == ["1"]


def test_a_direct_event_that_fails_raises(bucket: Any) -> None:
    """Lambda then retries it, and hands it to the dead-letter queue."""
    bucket.delete_object(Bucket=BUCKET, Key=KEYS[0])
    with pytest.raises(handlers.ingest.IngestFailed, match="gone from the bucket"):
        handlers.ingest.handler(event("ingest-s3"), CONTEXT)


def test_an_overwritten_object_is_not_counted_for_the_old_event(bucket: Any) -> None:
    """The event names an etag that is no longer there."""
    bucket.put_object(Bucket=BUCKET, Key=KEYS[0], Body=BODY * 2)
    with pytest.raises(handlers.ingest.IngestFailed, match="overwritten"):
        handlers.ingest.handler(event("ingest-s3"), CONTEXT)


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        None,
        "text",
        {"Records": [{}]},
        {"Records": 3},
        {"Records": [{"eventSource": "aws:sns"}]},
    ],
)
def test_an_event_that_is_none_raises(document: Any) -> None:
    """Nothing that arrives is silently dropped."""
    with pytest.raises(handlers.ingest.IngestFailed):
        handlers.ingest.handler(document, CONTEXT)


def test_without_a_store_ingest_says_so_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One clear line that names the setting, and the event stays with its sender."""
    monkeypatch.delenv("EDGETALLY_STORE")
    with pytest.raises(SettingError):
        handlers.ingest.handler(event("ingest-sqs"), CONTEXT)
    (line,) = [each.message for each in caplog.records if each.name == "ingest"]
    assert "EDGETALLY_STORE: is not set" in line


@pytest.mark.parametrize("name", SUMMARIES)
def test_sample_requests_are_answered(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each route gives its JSON about what was counted, and each request is counted too."""
    now = datetime.now(UTC)
    count(SqliteStore(tmp_path / "store.db"), lambda: now, "object", requests=8)
    answer = handlers.summaries.handler(event(name), CONTEXT)
    assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (200, "application/json")
    SUMMARIES[name](json.loads(answer["body"]))
    assert '"requests":[1.0]' in capsys.readouterr().out


def test_without_a_store_summaries_are_unavailable(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A problem document for the caller; for the operator a line that names the setting, and a
    metric."""
    monkeypatch.delenv("EDGETALLY_STORE")
    answer = handlers.summaries.handler(event("summaries-snapshot"), CONTEXT)
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "60")
    assert json.loads(answer["body"])["status"] == 503
    assert "EDGETALLY_STORE: is not set" in caplog.text
    metrics = capsys.readouterr().out
    assert '"misconfigured":[1.0]' in metrics
    assert '"requests":[1.0]' in metrics


def page_event(path: str, method: str = "GET", **more: Any) -> dict[str, Any]:
    """A request for the page, as the gateway passes it on."""
    return {
        "httpMethod": method,
        "resource": path,
        "path": path,
        "requestContext": {"path": f"/v1{path}"},
        "headers": {
            "Host": "api.example",
            "Origin": "https://api.example",
            "Content-Type": "application/x-www-form-urlencoded",
        },
        **more,
    }


def test_the_page_is_for_those_who_have_the_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong secret is a metric, and a line without an address; it waits for its answer."""
    waits: list[float] = []
    monkeypatch.setattr("handlers.summaries.time.sleep", waits.append)
    count(SqliteStore(tmp_path / "store.db"), lambda: datetime.now(UTC), "object", requests=8)
    with mock_aws():
        secret = boto3.client("secretsmanager").create_secret(Name="s", SecretString="the-secret")
        monkeypatch.setenv("EDGETALLY_API_SECRET", secret["ARN"])

        def ask(path: str, method: str = "GET", **more: Any) -> dict[str, Any]:
            return dict(handlers.summaries.handler(page_event(path, method, **more), CONTEXT))

        assert ask("/")["headers"]["Location"] == "/v1/login"
        assert ask("/login", "POST", body="secret=wrong")["statusCode"] == 403
        assert waits == [1]
        assert '"logins_refused":[1.0]' in capsys.readouterr().out
        entered = ask("/login", "POST", body="secret=the-secret")
        assert entered["statusCode"] == 303
        headers = {"Cookie": entered["headers"]["Set-Cookie"].partition(";")[0]}
        assert "<dt>Requests</dt>" in ask("/", headers=headers)["body"]


def test_without_its_secret_the_page_is_unavailable(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Rather than open; the log says which setting is missing, or which secret cannot be read."""
    monkeypatch.delenv("EDGETALLY_API_SECRET", raising=False)
    assert handlers.summaries.handler(page_event("/"), CONTEXT)["statusCode"] == 503
    assert "EDGETALLY_API_SECRET: is not set" in caplog.text
    with mock_aws():
        arn = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:gone"
        monkeypatch.setenv("EDGETALLY_API_SECRET", arn)
        assert handlers.summaries.handler(page_event("/"), CONTEXT)["statusCode"] == 503
    assert "EDGETALLY_API_SECRET: it cannot be read" in caplog.text


def test_a_failing_cache_is_counted(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The request goes on; a metric and a line tell of it."""

    def broken(*_: object) -> None:
        raise StoreError("no cache today")

    monkeypatch.setattr("pipeline.store.sqlite.SqliteStore.cached", broken)
    monkeypatch.setattr("pipeline.store.sqlite.SqliteStore.put_cached", broken)
    answer = handlers.summaries.handler(event("summaries-snapshot"), CONTEXT)
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["total_records"] == 0
    assert '"cache_failures":[1.0,1.0]' in capsys.readouterr().out
    assert "the cache or a queue failed: no cache today" in caplog.text


@pytest.mark.parametrize(
    ("token", "opens"),
    [
        ("Bearer the-secret", True),
        ("bearer the-secret", True),
        ("Basic " + base64.b64encode(b"any:the-secret").decode(), True),
        ("Basic " + base64.b64encode(b":the-secret").decode(), True),
        ("Basic " + base64.b64encode(b"the-secret").decode(), False),
        ("Basic " + base64.b64encode(b"the-secret:x").decode(), False),
        ("Basic !!!", False),
        ("Basic \u2603", False),
        ("Bearer the-secre", False),
        ("Bearer the-secret2", False),
        ("Bearer ", False),
        ("the-secret", False),
        ("Digest the-secret", False),
        ("", False),
        (None, False),
    ],
)
def test_only_the_secret_opens_the_api(
    token: str | None, opens: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the secret, all of the stage; without, the exception that becomes a 401."""
    with mock_aws():
        secret = boto3.client("secretsmanager").create_secret(Name="s", SecretString="the-secret")
        monkeypatch.setenv("EDGETALLY_API_SECRET", secret["ARN"])
        request = event("authorizer-bearer") | {"authorizationToken": token}
        if not opens:
            with pytest.raises(Exception, match="^Unauthorized$"):
                handlers.authorizer.handler(request, CONTEXT)
            return
        (statement,) = handlers.authorizer.handler(request, CONTEXT)["policyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Resource"] == "arn:aws:execute-api:eu-west-2:111122223333:abcdef1234/v1/*"


@pytest.mark.parametrize(
    ("token", "until", "effect"),
    [
        ("new", "2000-01-01T00:00:00Z", "Allow"),
        ("old", "2999-01-01T00:00:00+01:00", "Allow"),
        ("old", "2000-01-01T00:00:00Z", "Deny"),
        ("old", None, "Deny"),
        ("older", "2999-01-01T00:00:00Z", None),
        ("", "2999-01-01T00:00:00Z", None),
    ],
)
def test_the_previous_secret_opens_the_api_until_its_time(
    token: str, until: str | None, effect: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After that it is denied (403); what was never a secret is unknown (401)."""
    said = {"secret": "new", "previous": "old", "previous_until": until}
    name = f"rotated-{token}-{(until or 'never')[:4]}"
    with mock_aws():
        secret = boto3.client("secretsmanager").create_secret(
            Name=name, SecretString=json.dumps(said)
        )
        monkeypatch.setenv("EDGETALLY_API_SECRET", secret["ARN"])
        request = event("authorizer-bearer") | {"authorizationToken": f"Bearer {token}"}
        if effect is None:
            with pytest.raises(Exception, match="^Unauthorized$"):
                handlers.authorizer.handler(request, CONTEXT)
            return
        (statement,) = handlers.authorizer.handler(request, CONTEXT)["policyDocument"]["Statement"]
    assert statement["Effect"] == effect


@pytest.mark.parametrize(
    "text",
    ["{", '{"secret": 5}', "{}", '{"secret": "s", "previous_until": "2026-01-01T00:00:00"}'],
)
def test_a_secret_that_is_half_json_opens_nothing_and_is_not_repeated(text: str) -> None:
    """It is refused with the reason, without what it says."""
    with pytest.raises(SettingError, match="EDGETALLY_API_SECRET") as refused:
        Credentials.of(text)
    assert text not in str(refused.value)


def test_the_sample_authorizer_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """One opens, one does not."""
    with mock_aws():
        secret = boto3.client("secretsmanager").create_secret(Name="t", SecretString="the-secret")
        monkeypatch.setenv("EDGETALLY_API_SECRET", secret["ARN"])
        answer = handlers.authorizer.handler(event("authorizer-bearer"), CONTEXT)
        (statement,) = answer["policyDocument"]["Statement"]
        assert (statement["Action"], statement["Effect"]) == ("execute-api:Invoke", "Allow")
        with pytest.raises(Exception, match="^Unauthorized$"):
            handlers.authorizer.handler(event("authorizer-wrong"), CONTEXT)


def test_a_changed_secret_works_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function keeps the secret in memory for so long, and then reads it again."""
    now = 6_000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with mock_aws():
        secrets = boto3.client("secretsmanager")
        arn = secrets.create_secret(Name="t", SecretString="the-secret")["ARN"]
        monkeypatch.setenv("EDGETALLY_API_SECRET", arn)
        handlers.authorizer.handler(event("authorizer-bearer"), CONTEXT)
        secrets.put_secret_value(SecretId=arn, SecretString="another")
        now += 59
        handlers.authorizer.handler(event("authorizer-bearer"), CONTEXT)
        now += 1
        with pytest.raises(Exception, match="^Unauthorized$"):
            handlers.authorizer.handler(event("authorizer-bearer"), CONTEXT)


def test_the_serving_functions_load_nothing_heavy() -> None:
    """Their packages have neither Arrow nor ua-parser, and they and their store do without."""
    code = (
        "import handlers.audit, handlers.summaries, handlers.authorizer;"
        "import pipeline.store.dynamodb, pipeline.source.s3"
    )
    heavy = {"pyarrow", "ua_parser", "typer", "rich", "aws_xray_sdk", "jinja2"}
    heavy |= {"pipeline.page.view", "pydantic_settings"}
    assert loaded_by(code) & heavy == set()


def test_the_authorizer_waits_for_one_client_alone() -> None:
    """It loads neither the packages of figures and of settings nor boto3, which its own lacks."""
    heavy = {"numpy", "pydantic", "boto3", "msgspec", "isal"}
    assert loaded_by("import handlers.authorizer") & heavy == set()


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh process has after running `code`."""
    root = str(EVENTS.parent)
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("EDGETALLY_SHARDS", "many", "EDGETALLY_SHARDS: 'many': Input should be a valid integer"),
        ("EDGETALLY_SHARDS", "0", "EDGETALLY_SHARDS: .* greater than or equal to 1"),
        ("EDGETALLY_REALTIME_FIELDS", "sc-status", "EDGETALLY_REALTIME_FIELDS: .*no time field"),
        ("EDGETALLY_SITE_PATTERN", "(", "EDGETALLY_SITE_PATTERN"),
        ("EDGETALLY_SITE_PATTERN", "x", "EDGETALLY_SITE_PATTERN: .*no group named site"),
    ],
)
def test_a_wrong_setting_is_named(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has the variable's own name."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=said):
        load_settings()


def test_the_defaults_are_those_of_the_documentation(monkeypatch: pytest.MonkeyPatch) -> None:
    """And an empty variable, as the template sets it, is no variable."""
    for name in ("EDGETALLY_S3_ENDPOINT", "EDGETALLY_SITE_PATTERN", "EDGETALLY_REALTIME_FIELDS"):
        monkeypatch.setenv(name, "")
    settings = load_settings(store="memory://")
    assert (settings.lookback_hours, settings.cache_ttl_seconds) == (24, 300)
    assert (settings.prefix, settings.region) == ("cloudfront-realtime/", "eu-west-2")
    assert (settings.s3_endpoint, settings.site_pattern, settings.store) == (
        None,
        None,
        "memory://",
    )
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert load_settings(store="memory://").region == "eu-central-1"
