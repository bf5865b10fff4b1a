"""Reading a bucket that somebody else's logs are in, without losing any of its notifications."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.cli import delivery_commands
from pipeline.cli.app import main
from pipeline.delivery.calls import Calls
from tests.support.fake_aws import ACCOUNT, REGION, STACK, FakeAws, account, deployed

BUCKET = "their-logs"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
FILTER = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "cf/"}]}}
EVERY_KIND: dict[str, Any] = {
    "TopicConfigurations": [
        {
            "Id": "t",
            "TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:t",
            "Events": ["s3:ObjectCreated:*"],
        }
    ],
    "QueueConfigurations": [
        {
            "Id": "q",
            "QueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q",
            "Events": ["s3:ObjectRemoved:*"],
            "Filter": FILTER,
        },
        {
            "Id": "q2",
            "QueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q2",
            "Events": ["s3:ObjectTagging:*"],
        },
    ],
    "LambdaFunctionConfigurations": [
        {
            "Id": "f",
            "LambdaFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f",
            "Events": ["s3:ObjectCreated:Put"],
        }
    ],
}
Run = Callable[..., int]


@pytest.fixture(name="fake")
def _fake() -> FakeAws:
    fake = account()
    fake.notifications[BUCKET] = copy.deepcopy(EVERY_KIND)
    deployed(fake, ExistingBucket=BUCKET, ExistingPrefix="cf/", ExistingKey="")
    return fake


@pytest.fixture(name="run")
def _run(fake: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(delivery_commands, "open_aws", lambda _: Calls(fake.client, REGION))
    place = ("attach", "--bucket", BUCKET, "--prefix", "cf/")
    return lambda *more: main([*place, *more])


def test_every_notification_that_was_there_stays(
    fake: FakeAws, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Topics, queues and functions, each with its filter; only the switch is new."""
    assert run("--yes") == 0
    assert fake.notifications[BUCKET] == EVERY_KIND | {"EventBridgeConfiguration": {}}
    assert "edgetally backfill s3://their-logs/cf/" in capsys.readouterr().out


def test_a_second_run_and_a_dry_run_change_nothing(fake: FakeAws, run: Run) -> None:
    """No call of either writes."""
    assert run("--dry-run") == 0
    assert fake.writes == []
    run("--yes")
    fake.calls.clear()
    assert run("--yes") == 0
    assert fake.calls
    assert fake.writes == []


def test_a_change_at_the_same_moment_is_told(
    fake: FakeAws, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """S3 has no condition for it, so the configuration is read once more."""

    def somebody() -> None:
        fake.before["GetBucketNotificationConfiguration"] = lambda: fake.notifications[BUCKET].pop(
            "TopicConfigurations"
        )

    fake.before["PutBucketNotificationConfiguration"] = somebody
    assert run("--yes") == 1
    assert "somebody else changed the notifications" in capsys.readouterr().err


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"ExistingBucket": "another"},
        {"ExistingBucket": BUCKET, "ExistingPrefix": ""},
    ],
)
def test_a_stack_that_does_not_know_the_bucket_is_deployed_first(
    fake: FakeAws, run: Run, capsys: pytest.CaptureFixture[str], parameters: dict[str, str]
) -> None:
    """The user gets the command, with the key of a bucket that is encrypted under one."""
    deployed(fake, **parameters)
    fake.keys[BUCKET] = KEY
    assert run("--yes") == 3
    assert fake.writes == []
    words = f"ExistingBucket={BUCKET} ExistingPrefix=cf/ ExistingKey={KEY}"
    assert (
        f"sam deploy --stack-name {STACK} --parameter-overrides {words}" in capsys.readouterr().err
    )


def test_a_bucket_of_another_region_is_refused(
    fake: FakeAws, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its events stay in its own region."""
    fake.regions[BUCKET] = "us-west-1"
    assert run("--yes") == 1
    assert "deploy a stack in us-west-1" in capsys.readouterr().err
