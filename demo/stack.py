"""The real template, built and deployed on an embedded AWS (ministack) on a free loopback port."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import boto3

from pipeline.api.credentials import Credentials

ROOT = Path(__file__).parent.parent
TOOLS = ROOT / ".tools" / "bin"
REGION = "eu-west-2"
_START_SECONDS = 60
_STOP_SECONDS = 10


class StackError(Exception):
    """The embedded AWS or SAM did not do its part; the message has the end of their output."""


@dataclass(frozen=True)
class Aws:
    """A running embedded AWS."""

    endpoint: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which AWS tools talk to it, and to nothing else."""
        return {
            **os.environ,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_CHECK_VERSION": "0",
        }

    def client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client of a service."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - what the embedded AWS takes
        )


@dataclass(frozen=True)
class Stack:
    """The deployed template, under a name. `outputs` are its outputs by name."""

    name: str
    aws: Aws
    outputs: Mapping[str, str]

    @property
    def url(self) -> str:
        """Where the embedded AWS serves the API."""
        url = urlsplit(self.outputs["ApiUrl"])
        api = (url.hostname or "").partition(".")[0]
        return f"{self.aws.endpoint}/_aws/execute-api/{api}{url.path}"

    @property
    def secret(self) -> str:
        """The secret that opens the API."""
        answer = self.aws.client("secretsmanager").get_secret_value(
            SecretId=self.outputs["ApiSecretArn"]
        )
        return Credentials.of(str(answer["SecretString"])).secret

    def waiting(self, queue: str) -> int:
        """How many messages are in the queue of an output, those being worked on included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.aws.client("sqs").get_queue_attributes(
            QueueUrl=self.outputs[queue], AttributeNames=names
        )
        return sum(int(found["Attributes"][name]) for name in names)


@contextmanager
def embedded_aws(host: str = "127.0.0.1", port: int | None = None, **more: str) -> Iterator[Aws]:
    """An embedded AWS with its data in a temporary folder; gone at the end, whatever happens. It
    listens on an address of this machine and on a port, or on a free one. `more` are variables of
    its environment: with AUTH=true it enforces what roles may do."""
    folder = Path(tempfile.mkdtemp(prefix="edgetally-"))
    port = port or _free_port()
    log = folder / "aws.log"
    environment = {
        **os.environ,
        "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
        "BIND_HOST": host,
        "GATEWAY_PORT": str(port),
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "TMPDIR": str(folder),
        "IOT_MTLS_ENABLED": "false",  # or it takes a fixed port
        **more,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [TOOLS / "ministack"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_it_answers(process, f"{host}:{port}", log)
        yield Aws(f"http://{host}:{port}", folder)
    finally:
        _end(process)
        shutil.rmtree(folder, ignore_errors=True)


def build(folder: Path) -> Path:
    """The template built for this machine's Python, with `sam build`; its built template."""
    # Without the flags of a make that runs this: its job slots are not for SAM's own make.
    environment = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
    _run(
        [
            *("build", "--parallel", "--build-dir", folder, "--build-in-source"),
            *("--template", ROOT / "template.yaml"),
        ],
        environment | {"ARCHITECTURE": "local", "SAM_CLI_TELEMETRY": "0"},
    )
    return folder / "template.yaml"


def deploy(aws: Aws, built: Path, name: str, parameters: Mapping[str, str]) -> Stack:
    """The built template, deployed with `sam deploy`."""
    _run(
        [
            *("deploy", "--template-file", built, "--stack-name", name, "--resolve-s3"),
            *("--region", REGION, "--capabilities", "CAPABILITY_IAM", "--no-progressbar"),
            *("--no-confirm-changeset", "--parameter-overrides"),
            *(f"{key}={value}" for key, value in parameters.items()),
        ],
        aws.environment,
    )
    found = aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    return Stack(name, aws, {each["OutputKey"]: each["OutputValue"] for each in found})


def _run(arguments: list[Any], environment: Mapping[str, str]) -> None:
    """Run SAM in a process group of its own, so that an interrupt ends its builders with it."""
    process = subprocess.Popen(
        [TOOLS / "sam", *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate()
    except BaseException:
        _end(process)
        raise
    if process.returncode:
        raise StackError(f"sam {arguments[0]} failed:\n{output.decode()[-4000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", place: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"http://{place}/_ministack/health", timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise StackError(f"the embedded AWS did not start:\n{log.read_text()[-4000:]}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the process and every function it started: they share its process group."""
    for way in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, way)
        except ProcessLookupError:
            break
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            print("the embedded AWS does not end; killing it", file=sys.stderr)
