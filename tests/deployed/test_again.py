"""The stack deployed again: after a failure, after its deletion, and in another region."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from demo.stack import TOOLS, Aws, embedded_aws
from tests.deployed.test_deployed import eventually
from tests.support.dynamodb_local import skip_or_fail
from tests.support.template import long_form, read_template

pytestmark = pytest.mark.timeout(300)

KEPT = ("LogBucket", "LogBucketPolicy", "Table", "IngestQueue", "DeadLetterQueue", "QueuePolicy")
"""Whatever has a name or outlives its stack, and what that refers to."""
IMPOSSIBLE = {
    "Type": "AWS::Lambda::EventInvokeConfig",
    "DependsOn": ["LogBucketPolicy", "Table"],
    "Properties": {"FunctionName": "none", "Qualifier": "$LATEST"},
}
"""What ends a deployment when all the others have been made."""


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    """An embedded AWS."""
    if not (TOOLS / "ministack").exists():
        skip_or_fail("SAM and the embedded AWS are missing: run `make test`, which installs them")
    with embedded_aws() as running:
        yield running


def stored(**more: Any) -> str:
    """The template without its functions, and with more resources."""
    template = read_template()
    resources = {name: template["Resources"][name] for name in KEPT}
    resources["LogBucket"]["DependsOn"] = ["QueuePolicy"]
    del resources["LogBucket"]["Properties"]["NotificationConfiguration"]["LambdaConfigurations"]
    queue = resources["QueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    queue[:] = [each for each in queue if "If" not in each]  # the rule of another bucket
    parts = {name: template[name] for name in ("Parameters", "Mappings", "Conditions")}
    for name in ("ReadsExisting", "DecryptsExisting"):
        del parts["Conditions"][name]
    return json.dumps(long_form(parts | {"Resources": resources | more}))


class Region:
    """What a stack leaves in a region."""

    def __init__(self, aws: Aws, name: str) -> None:
        self._formation = aws.client("cloudformation", name)
        self._s3 = aws.client("s3", name)
        self._dynamodb = aws.client("dynamodb", name)

    def create(self, stack: str, **more: Any) -> str:
        """Create a stack, and return how that ends."""
        parameters = [{"ParameterKey": "DeletionProtection", "ParameterValue": "false"}]
        self._formation.create_stack(
            StackName=stack, TemplateBody=stored(**more), Parameters=parameters
        )
        return str(
            eventually(lambda: (status := self._status(stack))[-8:] == "COMPLETE" and status)
        )

    def _status(self, stack: str) -> str:
        (found,) = self._formation.describe_stacks(StackName=stack)["Stacks"]
        return str(found["StackStatus"])

    def delete(self, stack: str) -> None:
        """Delete a stack, and wait until it is gone."""
        self._formation.delete_stack(StackName=stack)
        self._formation.get_waiter("stack_delete_complete").wait(
            StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )

    def left(self) -> tuple[int, int]:
        """How many buckets and tables there are."""
        buckets = self._s3.list_buckets()["Buckets"]
        return len(buckets), len(self._dynamodb.list_tables()["TableNames"])


def test_a_failed_deployment_leaves_nothing_and_can_be_repeated(aws: Aws) -> None:
    """Neither bucket nor table, which would cost; and the next try does not meet them."""
    region = Region(aws, "eu-west-2")
    before = region.left()
    assert region.create("Failing", Impossible=IMPOSSIBLE) == "ROLLBACK_COMPLETE"
    assert region.left() == before
    region.delete("Failing")
    assert region.create("Failing") == "CREATE_COMPLETE"


def test_a_deleted_stack_can_be_deployed_again_beside_what_it_kept(aws: Aws) -> None:
    """The bucket of the first stays; a stack of that name in a second region meets neither."""
    region = Region(aws, "eu-west-2")
    buckets, _ = region.left()
    for done in (1, 2):
        assert region.create("edgetally") == "CREATE_COMPLETE"
        region.delete("edgetally")
        # A table's name is new each time on AWS, and the same here.
        assert region.left()[0] == buckets + done
    assert region.create("edgetally") == "CREATE_COMPLETE"
    assert Region(aws, "ap-southeast-2").create("edgetally") == "CREATE_COMPLETE"
