"""The functions under their own roles, which the embedded AWS enforces here, at the extremes."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.stack import TOOLS, Aws, build, deploy, embedded_aws
from demo.traffic import objects
from tests.deployed.test_deployed import (
    PARAMETERS,
    ROUTES,
    eventually,
    get,
    invoke,
    ledger_state,
    upload,
)
from tests.support.dynamodb_local import skip_or_fail
from tests.support.template import Loader, long_form

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    """An embedded AWS that denies what no policy allows."""
    if not (TOOLS / "ministack").exists():
        skip_or_fail("SAM and the embedded AWS are missing: run `make test`, which installs them")
    with embedded_aws(AUTH="true") as running:
        yield running


@pytest.fixture(scope="module")
def built(aws: Aws) -> Path:
    """The built template, without the conditions that the embedded AWS cannot judge."""
    original = build(aws.folder / "build")
    template = long_form(yaml.load(original.read_text(), Loader))  # noqa: S506 - a SafeLoader
    copy = original.with_name("enforced.json")
    copy.write_text(json.dumps(_judged(template)))
    return copy


def _judged(value: Any) -> Any:
    """A part of a template, without what is never true here: that calls come by TLS, that they name
    keys of the table (tests/contract/test_rights.py looks at those), and that the reference of a
    secret is its ARN."""
    if isinstance(value, list):
        return [_judged(each) for each in value if not _is_of_tls(each)]
    if not isinstance(value, dict):
        return value
    if "dynamodb:LeadingKeys" in json.dumps(value.get("Condition")):
        value = {name: each for name, each in value.items() if name != "Condition"}
    if value.get("Action") == "secretsmanager:GetSecretValue":
        value = value | {"Resource": "*"}
    return {name: _judged(each) for name, each in value.items()}


def _is_of_tls(statement: Any) -> bool:
    return isinstance(statement, dict) and statement.get("Sid") == "TlsOnly"


@pytest.mark.parametrize("trigger", ["queue", "direct"])
def test_every_function_may_do_what_it_does(aws: Aws, built: Path, trigger: str) -> None:
    """Objects are counted, what cannot be read is handed over, the longest audit passes, the API
    answers: with the rights of the template and no others."""
    wanted = {**PARAMETERS, "Trigger": trigger, "AuditHours": "600"}
    stack = deploy(aws, built, f"enforced-{trigger}", wanted)
    good, bad = objects(seed=3, count=2, lines=20, until=datetime.now(UTC), hours=2)
    upload(stack, good.key, good.body)
    upload(stack, "cut/truncated.gz", bad.body[:-8])
    eventually(lambda: ledger_state(stack, good.key) == "committed")
    eventually(lambda: stack.waiting("DeadLetterQueueUrl") == 1)
    assert ledger_state(stack, "cut/truncated.gz") == "failed"
    found = invoke(stack, "AuditFunction", {})
    assert found.get("ledger_gap") == 0, found
    for route in ROUTES:
        assert get(stack, route).status == 200, route
    assert get(stack, "/metrics/snapshot/refresh").json["total_records"] == good.truth.records
    # An object that is gone is told from one that is denied.
    event = {"invocationSchemaVersion": "1.0", "invocationId": "x", "job": {"id": "j"}}
    bucket = f"arn:aws:s3:::{stack.outputs['LogBucket']}"
    task = {"taskId": "1", "s3Key": "never.gz", "s3VersionId": None, "s3BucketArn": bucket}
    answer = invoke(stack, "IngestFunction", event | {"tasks": [task]})
    assert answer["results"][0]["resultCode"] == "PermanentFailure", answer
