"""What AWS makes of the template: SAM's own transformation of it."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import Any

import pytest

from demo.stack import TOOLS
from pipeline.api.routes import ROUTES
from pipeline.page.place import DATA, LOGIN, LOGOUT, PAGE
from tests.support.dynamodb_local import skip_or_fail
from tests.support.template import ROOT, long_form, read_template

TRANSFORM = """
import json, sys
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

with open(sys.argv[1]) as file:
    template = yaml_parse(file.read())
template["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
print(json.dumps(Translator({}, Parser()).translate(template, {})))
"""


@pytest.fixture(scope="module")
def transformed() -> Any:
    """The resources that CloudFormation is given."""
    if not (TOOLS / "sam").exists():
        skip_or_fail("SAM is missing: run `make test`, which installs it")
    done = subprocess.run(
        [TOOLS / "python", "-c", TRANSFORM, ROOT / "template.yaml"],
        env={**os.environ, "AWS_DEFAULT_REGION": "eu-west-2"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)["Resources"]


def test_the_gateway_is_given_every_response(transformed: Any) -> None:
    """With its status, headers and document, where API Gateway reads them."""
    declared = read_template()["Resources"]["Api"]["Properties"]["GatewayResponses"]
    given = transformed["Api"]["Properties"]["Body"]["x-amazon-apigateway-gateway-responses"]
    assert given.keys() == declared.keys()
    for kind, response in declared.items():
        headers = response["ResponseParameters"]["Headers"]
        prefixed = {f"gatewayresponse.header.{name}": value for name, value in headers.items()}
        assert given[kind]["responseParameters"] == long_form(prefixed), kind
        assert given[kind]["responseTemplates"] == response["ResponseTemplates"], kind
        status = str(response["StatusCode"]) if "StatusCode" in response else None
        assert given[kind].get("statusCode") == status, kind


def test_every_route_asks_for_the_secret(transformed: Any) -> None:
    """But for preflights, which browsers send without it, and for the page and its links, which
    look at its cookie; the answer is kept for five minutes."""
    body = transformed["Api"]["Properties"]["Body"]
    security = {
        (path, method): [name for each in operation["security"] for name in each]
        for path, methods in body["paths"].items()
        for method, operation in methods.items()
    }
    of_page = {
        PAGE: ("get", "head"),
        LOGIN: ("get", "post"),
        LOGOUT: ("post",),
        DATA: ("get",),
    }
    assert {path for path, _ in security} == {*ROUTES, "/{proxy+}", *of_page}
    assert security.pop(("/{proxy+}", "options")) == ["NONE"]
    for path, methods in of_page.items():
        for method in methods:
            assert security.pop((path, method)) == ["NONE"]
    assert set(map(tuple, security.values())) == {("Secret",)}
    scheme = body["components"]["securitySchemes"]["Secret"]["x-amazon-apigateway-authorizer"]
    assert scheme["authorizerResultTtlInSeconds"] == 300
    assert "AuthorizerFunction" in json.dumps(scheme["authorizerUri"])


def test_the_audit_runs_every_hour(transformed: Any) -> None:
    """By a rule that is made only if the audit is wanted."""
    (rule,) = [
        resource
        for resource in transformed.values()
        if resource["Type"] == "AWS::Events::Rule" and resource["Condition"] == "Audits"
    ]
    assert rule["Properties"]["ScheduleExpression"] == "rate(1 hour)"
    (target,) = rule["Properties"]["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["AuditFunction", "Arn"]}


Reference = tuple[str, tuple[str, ...]]
"""A name that is referred to, and the conditions under which it is."""


def references(value: Any, within: tuple[str, ...] = ()) -> Iterator[Reference]:
    """Each reference in a part of the template."""
    if isinstance(value, list):
        for each in value:
            yield from references(each, within)
    elif isinstance(value, dict):
        for name, argument in value.items():
            yield from _referred(name, argument, within)


def _referred(name: str, argument: Any, within: tuple[str, ...]) -> Iterator[Reference]:
    match name:
        case "Ref":
            yield argument, within
        case "Fn::GetAtt":
            yield (argument if isinstance(argument, list) else argument.split("."))[0], within
        case "Fn::Sub":
            text, more = argument if isinstance(argument, list) else (argument, {})
            found = re.findall(r"\$\{([A-Za-z0-9]+)", text)
            yield from ((each, within) for each in found if each not in more)
            yield from references(more, within)
        case "Fn::If":
            condition, chosen, otherwise = argument
            yield from references(chosen, (*within, condition))
            yield from references(otherwise, within)
        case "DependsOn":
            listed = argument if isinstance(argument, list) else [argument]
            yield from ((each, within) for each in listed)
        case _:
            yield from references(argument, within)


@pytest.fixture(scope="module")
def graph(transformed: Any) -> dict[str, set[str]]:
    """The resources that each resource waits for."""
    return {
        name: {each for each, _ in references(resource) if each in transformed}
        for name, resource in transformed.items()
    }


def awaited(graph: dict[str, set[str]], name: str) -> set[str]:
    """All that is made before a resource."""
    found: set[str] = set()
    left = [name]
    while left:
        new = graph[left.pop()] - found
        found |= new
        left += new
    return found


def test_nothing_waits_for_itself(graph: dict[str, set[str]]) -> None:
    """The resources can be made in some order."""
    assert len([*TopologicalSorter(graph).static_order()]) == len(graph)


def test_what_must_be_there_first_is_awaited(graph: dict[str, set[str]]) -> None:
    """S3 tries whether a bucket may announce, and API Gateway whether a stage may log."""
    assert {"QueuePolicy", "IngestFromBucket"} <= awaited(graph, "LogBucket")
    (stage,) = (name for name in graph if name.startswith("Api") and name.endswith("Stage"))
    assert "ApiLogging" in awaited(graph, stage)


def test_nothing_refers_to_what_is_not_made(transformed: Any) -> None:
    """What is made under a condition is named only by what is made, or chosen, under the same."""
    for name, resource in transformed.items():
        own = (resource["Condition"],) if "Condition" in resource else ()
        for other, conditions in references(resource):
            needed = transformed.get(other, {}).get("Condition")
            assert needed in (None, *own, *conditions), (name, other)
