"""What the template promises, read from the template itself."""

import json
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

import pytest

from pipeline.answer.health import AUDITED
from pipeline.api.routes import ROUTES
from pipeline.objects import ObjectRef
from pipeline.settings import PREFIX, Settings
from pipeline.store.counted import RowKey
from pipeline.store.dynamodb.items import (
    cache_key,
    ledger_key,
    pointer_key,
    row_key,
    secrets_key,
    site_key,
)
from tests.support.template import read_template


@pytest.fixture(scope="module")
def template() -> Any:
    return read_template()


def statements(template: Any) -> Iterator[tuple[str, Any]]:
    for name, resource in template["Resources"].items():
        for policy in resource["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement


def test_no_role_may_do_everything(template: Any) -> None:
    """No action and no resource is `*`, but for X-Ray, which knows no narrower one."""
    found = list(statements(template))
    functions = {"IngestRole", "SummariesRole", "AuthorizerRole", "AuditRole"}
    assert {name for name, _ in found} == {*functions, "BatchOperationsRole"}
    for name, statement in found:
        actions = statement["Action"]
        actions = [actions] if isinstance(actions, str) else actions
        assert not [action for action in actions if "*" in action], name
        if statement["Resource"] == "*":
            assert all(action.startswith("xray:") for action in actions), name


def test_the_visibility_is_six_times_the_timeout(template: Any) -> None:
    """For every timeout one may choose."""
    seconds = template["Mappings"]["Visibility"]
    allowed = template["Parameters"]["IngestTimeout"]["AllowedValues"]
    assert {int(timeout): each["Seconds"] for timeout, each in seconds.items()} == {
        timeout: 6 * timeout for timeout in allowed
    }
    batches = template["Mappings"]["Concurrency"]
    assert {int(n): each["Batches"] for n, each in batches.items()} == {
        n: n for n in template["Parameters"]["IngestConcurrency"]["AllowedValues"]
    }


def test_every_route_is_deployed_behind_the_authorizer(template: Any) -> None:
    """The gateway knows the routes that the code has, and a default authorizer for them."""
    events = template["Resources"]["SummariesFunction"]["Properties"]["Events"].values()
    found = [each["Properties"] for each in events]
    greedy = {each["Method"]: each for each in found if each["Path"] == "/{proxy+}"}
    routes = [each for each in found if each["Path"] != "/{proxy+}"]
    assert sorted(each["Path"] for each in routes) == sorted(ROUTES)
    assert {each["Method"] for each in routes} == {"get"}
    assert set(greedy) == {"get", "head", "post", "put", "patch", "delete", "options"}
    open_to_all = [each for each in found if "Auth" in each]
    assert open_to_all == [greedy["options"]]
    api = template["Resources"]["Api"]["Properties"]
    assert api["Auth"]["DefaultAuthorizer"] in api["Auth"]["Authorizers"]
    refusal = api["GatewayResponses"]["UNAUTHORIZED"]
    assert refusal["StatusCode"] == 401
    assert refusal["ResponseParameters"]["Headers"]["WWW-Authenticate"].startswith("'Basic ")


def test_the_gateway_refuses_in_the_form_of_the_api(template: Any) -> None:
    """Problem documents that are not kept, with the status that they say; when to ask again."""
    responses = template["Resources"]["Api"]["Properties"]["GatewayResponses"]
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= set(responses)
    for name, response in responses.items():
        headers = response["ResponseParameters"]["Headers"]
        assert headers["Content-Type"] == "'application/problem+json'", name
        assert headers["Cache-Control"] == "'no-store'", name
        document = json.loads(response["ResponseTemplates"]["application/json"])
        assert document["detail"], name
        assert document.get("status") == response.get("StatusCode"), name
        assert response.get("StatusCode") not in (502, 504), name
        assert ("Retry-After" in headers) == (response.get("StatusCode") in (429, 503)), name


def test_every_variable_is_a_setting(template: Any) -> None:
    """The template sets nothing that the code does not read."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name, resource in template["Resources"].items():
        variables = resource["Properties"].get("Environment", {}).get("Variables", {})
        assert {each for each in variables if each.startswith(PREFIX)} <= known, name


def test_data_at_rest_is_kept_and_protected(template: Any) -> None:
    """Bucket and table survive the stack; the table can be restored, the bucket is private."""
    bucket, table = template["Resources"]["LogBucket"], template["Resources"]["Table"]
    assert bucket["DeletionPolicy"] == table["DeletionPolicy"] == "Retain"
    assert all(bucket["Properties"]["PublicAccessBlockConfiguration"].values())
    properties = table["Properties"]
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert properties["SSESpecification"]["SSEEnabled"]


def leading_keys(template: Any, role: str) -> dict[str, list[str]]:
    """The partition keys of the table that a role may use, by action."""
    (policy,) = template["Resources"][role]["Properties"]["Policies"]
    return {
        action: each["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        for each in policy["PolicyDocument"]["Statement"]
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
        if action.startswith("dynamodb:") and each["Resource"] == {"GetAtt": "Table.Arn"}
    }


def test_the_audit_reads_everything_but_secrets(template: Any) -> None:
    """And writes only what it found, for the health."""
    allowed = leading_keys(template, "AuditRole")
    assert allowed.pop("dynamodb:PutItem") == [cache_key(AUDITED)["pk"]["S"]]
    assert allowed.keys() == {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"}
    needed = [
        ledger_key(ObjectRef("b", "k")),
        pointer_key(),
        site_key("E1"),
        row_key(RowKey("E1", "hour", 1), 0),
    ]
    for patterns in allowed.values():
        matches = [
            any(fnmatch(key["pk"]["S"], pattern) for pattern in patterns)
            for key in [secrets_key(), *needed]
        ]
        assert matches == [False, True, True, True, True]


def test_who_serves_summaries_cannot_read_the_visitors_secret(template: Any) -> None:
    """Its role reads the rows that it needs, by their keys, and writes only the cache."""
    allowed = leading_keys(template, "SummariesRole")
    keys = [secrets_key(), ledger_key(ObjectRef("b", "k"))]
    needed = [site_key("E1"), cache_key("x"), row_key(RowKey("E1", "hour", 1), 0)]
    needed.append(pointer_key())
    for action in ("dynamodb:GetItem", "dynamodb:Query"):
        matches = [
            any(fnmatch(key["pk"]["S"], pattern) for pattern in allowed[action])
            for key in [*keys, *needed]
        ]
        assert matches == [False, False, True, True, True, True]
    assert allowed["dynamodb:PutItem"] == allowed["dynamodb:UpdateItem"] == ["cache#*"]


def test_logs_of_the_api_hold_no_client_address(template: Any) -> None:
    """No client IP at rest."""
    assert (
        "sourceIp" not in template["Resources"]["Api"]["Properties"]["AccessLogSetting"]["Format"]
    )
