"""What AWS makes of the template: SAM's own transformation of it."""

import json
import os
import subprocess
from typing import Any

import pytest

from demo.stack import TOOLS
from pipeline.api.routes import ROUTES
from tests.support.dynamodb_local import skip_or_fail
from tests.support.template import ROOT, read_template

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
        assert given[kind]["responseParameters"] == prefixed, kind
        assert given[kind]["responseTemplates"] == response["ResponseTemplates"], kind
        status = str(response["StatusCode"]) if "StatusCode" in response else None
        assert given[kind].get("statusCode") == status, kind


def test_every_route_asks_for_the_secret(transformed: Any) -> None:
    """But for preflights, which browsers send without it; the answer is kept for five minutes."""
    body = transformed["Api"]["Properties"]["Body"]
    security = {
        (path, method): [name for each in operation["security"] for name in each]
        for path, methods in body["paths"].items()
        for method, operation in methods.items()
    }
    assert {path for path, _ in security} == {*ROUTES, "/{proxy+}"}
    assert security.pop(("/{proxy+}", "options")) == ["NONE"]
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
