"""What the template of real-time logs promises, read from the template itself."""

from typing import Any

import pytest

from pipeline.schema.fields import REALTIME
from tests.support.template import read_template


@pytest.fixture(name="template", scope="module")
def _template() -> Any:
    return read_template("template-realtime.yaml")


def test_the_default_fields_are_those_that_the_stack_expects(template: Any) -> None:
    """So that a stack with its defaults reads them without being told."""
    assert template["Parameters"]["Fields"]["Default"].split(",") == REALTIME.split()
    assert template["Parameters"]["Prefix"]["Default"] == "cloudfront-realtime/"
    assert template["Resources"]["LogConfig"]["Properties"]["Fields"] == {"Ref": "Fields"}


def test_the_stack_is_told_the_fields_and_the_sampling_that_are_delivered(template: Any) -> None:
    """Both come from the parameters that CloudFront is given, in the form of the stack's own."""
    separator, parts = template["Outputs"]["StackParameters"]["Value"]["Join"]
    assert separator == ""
    assert parts == [
        "RealtimeFields=",
        {"Join": [",", {"Ref": "Fields"}]},
        {"Sub": " Sampling=${Prefix}=${SamplingRate}"},
    ]
    config = template["Resources"]["LogConfig"]["Properties"]
    assert config["SamplingRate"] == {"Ref": "SamplingRate"}


def test_lines_are_gathered_into_compressed_objects_under_the_prefix(template: Any) -> None:
    """What Firehose could not deliver lies elsewhere, for it is no log object."""
    place = template["Resources"]["Firehose"]["Properties"]["ExtendedS3DestinationConfiguration"]
    assert place["CompressionFormat"] == "GZIP"
    assert place["Prefix"]["Sub"].startswith("${Prefix}!{timestamp:yyyy/MM/dd/HH}")
    assert place["ErrorOutputPrefix"].startswith("firehose-errors/")
    assert template["Resources"]["Firehose"]["DependsOn"] == "FirehosePolicy"


def test_each_role_may_do_its_part_only(template: Any) -> None:
    """CloudFront writes to the stream; Firehose reads it, and writes under the prefix."""
    resources = template["Resources"]
    for role, service in (
        ("StreamRole", "cloudfront.amazonaws.com"),
        ("FirehoseRole", "firehose.amazonaws.com"),
    ):
        (trust,) = resources[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": service}
        own = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        assert trust["Condition"] == {"StringEquals": own}
    (policy,) = resources["StreamRole"]["Properties"]["Policies"]
    (writes,) = policy["PolicyDocument"]["Statement"]
    assert writes["Resource"] == {"GetAtt": "Stream.Arn"}
    granted = resources["FirehosePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    by_sid = {each["Sid"]: each for each in granted}
    bucket = "arn:${AWS::Partition}:s3:::${LogBucket}"
    assert by_sid["WriteObjects"]["Resource"] == [
        {"Sub": bucket + "/${Prefix}*"},
        {"Sub": bucket + "/firehose-errors/*"},
    ]
    for each in (writes, *granted):
        actions = each["Action"] if isinstance(each["Action"], list) else [each["Action"]]
        assert not [action for action in actions if "*" in action]
        assert each["Resource"] != "*"
