"""Turning logs on and off, against an account that keeps AWS's rules."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import delivery_commands
from pipeline.cli.app import main
from pipeline.deadline import Deadline
from pipeline.delivery.attach import Wish, attach
from pipeline.delivery.aws import AwsDeliveries
from pipeline.delivery.calls import Calls
from pipeline.delivery.fields import chosen
from pipeline.delivery.port import CloudError
from tests.support.fake_aws import (
    ARN,
    BUCKET,
    DISTRIBUTION,
    FIELDS,
    REGION,
    STACK,
    FakeAws,
    account,
    bucket_policy,
    deployed,
    distribution,
    everything,
)

ROOT = Path(__file__).parents[3]
Run = Callable[..., int]
OTHER_NAMES = {
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
}
"""Rights that are called otherwise than their operations:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html"""


@pytest.fixture(name="fake")
def _fake() -> FakeAws:
    return account()


@pytest.fixture(name="run")
def _run(fake: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(delivery_commands, "open_aws", lambda _: Calls(fake.client, REGION))
    monkeypatch.setattr(Deadline, "wait", lambda self, seconds: None)
    return lambda *arguments: main(list(arguments))


def foreign(fake: FakeAws, bucket: str = "their-logs", form: str = "w3c") -> None:
    """Somebody else's delivery of the distribution to S3, with other fields."""
    client = fake.client("logs", "us-east-1")
    fake.policies[bucket] = bucket_policy(bucket)
    client.put_delivery_source(name="theirs", resourceArn=ARN, logType="ACCESS_LOGS")
    place = {"destinationResourceArn": f"arn:aws:s3:::{bucket}"}
    put = client.put_delivery_destination(
        name="theirs", outputFormat=form, deliveryDestinationConfiguration=place
    )
    client.create_delivery(
        deliverySourceName="theirs", deliveryDestinationArn=put["deliveryDestination"]["arn"]
    )
    fake.calls.clear()


def test_logs_are_turned_on(fake: FakeAws, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """A destination, a source and a delivery are made, and the user hears when to look."""
    assert run("attach", DISTRIBUTION, "--yes") == 0
    assert fake.writes == ["PutDeliveryDestination", "PutDeliverySource", "CreateDelivery"]
    [delivery] = fake.deliveries.values()
    assert delivery["s3DeliveryConfiguration"]["suffixPath"].startswith("{DistributionId}/")
    [destination] = fake.destinations.values()
    place = destination["deliveryDestinationConfiguration"]["destinationResourceArn"]
    assert place == f"arn:aws:s3:::{BUCKET}/cloudfront"
    for made in (*fake.sources.values(), destination, delivery):
        assert made["tags"]["edgetally"] == STACK
    assert "12 hours" in capsys.readouterr().out


def test_a_second_run_changes_nothing(fake: FakeAws, run: Run) -> None:
    """Not a single call of it writes."""
    run("attach", DISTRIBUTION, "--yes")
    fake.calls.clear()
    before = list(everything(fake))
    assert run("attach", DISTRIBUTION, "--yes") == 0
    assert fake.calls
    assert (fake.writes, list(everything(fake))) == ([], before)


def test_a_dry_run_writes_nothing(
    fake: FakeAws, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what is missing, for attach and for detach."""
    assert run("attach", DISTRIBUTION, "--dry-run") == 0
    assert fake.writes == []
    assert "destination" in capsys.readouterr().out
    run("attach", DISTRIBUTION, "--yes")
    fake.calls.clear()
    assert run("detach", DISTRIBUTION, "--dry-run") == 0
    assert fake.writes == []
    assert "deleted" in capsys.readouterr().out


def test_a_program_reads_what_was_done(
    fake: FakeAws, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """One JSON document, whether something was planned, done, not needed or refused."""

    def document(*arguments: str) -> Any:
        run(*arguments, "--json")
        return json.loads(capsys.readouterr().out)[DISTRIBUTION]

    planned = document("attach", DISTRIBUTION, "--dry-run")
    assert (planned["state"], len(planned["steps"]) > 1) == ("planned", True)
    assert document("attach", DISTRIBUTION, "--yes")["state"] == "on"
    again = document("attach", DISTRIBUTION, "--yes")
    assert (again["state"], again["steps"]) == ("unchanged", [])
    assert document("detach", DISTRIBUTION, "--yes")["state"] == "off"
    assert document("detach", DISTRIBUTION, "--yes")["state"] == "unchanged"
    foreign(fake)
    refused = document("attach", DISTRIBUTION, "--yes")
    assert refused["state"] == "choice"
    assert "--replace" in refused["message"]


def test_nobody_to_ask_is_a_wrong_use(
    fake: FakeAws, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal and without --yes nothing happens."""
    assert run("attach", DISTRIBUTION) == 2
    assert fake.writes == []
    assert "--yes" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [("attach",), ("attach", DISTRIBUTION, "--all"), ("attach", "E0", "--yes")]
)
def test_what_is_not_there_is_a_wrong_use(run: Run, arguments: tuple[str, ...]) -> None:
    """No distribution, one and all of them, or an unknown one."""
    assert run(*arguments) == 2


def test_real_time_logs_are_explained_and_nothing_is_changed(
    fake: FakeAws, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second stack, then its configuration and parameters, then that they are on."""
    say = ("attach", DISTRIBUTION, "--realtime")
    assert run(*say) == 0
    said = capsys.readouterr().out
    assert f"--stack-name {STACK}-realtime" in said
    assert f"LogBucket={BUCKET}" in said
    config = "arn:aws:cloudfront::123456789012:realtime-log-config/x"
    told = "RealtimeFields=timestamp,sc-status Sampling=cloudfront-realtime/=5"
    outputs = {"RealtimeLogConfigArn": config, "StackParameters": told}
    fake.stacks[f"{STACK}-realtime"] = fake.stacks[STACK] | {
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    }
    assert run(*say) == 0
    said = capsys.readouterr().out
    assert f"RealtimeLogConfigArn: {config}" in said
    assert f'--stack-name {STACK} --parameter-overrides "{told}"' in said
    behavior = fake.distributions[DISTRIBUTION]["DistributionConfig"]["DefaultCacheBehavior"]
    behavior["RealtimeLogConfigArn"] = config
    assert run(*say) == 0
    assert "has these real-time logs on" in capsys.readouterr().out
    assert fake.writes == []


def test_real_time_logs_beside_standard_logs_need_a_choice(
    fake: FakeAws, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the same bucket every request would be counted twice."""
    logging = {"Enabled": True, "IncludeCookies": False, "Prefix": ""}
    fake.distributions["E3"] = distribution(
        "E3", Logging={**logging, "Bucket": f"{BUCKET}.s3.amazonaws.com"}
    )
    assert run("attach", "E3", "--realtime") == 3
    assert "counted twice" in capsys.readouterr().err
    run("attach", DISTRIBUTION, "--yes")
    assert run("attach", DISTRIBUTION, "--realtime") == 3
    assert f"edgetally detach {DISTRIBUTION}" in capsys.readouterr().err


def test_a_stack_that_is_not_there_is_a_wrong_use(
    fake: FakeAws, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is one that is not edgetally's, or that is being rolled back."""
    assert run("attach", DISTRIBUTION, "--stack", "other", "--yes") == 2
    assert f"{REGION} has no stack 'other'" in capsys.readouterr().err
    fake.stacks[STACK]["StackStatus"] = "UPDATE_ROLLBACK_COMPLETE"
    assert run("attach", DISTRIBUTION, "--yes") == 2
    fake.stacks[STACK] |= {"StackStatus": "CREATE_COMPLETE", "Outputs": []}
    assert run("attach", DISTRIBUTION, "--yes") == 2


def test_fields_are_chosen_without_what_tells_a_person(fake: FakeAws, run: Run) -> None:
    """By default no address, no cookie and no query string; the address only if it is asked for."""
    run("attach", DISTRIBUTION, "--yes")
    [delivery] = fake.deliveries.values()
    fields = set(delivery["recordFields"])
    assert {"timestamp(ms)", "cs-uri-stem", "sc-status", "c-country"} <= fields
    assert fields.isdisjoint({"c-ip", "cs(Cookie)", "cs-uri-query", "x-forwarded-for"})
    assert run("attach", DISTRIBUTION, "--fields", "counted,c-ip", "--yes") == 0
    assert set(delivery["recordFields"]) == fields | {"c-ip"}
    assert delivery["s3DeliveryConfiguration"]["suffixPath"].startswith("{DistributionId}/")
    assert run("attach", DISTRIBUTION, "--fields", "nonsense", "--yes") == 2


def test_all_fields_are_in_the_order_of_aws() -> None:
    """Whatever the order in which they are named."""
    assert chosen("all", FIELDS) == tuple(FIELDS)
    assert chosen("sc-status,time,DATE", FIELDS) == ("date", "time", "sc-status")


def test_another_format_ends_the_delivery_and_makes_a_new_one(fake: FakeAws, run: Run) -> None:
    """A destination's format cannot be changed."""
    run("attach", DISTRIBUTION, "--yes")
    fake.calls.clear()
    assert run("attach", DISTRIBUTION, "--format", "parquet", "--yes") == 0
    assert fake.writes == ["DeleteDelivery", "PutDeliveryDestination", "CreateDelivery"]
    [delivery] = fake.deliveries.values()
    assert delivery["deliveryDestinationArn"].endswith("-parquet")


def test_legacy_logs_are_never_doubled(
    fake: FakeAws, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The user gets the commands: to read them where they are, or to turn them off."""
    logging = {"Enabled": True, "IncludeCookies": False, "Prefix": "cf/"}
    logging["Bucket"] = "old-logs.s3.amazonaws.com"
    fake.distributions[DISTRIBUTION] = distribution(Logging=logging)
    assert run("attach", DISTRIBUTION, "--yes") == 3
    assert fake.writes == []
    assert "edgetally attach --bucket old-logs --prefix 'cf/'" in capsys.readouterr().err
    fake.distributions[DISTRIBUTION]["DistributionConfig"]["Logging"]["Bucket"] = (
        f"{BUCKET}.s3.amazonaws.com"
    )
    assert run("attach", DISTRIBUTION, "--yes") == 3
    assert "already, by legacy standard logging" in capsys.readouterr().err


def test_somebody_elses_delivery_is_left_alone(
    fake: FakeAws, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """AWS decides that it takes no second one; the user gets a command for each way out."""
    foreign(fake)
    theirs = dict(fake.deliveries)
    assert run("attach", DISTRIBUTION, "--yes") == 3
    assert fake.deliveries == theirs
    said = capsys.readouterr().err
    assert "edgetally attach --bucket their-logs --prefix ''" in said
    assert f"edgetally attach {DISTRIBUTION} --replace" in said
    assert run("attach", DISTRIBUTION, "--replace", "--yes") == 0
    [delivery] = fake.deliveries.values()
    assert delivery["tags"]["edgetally"] == STACK
    assert delivery["deliverySourceName"] == "theirs"


def test_a_delivery_to_another_account_is_left_alone_too(
    fake: FakeAws, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its destination is not among the account's own, and its bucket cannot be read from here."""
    foreign(fake)
    [delivery] = fake.deliveries.values()
    arn = "arn:aws:logs:us-east-1:999999999999:delivery-destination:theirs"
    delivery["deliveryDestinationArn"] = arn
    fake.destinations.clear()
    assert run("attach", DISTRIBUTION, "--yes") == 3
    said = capsys.readouterr().err
    assert f"another account ({arn})" in said
    assert "--bucket" not in said
    assert run("attach", DISTRIBUTION, "--replace", "--yes") == 0
    assert len(fake.deliveries) == 1


def test_somebody_elses_delivery_into_our_bucket_is_attached_already(
    fake: FakeAws, run: Run
) -> None:
    """Whatever its fields are: they are its owner's."""
    foreign(fake, BUCKET)
    assert run("attach", DISTRIBUTION, "--yes") == 0
    assert fake.writes == []


def test_what_is_busy_is_waited_for(fake: FakeAws, run: Run) -> None:
    """AWS changes one thing at a time."""
    fake.busy = 3
    assert run("attach", DISTRIBUTION, "--yes") == 0
    assert len(fake.deliveries) == 1


def test_what_stays_busy_is_given_up(
    fake: FakeAws, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the deadline, with what AWS said."""
    fake.busy = 10**6
    cloud = AwsDeliveries(Calls(fake.client, REGION))
    wish = Wish(DISTRIBUTION, cloud.stack(STACK), "w3c", ("date", "time"))
    with pytest.raises(CloudError, match="currently being updated"):
        attach(cloud, wish, Deadline.after(-1))


@pytest.mark.parametrize("operation", ["PutDeliverySource", "CreateDelivery"])
def test_a_race_is_already_there(fake: FakeAws, run: Run, operation: str) -> None:
    """Somebody else attaches the same distribution at the same moment."""

    def quicker() -> None:
        other = AwsDeliveries(Calls(fake.client, REGION))
        wish = Wish(DISTRIBUTION, other.stack(STACK), "w3c", chosen("counted", FIELDS))
        attach(other, wish, Deadline.after(1))

    fake.before[operation] = quicker
    assert run("attach", DISTRIBUTION, "--yes") == 0
    assert (len(fake.sources), len(fake.deliveries)) == (1, 1)


@pytest.mark.parametrize(
    ("operation", "right"),
    [
        ("PutDeliverySource", "logs:PutDeliverySource"),
        ("CreateDelivery", "logs:CreateDelivery"),
        ("GetBucketPolicy", "s3:GetBucketPolicy"),
    ],
)
def test_a_refusal_names_the_right(
    fake: FakeAws, run: Run, capsys: pytest.CaptureFixture[str], operation: str, right: str
) -> None:
    """Exit code 1, and nothing half done that a second run would not find."""
    fake.denied = frozenset({operation})
    assert run("attach", DISTRIBUTION, "--yes") == 1
    assert right in capsys.readouterr().err
    fake.denied = frozenset()
    assert run("attach", DISTRIBUTION, "--yes") == 0
    assert len(fake.deliveries) == 1


def test_a_bucket_that_lets_nobody_write_is_told_before_anything_is_made(
    fake: FakeAws, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where only the region in its policy is the wrong one, of which AWS says nothing."""
    source = f"arn:aws:logs:{REGION}:123456789012:delivery-source:*"
    fake.policies[BUCKET] = bucket_policy(source=source)
    assert run("attach", DISTRIBUTION, "--yes") == 1
    assert fake.writes == []
    assert "aws:SourceArn" in capsys.readouterr().err


def test_every_distribution_is_attached_at_once(
    fake: FakeAws, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each has its line; one that needs a choice does not keep the others from it."""
    fake.distributions["E2"] = distribution("E2")
    logging = {"Enabled": True, "IncludeCookies": False, "Bucket": "b.s3.amazonaws.com"}
    fake.distributions["E3"] = distribution("E3", Logging={**logging, "Prefix": ""})
    assert run("attach", "--all", "--yes") == 3
    assert len(fake.deliveries) == 2
    assert len(fake.destinations) == 1
    said = capsys.readouterr()
    assert "E2: logs are on" in said.out
    assert "E3: " in said.err


def test_detach_deletes_what_attach_made(fake: FakeAws, run: Run) -> None:
    """And no more, whether or not other distributions use the same destination."""
    fake.distributions["E2"] = distribution("E2")
    run("attach", "--all", "--yes")
    assert run("detach", DISTRIBUTION, "--yes") == 0
    assert (len(fake.sources), len(fake.destinations), len(fake.deliveries)) == (1, 1, 1)
    assert run("detach", "E2", "--yes") == 0
    assert (fake.sources, fake.destinations, fake.deliveries) == ({}, {}, {})
    fake.calls.clear()
    assert run("detach", "E2", "--yes") == 0
    assert fake.writes == []


def test_detach_leaves_what_others_made(fake: FakeAws, run: Run) -> None:
    """A source without our tag stays, even if our delivery was its only one."""
    foreign(fake)
    run("attach", DISTRIBUTION, "--replace", "--yes")
    assert run("detach", DISTRIBUTION, "--yes") == 0
    assert (list(fake.sources), list(fake.destinations)) == (["theirs"], ["theirs"])
    foreign(fake, BUCKET)
    before = list(everything(fake))
    assert run("detach", DISTRIBUTION, "--yes") == 0
    assert list(everything(fake)) == before


@pytest.mark.parametrize("language", ["cloudformation", "terraform"])
def test_the_printed_template_is_the_one_in_the_docs(
    fake: FakeAws, run: Run, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    """Where CloudFormation's is linted; printing changes nothing."""
    assert run("attach", DISTRIBUTION, "--print", language) == 0
    printed = capsys.readouterr().out
    name = {"cloudformation": "delivery.yaml", "terraform": "delivery.tf"}[language]
    assert printed == (ROOT / "docs" / "attach" / name).read_text()
    assert fake.writes == []


def test_the_policy_in_the_docs_is_what_the_commands_need(fake: FakeAws, run: Run) -> None:
    """Every call's right is in it, and no right that no call needs."""
    foreign(fake)
    run("attach", DISTRIBUTION, "--yes")
    run("attach", DISTRIBUTION, "--replace", "--yes")
    run("attach", DISTRIBUTION, "--fields", "all", "--yes")
    run("attach", "--all", "--yes")
    run("detach", DISTRIBUTION, "--yes")
    fake.sources.clear()
    run("attach", DISTRIBUTION, "--yes")
    run("detach", DISTRIBUTION, "--yes")
    deployed(fake, ExistingBucket="their-logs", ExistingPrefix="cf/")
    run("attach", "--bucket", "their-logs", "--prefix", "cf/", "--yes")
    asked = {f"{call.service}:{call.operation}" for call in fake.calls}
    needed = {OTHER_NAMES.get(operation, operation) for operation in asked}
    document = json.loads((ROOT / "docs" / "attach" / "policy.json").read_text())
    granted = {action for each in document["Statement"] for action in each["Action"]}
    # AWS asks for this one where a source of a distribution is made.
    assert granted - {"cloudfront:AllowVendedLogDeliveryForResource"} == needed
