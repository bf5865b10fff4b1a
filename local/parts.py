"""The parts that the functions need, on this machine, with the log objects that events/ name."""

import gzip
import json
import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from demo.stack import ROOT, TOOLS, Aws, StackError, embedded_aws
from pipeline.bootstrap import open_ingest, open_store
from pipeline.objects import ObjectRef
from pipeline.settings import Settings
from tests.support import dynamodb_local
from tests.support.template import read_template

TABLE_PORT, AWS_PORT = 8000, 9000
"""The ports that docs/local-environment.json names."""
TABLE, BUCKET, SECRET = "edgetally", "edgetally-logs-111122223333", "edgetally-local"
KEYS = (
    "cloudfront-realtime/year=2026/month=11/day=23/logs-1-2026-11-23-10-00-00-4f1c.gz",
    "cloudfront/E2EXAMPLE1DEMO.2026-11-23-10.a1b2c3d4.gz",
)
_HEAD = "#Fields: date time sc-status x-edge-result-type cs-uri-stem\n"
BODY = (Path(__file__).parent / "object.gz").read_bytes()
"""The bytes of the objects of events/, whose size and etag the events tell: compressors differ, so
they are a file.
Its line is of 2024, so that no window of the last days counts it."""
MACHINE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")


def recent(now: datetime) -> bytes:
    """A log of eight requests of the last hours, so that a summary has something to show."""
    lines = [
        f"{at:%Y-%m-%d\t%H:%M:%S}\t200\t{'Miss' if number % 4 == 0 else 'Hit'}\t/object\n"
        for number in range(8)
        for at in [now - timedelta(minutes=10 * number)]
    ]
    return gzip.compress((_HEAD + "".join(lines)).encode(), mtime=0)


@contextmanager
def running() -> Iterator[Aws]:
    """DynamoDB Local and the embedded S3, SQS and Secrets Manager, filled; gone at the end."""
    if reason := dynamodb_local.missing():
        raise StackError(reason)
    with (
        dynamodb_local.running(TABLE_PORT, shared=True) as endpoint,
        embedded_aws(_address(), AWS_PORT) as aws,
    ):
        os.environ.update(aws.environment)
        del os.environ["AWS_ENDPOINT_URL"]  # the table has another
        client = dynamodb_local.client(endpoint)
        client.create_table(TableName=TABLE, BillingMode="PAY_PER_REQUEST", **dynamodb_local.KEYS)
        _fill(aws, f"dynamodb://{TABLE}?endpoint={endpoint}")
        yield aws


def _fill(aws: Aws, store: str) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    for key in KEYS:
        s3.put_object(Bucket=BUCKET, Key=key, Body=BODY)
    s3.put_object(Bucket=BUCKET, Key="recent.gz", Body=recent(datetime.now(UTC)))
    for queue in ("edgetally-queue", "edgetally-dead-letters"):
        aws.client("sqs").create_queue(QueueName=queue)
    aws.client("secretsmanager").create_secret(Name=SECRET, SecretString="the-secret")
    # The functions are given the template's own; a table obeys one set of settings.
    days = read_template()["Parameters"]["LedgerDays"]["Default"]
    settings = Settings(store=store, s3_endpoint=aws.endpoint, ledger_days=days)
    (outcome,) = open_ingest(settings, open_store(settings))([ObjectRef(BUCKET, "recent.gz")])
    if outcome.state != "committed":
        raise StackError(f"the first object was not counted: {outcome.reason}")


def _address() -> str:
    """Where containers reach this machine and nobody else does: the bridge of Docker on Linux.
    Docker Desktop forwards to the loopback."""
    if platform.system() != "Linux":
        return "127.0.0.1"
    found = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    return found or "172.17.0.1"


def docker(*arguments: str) -> str:
    """What Docker answers. Raises StackError where it does not run."""
    try:
        done = subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", "") or error
        raise StackError(f"Docker does not answer; start it: {said}") from error
    return done.stdout.strip()


def build() -> None:
    """The functions, built for this machine's processor into .aws-sam/local."""
    environment = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
    done = subprocess.run(
        [TOOLS / "sam", "build", "--build-dir", ".aws-sam/local", "--build-in-source"],
        cwd=ROOT,
        env=environment | {"ARCHITECTURE": MACHINE, "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StackError(f"sam build failed:\n{done.stderr[-3000:]}")


def lines() -> list[list[str]]:
    """The README's lines of `sam local invoke`, for this machine's processor."""
    text = (ROOT / "README.md").read_text()
    found = [
        line.removeprefix("$ ").split()
        for line in text.splitlines()
        if line.startswith("$ sam local invoke")
    ]
    more = ["--config-env", "arm64"] if MACHINE == "arm64" else []
    return [[*line, *more] for line in found]


def invoked(line: list[str]) -> Any:
    """The response of a function that one of the lines invokes. Raises StackError without one."""
    done = subprocess.run(
        [TOOLS / line[0], *line[1:]],
        cwd=ROOT,
        env={**os.environ, "SAM_CLI_TELEMETRY": "0", "PATH": f"{TOOLS}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    answers = [each for each in done.stdout.splitlines() if each.startswith(("{", "null"))]
    if not answers:
        raise StackError(f"{' '.join(line)}: no response:\n{done.stderr[-3000:]}")
    return json.loads(answers[-1])


def expected(line: list[str]) -> Any:
    """The part of the response that an event must get, from the file beside it."""
    event = Path(line[line.index("--event") + 1])
    return json.loads((ROOT / event.parent / "expected" / event.name).read_text())
