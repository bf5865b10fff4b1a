"""The template as users deploy it: both triggers, credentials, failures, the cache."""

import csv
import io
import json
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPConnection
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

import pytest

from demo.stack import TOOLS, Aws, Stack, build, deploy, embedded_aws
from demo.traffic import LogObject, objects
from pipeline.api.routes import ROUTES as API_ROUTES
from pipeline.cli.app import main
from tests.support.dynamodb_local import skip_or_fail
from tests.support.template import read_template

PARAMETERS = {
    "Architecture": "x86_64",
    "IngestTimeout": "5",
    "MaxReceives": "2",  # so that a slow start on a busy machine is no failure
    "BatchWindow": "1",
    "IngestConcurrency": "2",
    "DeletionProtection": "false",
    "CorsOrigins": "https://stats.example",
}
ROUTES = [path.replace("{dimension}", "path") for path in API_ROUTES]

RETIRED = "a-secret-of-before"

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
    """The stack with the default trigger, and with a secret that was replaced: the one before is
    over. (Here, before the functions keep it.)"""
    stack = deploy(aws, built, "edgetally-queued", PARAMETERS)
    said = {"secret": stack.secret, "previous": RETIRED, "previous_until": "2026-01-01T00:00:00Z"}
    stack.aws.client("secretsmanager").put_secret_value(
        SecretId=stack.outputs["ApiSecretArn"], SecretString=json.dumps(said)
    )
    customise_refusals(stack)
    return stack


def customise_refusals(stack: Stack) -> None:
    """Give the embedded API Gateway the template's responses to what it refuses: it has these
    responses, but does not read them from where SAM writes them (the API's body)."""
    gateway = stack.aws.client("apigateway")
    api = urlsplit(stack.url).path.split("/")[3]
    responses = read_template()["Resources"]["Api"]["Properties"]["GatewayResponses"]
    for kind, response in responses.items():
        headers = response["ResponseParameters"]["Headers"]
        gateway.put_gateway_response(
            restApiId=api,
            responseType=kind,
            **({"statusCode": str(response["StatusCode"])} if "StatusCode" in response else {}),
            responseParameters={
                # This stack allows an origin, so what is said under that condition is said.
                f"gatewayresponse.header.{name}": value["If"][1] if "If" in value else value
                for name, value in headers.items()
            },
            responseTemplates=response["ResponseTemplates"],
        )
    gateway.create_deployment(restApiId=api, stageName=urlsplit(stack.url).path.split("/")[4])


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


class Reply(NamedTuple):
    """What the gateway answered."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


def request(stack: Stack, route: str, method: str = "GET", **headers: str) -> Reply:
    """The answer to a request as it is."""
    try:
        asked = Request(stack.url + route, headers=headers, method=method)
        with urlopen(asked, timeout=60) as answer:
            return Reply(answer.status, answer.headers, answer.read())
    except HTTPError as error:
        return Reply(error.code, error.headers, error.read())


def get(stack: Stack, route: str, authorization: str | None = None, **more: str) -> Reply:
    """The answer with the stack's secret, unless another authorization is given. What the gateway
    throttles is asked again."""
    if authorization is None:
        authorization = f"Bearer {stack.secret}"
    headers = more | ({"Authorization": authorization} if authorization else {})
    answer: Reply = eventually(lambda: (r := request(stack, route, **headers)).status != 429 and r)
    return answer


def fresh(stack: Stack) -> Any:
    """A snapshot that is computed from now on."""
    began = int(time.time()) + 1

    def refreshed() -> Any:
        answer = get(stack, "/metrics/snapshot/refresh")
        assert answer.status == 200, answer.body
        return answer.json["_cached_at"] >= began and answer.json

    return eventually(refreshed)


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


def test_packages_hold_bytecode_that_nobody_checks(built: Path) -> None:
    """Each source file has some: Lambda can write none, and compiles at every start without it.
    The flags say that the interpreter need not look at the source (PEP 552)."""
    packages = sorted(built.parent.glob("*Function"))
    assert len(packages) == 4
    for package in packages:
        for source in package.rglob("*.py"):
            compiled = Path(cache_from_source(str(source)))
            if not compiled.exists():
                # A template of code for another version of Python cannot be compiled.
                with pytest.raises(SyntaxError):
                    compile(source.read_bytes(), source, "exec")
                continue
            flags = int.from_bytes(compiled.read_bytes()[4:8], "little")
            assert flags == 0b01, source


def test_packages_hold_what_functions_import_alone(built: Path) -> None:
    """The audit and the summaries need no Arrow, the authorizer no numpy and no pydantic either;
    none has the command line or tests."""
    held = {
        each.name: {part.name for part in each.iterdir()} for each in built.parent.glob("*Fun*")
    }
    assert {name for name, parts in held.items() if "pyarrow" in parts} == {"IngestFunction"}
    without = {"numpy", "pydantic", "jinja2", "boto3"}
    assert not held["AuthorizerFunction"] & without
    for function in held:
        assert not (built.parent / function / "pipeline" / "cli").exists()
        assert not list((built.parent / function).glob("pyarrow/tests"))
        assert not list((built.parent / function).glob("pyarrow/libarrow_s3*"))
        assert not list((built.parent / function).glob("pyarrow/*flight*"))


def test_nothing_is_open_without_the_secret(queued: Stack) -> None:
    """Every route wants credentials, and takes them in both forms; a secret whose time is over is
    denied. All of it in the form of a problem."""
    wrong = b64encode(b"user:wrong").decode()
    right = b64encode(f"anybody:{queued.secret}".encode()).decode()
    for route in ROUTES:
        check_problem(get(queued, route, ""), 401)
        check_problem(get(queued, route, f"Bearer {RETIRED}"), 403)
        assert get(queued, route, f"Basic {right}").status == 200
        assert get(queued, route, f"Bearer {queued.secret}").status == 200
    # A refusal ends the authorizer's process in the embedded AWS, and the next start takes seconds.
    for authorization in (f"Basic {wrong}", "Bearer wrong"):
        refusal = get(queued, "/metrics/health", authorization)
        check_problem(refusal, 401)
        assert refusal.headers["WWW-Authenticate"].startswith('Basic realm="edgetally"')


def check_problem(answer: Reply, status: int) -> None:
    """That an answer is a problem document with a status, not to be kept."""
    assert (answer.status, answer.json["status"]) == (status, status), answer.body
    assert answer.json["detail"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_gateway_and_the_function_refuse_alike(queued: Stack) -> None:
    """Routes that are not there, methods, parameters: by whoever sees it first."""
    check_problem(get(queued, "/metrics/nothing"), 404)
    check_problem(get(queued, "/metrics/summary?window=400y"), 400)
    check_problem(get(queued, "/metrics/top/nothing"), 400)
    authorization = f"Bearer {queued.secret}"
    for method in ("POST", "DELETE", "OPTIONS"):
        answer = request(queued, "/metrics/summary", method, Authorization=authorization)
        check_problem(answer, 405)
        assert answer.headers["Allow"] == "GET, HEAD"
    check_problem(request(queued, "/metrics/summary", "POST"), 401)


def test_a_page_of_an_allowed_origin_may_ask(queued: Stack) -> None:
    """Its preflight is answered without credentials, its request with them."""
    origin = {"Origin": "https://stats.example"}
    answer = request(queued, "/metrics/summary", "OPTIONS", **origin)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://stats.example"
    answer = get(queued, "/metrics/summary", **origin)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://stats.example"
    answer = get(queued, "/metrics/summary", Origin="https://evil.example")
    assert answer.headers["Access-Control-Allow-Origin"] is None


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
    assert get(queued, "/metrics/snapshot").json == snapshot
    status = get(queued, "/metrics/cache-status").json
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


def unfollowed(stack: Stack, path: str, form: str | None = None, **headers: str) -> Reply:
    """The answer to a browser's request for the page, which is not led elsewhere by it."""
    url = urlsplit(stack.url)
    connection = HTTPConnection(url.netloc, timeout=60)
    try:
        own = {"Origin": f"{url.scheme}://{url.netloc}", **headers}
        if form is not None:
            own["Content-Type"] = "application/x-www-form-urlencoded"
        method = "GET" if form is None else "POST"
        connection.request(method, url.path + path, form, own)
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def test_the_page_is_for_those_who_log_in(queued: Stack) -> None:
    """With the secret, at the stage's root, in a session that every address of the page wants."""
    stage = f"/{urlsplit(queued.url).path.rpartition('/')[2]}"  # as an API of one's own has it
    closed = unfollowed(queued, "/?window=7d")
    assert (closed.status, closed.headers["Location"]) == (303, f"{stage}/login?window=7d")
    form = unfollowed(queued, "/login?window=7d")
    assert (form.status, b"Log in" in form.body) == (200, True)
    assert unfollowed(queued, "/login", "secret=wrong").status == 403
    assert unfollowed(queued, "/login", f"secret={RETIRED}").status == 403
    sent = urlencode({"secret": queued.secret})
    assert unfollowed(queued, "/login", sent, Origin="https://evil.example").status == 403
    entered = unfollowed(queued, "/login?window=7d", sent)
    assert (entered.status, entered.headers["Location"]) == (303, f"{stage}/?window=7d")
    cookie = entered.headers["Set-Cookie"]
    assert cookie.startswith("__Host-edgetally=")
    page = unfollowed(queued, "/?window=7d", Cookie=cookie.partition(";")[0])
    assert (page.status, b"<dt>Requests</dt>" in page.body) == (200, True), page.body[:500]
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha")
    link = "/data/metrics/summary?window=7d"
    figures = unfollowed(queued, link, Cookie=cookie.partition(";")[0])
    of_api = get(queued, "/metrics/summary?window=7d").json
    assert json.loads(figures.body)["data"] == of_api["data"]
    assert unfollowed(queued, link).headers["Location"] == f"{stage}/login"
    left = unfollowed(queued, "/logout", "", Cookie=cookie.partition(";")[0])
    assert (left.status, left.headers["Location"]) == (303, f"{stage}/login")


def test_answers_about_windows_come_through_the_gateway(queued: Stack) -> None:
    """Series, rankings and pages, in every format; again only if they have changed."""
    # A window that no test before has asked for, whose answer would be kept.
    summary = get(queued, "/metrics/summary?window=7d")
    total = summary.json["data"]["total_records"]
    assert total > 0
    etag = summary.headers["ETag"]
    again = get(queued, "/metrics/summary?window=7d", **{"If-None-Match": etag})
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", etag)
    series = get(queued, "/metrics/timeseries?window=7d&metrics=requests,hit_ratio").json["data"]
    assert (len(series), sum(each["requests"] for each in series)) == (7 * 24, total)
    table = get(queued, "/metrics/timeseries?window=7d&metrics=requests&format=csv")
    assert table.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(table.body.decode(), newline="")))
    assert [int(row["requests"]) for row in rows] == [each["requests"] for each in series]
    exposed = get(queued, "/metrics/summary", Accept="application/openmetrics-text")
    assert exposed.body.startswith(b"# TYPE edgetally_total_records gauge\n")
    page = get(queued, "/metrics/top/method?limit=1&window=7d").json
    rest = get(queued, f"/metrics/top/method?cursor={page['next_cursor']}").json
    assert len(page["data"]) == 1
    assert sum(each["requests"] for each in page["data"] + rest["data"]) == total
    lines = get(queued, "/metrics/top/method?window=7d&limit=1&format=ndjson")
    assert f"cursor={page['next_cursor']}" in lines.headers["Link"]
    sites = get(queued, "/metrics/sites").json["data"]
    assert get(queued, f"/metrics/summary?site={sites[0]['site']}").status == 200
    check_problem(get(queued, "/metrics/summary?site=E0NOSUCHSITE"), 404)


def test_health_knows_the_queues_and_the_audit(queued: Stack) -> None:
    """Their depths, as the queues say, and what the last audit found."""
    audit = invoke(queued, "AuditFunction", {})
    checks = {each["name"]: each for each in get(queued, "/metrics/health").json["health_status"]}
    assert {name: each["value"] for name, each in checks.items() if name != "cache_age"} == {
        "store": len(get(queued, "/metrics/sites").json["data"]),
        "newest_object": checks["newest_object"]["value"],
        "rejected_share": 0.0,
        "queue": 0,
        "dead_letters": queued.waiting("DeadLetterQueueUrl"),
        "ledger_gap": audit["ledger_gap"],
    }
    assert checks["dead_letters"]["status"] == "fail"
    assert all(each["detail"] for each in checks.values())


def test_too_many_requests_are_throttled(queued: Stack) -> None:
    """With a problem document that says when to ask again; the others are answered."""
    authorization = f"Bearer {queued.secret}"

    def ask(_: int) -> Reply:
        return request(queued, "/metrics/cache-status", Authorization=authorization)

    statuses: Counter[int] = Counter()
    for _ in range(10):  # a busy machine asks slowly, and the gateway allows again meanwhile
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, range(120)))
        statuses.update(each.status for each in answers)
        if 429 in statuses:
            break
    assert statuses.keys() == {200, 429}, statuses
    for each in answers:
        if each.status == 429:
            check_problem(each, 429)
            assert each.headers["Retry-After"] == "1"
