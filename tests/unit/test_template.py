"""What the template promises, read from the template itself."""

import json
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

import pytest

from pipeline.answer.health import AUDITED
from pipeline.api.routes import ROUTES
from pipeline.environment import PREFIX
from pipeline.objects import ObjectRef
from pipeline.page.place import DATA, LOGIN, LOGOUT, PAGE
from pipeline.settings import Settings
from pipeline.store.counted import RowKey
from pipeline.store.dynamodb.items import (
    cache_key,
    ledger_key,
    row_key,
    secrets_key,
    site_key,
    state_key,
)
from pipeline.store.dynamodb.table import BY_HOUR
from tests.support import dynamodb_local
from tests.support.template import read_template


@pytest.fixture(scope="module")
def template() -> Any:
    return read_template()


def statements(template: Any) -> Iterator[tuple[str, Any]]:
    for name, resource in template["Resources"].items():
        for policy in resource["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement["If"][1] if "If" in statement else statement


def listed(value: Any) -> list[Any]:
    """What a policy says once or several times, as a list."""
    return value if isinstance(value, list) else [value]


def test_no_role_may_do_everything(template: Any) -> None:
    """No action and no resource is `*`, but for X-Ray, which knows no narrower one."""
    found = list(statements(template))
    functions = {"IngestRole", "SummariesRole", "AuthorizerRole", "AuditRole"}
    assert {name for name, _ in found} == {*functions, "BatchOperationsRole"}
    for name, statement in found:
        assert statement["Effect"] == "Allow"
        actions = listed(statement["Action"])
        assert not [action for action in actions if "*" in action], name
        if "*" in listed(statement["Resource"]):
            assert all(action.startswith("xray:") for action in actions), name


def test_a_role_is_taken_only_for_this_account(template: Any) -> None:
    """By the service that it is for, and by no function of somebody else's through that service."""
    services = {
        "IngestRole": "lambda.amazonaws.com",
        "SummariesRole": "lambda.amazonaws.com",
        "AuthorizerRole": "lambda.amazonaws.com",
        "AuditRole": "lambda.amazonaws.com",
        "BatchOperationsRole": "batchoperations.s3.amazonaws.com",
        "ApiLoggingRole": "apigateway.amazonaws.com",
    }
    roles = of_type(template, "AWS::IAM::Role")
    assert roles.keys() == services.keys()
    for name, role in roles.items():
        (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": services[name]}
        own = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        known = statement["Principal"]["Service"] == "lambda.amazonaws.com"
        operator = "StringEquals" if known else "StringEqualsIfExists"
        assert statement["Condition"] == {operator: own}, name


def of_type(template: Any, kind: str) -> dict[str, Any]:
    return {
        name: resource
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


UNIQUE = {"Unique": {"Select": [2, {"Split": ["/", {"Ref": "AWS::StackId"}]}]}}
LOGS = {"Sub": ["arn:${AWS::Partition}:s3:::edgetally-logs-${Unique}", UNIQUE]}
"""The log bucket, by its name: the UUID of the stack is in it."""
OWN = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


def test_who_may_write_to_bucket_queue_and_topic(template: Any) -> None:
    """Nobody without TLS; each service only for this account and from where it should come."""
    policies = {
        name: resource["Properties"]["PolicyDocument"]["Statement"]
        for name, resource in template["Resources"].items()
        if "PolicyDocument" in resource["Properties"]
    }
    reading = policies.pop("ExistingReading")  # of a role, and has a test of its own
    assert reading
    assert policies.keys() == {"LogBucketPolicy", "QueuePolicy", "AlarmsPolicy"}
    allowed = {}
    for name, rules in policies.items():
        by_sid = {rule["Sid"]: rule for rule in rules if "If" not in rule}
        denied = by_sid.pop("TlsOnly")
        assert (denied["Effect"], denied["Principal"]) == ("Deny", "*"), name
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}, name
        ((sid, rule),) = by_sid.items()
        assert rule["Effect"] == "Allow"
        allowed[sid] = (rule["Principal"]["Service"], rule["Action"], rule["Condition"])
    deliveries = "arn:${AWS::Partition}:logs:*:${AWS::AccountId}:delivery-source:*"
    alarms = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*"
    assert allowed == {
        "LogDeliveryWrites": (
            "delivery.logs.amazonaws.com",
            "s3:PutObject",
            {
                "StringEquals": OWN | {"s3:x-amz-acl": "bucket-owner-full-control"},
                "ArnLike": {"aws:SourceArn": {"Sub": deliveries}},
            },
        ),
        "BucketAnnounces": (
            "s3.amazonaws.com",
            "sqs:SendMessage",
            {"StringEquals": OWN, "ArnEquals": {"aws:SourceArn": LOGS}},
        ),
        "AlarmsPublish": (
            "cloudwatch.amazonaws.com",
            "sns:Publish",
            {"StringEquals": OWN, "ArnLike": {"aws:SourceArn": {"Sub": alarms}}},
        ),
    }


def test_denying_covers_all_of_bucket_and_queues(template: Any) -> None:
    """The bucket and what is in it; both queues; every action."""
    bucket = template["Resources"]["LogBucketPolicy"]["Properties"]["PolicyDocument"]
    queues = template["Resources"]["QueuePolicy"]["Properties"]
    (denied,) = [each for each in bucket["Statement"] if each["Effect"] == "Deny"]
    assert denied["Action"] == "s3:*"
    assert denied["Resource"] == [{"GetAtt": "LogBucket.Arn"}, {"Sub": "${LogBucket.Arn}/*"}]
    (denied,) = [
        each for each in queues["PolicyDocument"]["Statement"] if each.get("Effect") == "Deny"
    ]
    assert denied["Action"] == "sqs:*"
    both = ["IngestQueue", "DeadLetterQueue"]
    assert denied["Resource"] == [{"GetAtt": f"{name}.Arn"} for name in both]
    assert queues["Queues"] == [{"Ref": name} for name in both]


def test_an_existing_bucket_is_read_under_its_prefix_only(template: Any) -> None:
    """A rule announces its objects; the ingest may read them, and decrypt with the named key."""
    resources = template["Resources"]
    rule = resources["ExistingRule"]["Properties"]
    assert rule["EventPattern"] == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [{"Ref": "ExistingBucket"}]},
            "object": {"key": [{"prefix": {"Ref": "ExistingPrefix"}}]},
        },
    }
    (target,) = rule["Targets"]
    assert target["Arn"] == {"GetAtt": "IngestQueue.Arn"}
    assert target["DeadLetterConfig"] == {"Arn": {"GetAtt": "DeadLetterQueue.Arn"}}
    reading = resources["ExistingReading"]["Properties"]
    assert reading["Roles"] == [{"Ref": "IngestRole"}]
    read, decrypt = reading["PolicyDocument"]["Statement"]
    assert read["Action"] == ["s3:GetObject", "s3:GetObjectVersion"]
    place = "arn:${AWS::Partition}:s3:::${ExistingBucket}/${ExistingPrefix}*"
    assert read["Resource"] == {"Sub": place}
    audited = [each for name, each in statements(template) if name == "AuditRole"]
    (listing,) = [each for each in audited if each["Sid"] == "ListExistingLogs"]
    assert listing["Action"] == "s3:ListBucket"
    assert listing["Resource"] == {"Sub": "arn:${AWS::Partition}:s3:::${ExistingBucket}"}
    under = {"StringEquals": {"s3:prefix": {"Ref": "ExistingPrefix"}}}
    assert listing["Condition"] == {"If": ["ReadsPrefix", under, {"Ref": "AWS::NoValue"}]}
    condition, granted, otherwise = decrypt["If"]
    assert (condition, otherwise) == ("DecryptsExisting", {"Ref": "AWS::NoValue"})
    assert (granted["Action"], granted["Resource"]) == ("kms:Decrypt", {"Ref": "ExistingKey"})
    policy = resources["QueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    ((condition, announces, _),) = [each["If"] for each in policy if "If" in each]
    assert condition == "ReadsExisting"
    assert announces["Principal"] == {"Service": "events.amazonaws.com"}
    own = {"ArnEquals": {"aws:SourceArn": {"GetAtt": "ExistingRule.Arn"}}}
    assert announces["Condition"] == own


def test_only_the_bucket_may_invoke_the_ingest(template: Any) -> None:
    """Of this account, under the bucket's own name."""
    permission = template["Resources"]["IngestFromBucket"]["Properties"]
    assert permission["Principal"] == "s3.amazonaws.com"
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert permission["SourceArn"] == LOGS


def test_the_visibility_is_six_times_the_timeout_and_the_window(template: Any) -> None:
    """For every timeout and every batch window that one may choose."""
    parameters = template["Parameters"]
    assert template["Mappings"]["Visibility"] == {
        str(timeout): {
            str(window): 6 * timeout + window
            for window in parameters["BatchWindow"]["AllowedValues"]
        }
        for timeout in parameters["IngestTimeout"]["AllowedValues"]
    }
    queue = template["Resources"]["IngestQueue"]["Properties"]
    assert queue["VisibilityTimeout"] == {
        "FindInMap": ["Visibility", {"Ref": "IngestTimeout"}, {"Ref": "BatchWindow"}]
    }
    batches = template["Mappings"]["Concurrency"]
    assert {int(n): each["Batches"] for n, each in batches.items()} == {
        n: n for n in parameters["IngestConcurrency"]["AllowedValues"]
    }


def test_messages_are_kept_as_long_as_a_queue_can(template: Any) -> None:
    """Fourteen days, and then the dead letters another fourteen."""
    for queue in of_type(template, "AWS::SQS::Queue").values():
        assert queue["Properties"]["MessageRetentionPeriod"] == 14 * 86_400
        assert queue["Properties"]["SqsManagedSseEnabled"] is True


def test_dead_letters_can_be_redriven_whatever_the_trigger(template: Any) -> None:
    """They go to the queue whose dead letters they are, and the ingest always takes from it."""
    queue = template["Resources"]["IngestQueue"]["Properties"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"GetAtt": "DeadLetterQueue.Arn"}
    mapping = template["Resources"]["IngestFromQueue"]
    assert "Condition" not in mapping
    assert mapping["Properties"]["EventSourceArn"] == {"GetAtt": "IngestQueue.Arn"}
    assert mapping["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    failures = template["Resources"]["IngestFailures"]["Properties"]["DestinationConfig"]
    assert failures["OnFailure"]["Destination"] == {"GetAtt": "DeadLetterQueue.Arn"}


def test_what_is_made_only_sometimes(template: Any) -> None:
    """Each conditional resource under the condition that it is for."""
    conditional = {
        name: resource["Condition"]
        for name, resource in template["Resources"].items()
        if "Condition" in resource
    }
    audit = ["AuditFunction", "AuditLogs", "AuditRole"]
    audit += ["MissingObjectsAlarm", "LedgerGapAlarm", "AuditSilentAlarm"]
    assert conditional == dict.fromkeys(audit, "Audits") | {
        "IngestFailures": "DirectTrigger",
        "BatchOperationsRole": "TakesBatchOperations",
        "ApiLogs": "LogsAccess",
        "ApiLoggingRole": "SetsLoggingRole",
        "ApiLogging": "SetsLoggingRole",
        "AlarmSubscription": "TellsSomebody",
        "ExistingRule": "ReadsExisting",
        "ExistingReading": "ReadsExisting",
    }
    assert template["Conditions"] == {
        "QueueTrigger": {"Equals": [{"Ref": "Trigger"}, "queue"]},
        "DirectTrigger": {"Equals": [{"Ref": "Trigger"}, "direct"]},
        "Reserves": {"Not": [{"Equals": [{"Ref": "ReservedConcurrency"}, 0]}]},
        "TakesBatchOperations": {"Not": [{"Equals": [{"Ref": "BatchOperationsBucket"}, ""]}]},
        "Audits": {"Equals": [{"Ref": "Audit"}, "true"]},
        "TellsSomebody": {"Not": [{"Equals": [{"Ref": "AlarmEmail"}, ""]}]},
        "LogsAccess": {"Not": [{"Equals": [{"Ref": "ApiAccessLogs"}, "off"]}]},
        "SetsLoggingRole": {"Equals": [{"Ref": "ApiAccessLogs"}, "set-role"]},
        "AllowsOrigins": {"Not": [{"Equals": [{"Ref": "CorsOrigins"}, ""]}]},
        "ReadsHistory": {"Not": [{"Equals": [{"Ref": "HistoryBucket"}, ""]}]},
        "ReadsExisting": {"Not": [{"Equals": [{"Ref": "ExistingBucket"}, ""]}]},
        "ReadsPrefix": {"Not": [{"Equals": [{"Ref": "ExistingPrefix"}, ""]}]},
        "DecryptsExisting": {
            "And": [
                {"Condition": "ReadsExisting"},
                {"Not": [{"Equals": [{"Ref": "ExistingKey"}, ""]}]},
            ]
        },
    }
    events = template["Resources"]["LogBucket"]["Properties"]["NotificationConfiguration"]
    created = {"Event": "s3:ObjectCreated:*"}
    nothing = {"Ref": "AWS::NoValue"}
    queue = [created | {"Queue": {"GetAtt": "IngestQueue.Arn"}}]
    function = [created | {"Function": {"GetAtt": "IngestFunction.Arn"}}]
    assert events["QueueConfigurations"] == {"If": ["QueueTrigger", queue, nothing]}
    assert events["LambdaConfigurations"] == {"If": ["DirectTrigger", function, nothing]}


def test_somebody_is_told(template: Any) -> None:
    """Of dead letters, errors, delay, missing objects and gaps; and of an audit that is silent."""
    alarms = {name: each["Properties"] for name, each in of_type(template, ALARM).items()}
    told = {
        name: (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"], alarm["Threshold"])
        for name, alarm in alarms.items()
    }
    own = {"Ref": "AWS::StackName"}
    assert told == {
        "DeadLettersAlarm": ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", 0),
        "IngestErrorsAlarm": ("AWS/Lambda", "Errors", "Sum", 0),
        "OldestMessageAlarm": ("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", 7200),
        "MissingObjectsAlarm": (own, "missing_objects", "Maximum", 0),
        "LedgerGapAlarm": (own, "ledger_gap", "Maximum", 0),
        "AuditSilentAlarm": (own, "ledger_gap", "SampleCount", 1),
    }
    for name, alarm in alarms.items():
        silent = name == "AuditSilentAlarm"
        compared = "LessThanThreshold" if silent else "GreaterThanThreshold"
        assert alarm["ComparisonOperator"] == compared, name
        assert alarm["TreatMissingData"] == ("breaching" if silent else "notBreaching"), name
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Alarms"}], name
    (subscription,) = of_type(template, "AWS::SNS::Subscription").values()
    assert subscription["Properties"]["Endpoint"] == {"Ref": "AlarmEmail"}
    assert template["Globals"]["Function"]["Environment"]["Variables"][NAMESPACE] == own
    (event,) = template["Resources"]["AuditFunction"]["Properties"]["Events"].values()
    assert event["Properties"]["Schedule"] == "rate(1 hour)"


ALARM = "AWS::CloudWatch::Alarm"
NAMESPACE = "POWERTOOLS_METRICS_NAMESPACE"


def test_every_route_is_deployed_behind_the_authorizer(template: Any) -> None:
    """The gateway knows the routes that the code has, and a default authorizer for them; the page
    looks at its own cookie."""
    events = template["Resources"]["SummariesFunction"]["Properties"]["Events"].values()
    found = [each["Properties"] for each in events]
    greedy = {each["Method"]: each for each in found if each["Path"] == "/{proxy+}"}
    pages = [each for each in found if each["Path"] in (PAGE, LOGIN, LOGOUT, DATA)]
    routes = [each for each in found if each not in pages and each["Path"] != "/{proxy+}"]
    assert sorted(each["Path"] for each in routes) == sorted(ROUTES)
    assert {each["Method"] for each in routes} == {"get"}
    assert set(greedy) == {"get", "head", "post", "put", "patch", "delete", "options"}
    open_to_all = [each for each in found if "Auth" in each]
    assert open_to_all == [*pages, greedy["options"]]
    assert {(each["Method"], each["Path"]) for each in pages} == {
        *(("get", PAGE), ("head", PAGE), ("get", LOGIN), ("post", LOGIN), ("post", LOGOUT)),
        ("get", DATA),
    }
    api = template["Resources"]["Api"]["Properties"]
    assert api["Auth"]["DefaultAuthorizer"] in api["Auth"]["Authorizers"]
    refusal = api["GatewayResponses"]["UNAUTHORIZED"]
    assert refusal["StatusCode"] == 401
    assert refusal["ResponseParameters"]["Headers"]["WWW-Authenticate"].startswith("'Basic ")


def test_guesses_of_the_secret_are_few(template: Any) -> None:
    """The gateway lets through a few at once, and then two a second."""
    settings = template["Resources"]["Api"]["Properties"]["MethodSettings"]
    (login,) = [each for each in settings if each["HttpMethod"] == "POST"]
    assert login["ResourcePath"] == LOGIN.replace("/", "/~1")
    assert (login["ThrottlingRateLimit"], login["ThrottlingBurstLimit"]) == (2, 5)


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


PARAMETER = {
    "LOOKBACK_HOURS": "LookbackHours",
    "CACHE_TTL_SECONDS": "CacheSeconds",
    "CORS_ORIGINS": "CorsOrigins",
    "RETENTION_DAYS": "RetentionDays",
    "LEDGER_DAYS": "LedgerDays",
    "SHARDS": "Shards",
    "MAX_PATHS": "MaxPaths",
    "MAX_VALUES": "MaxValues",
    "REALTIME_FIELDS": "RealtimeFields",
    "PLAIN_FIELDS": "PlainFields",
    "SAMPLING": "Sampling",
    "SITE_PATTERN": "SitePattern",
    "SITE_BY": "SiteBy",
    "MAX_SITES": "MaxSites",
    "AUDIT_HOURS": "AuditHours",
    "EXISTING_BUCKET": "ExistingBucket",
    "EXISTING_PREFIX": "ExistingPrefix",
}
"""The parameter that a setting is made of."""
OWN_DEFAULTS = {"LedgerDays": 183}
"""On a laptop the ledger costs nothing, and old logs are what is counted there."""
ROWS = {"MAX_PATHS", "MAX_VALUES", "RETENTION_DAYS"}
FUNCTIONS = {
    "IngestFunction": {
        *ROWS,
        *("STORE", "SHARDS", "LEDGER_DAYS", "S3_ENDPOINT", "QUEUE_URL", "SQS_ENDPOINT"),
        *("REALTIME_FIELDS", "PLAIN_FIELDS", "SAMPLING", "SITE_PATTERN", "SITE_BY", "MAX_SITES"),
    },
    "SummariesFunction": {
        *ROWS,
        *("STORE", "LOOKBACK_HOURS", "CACHE_TTL_SECONDS", "CORS_ORIGINS"),
        *("QUEUE_URL", "DEAD_LETTER_QUEUE_URL", "SQS_ENDPOINT", "API_SECRET", "SECRETS_ENDPOINT"),
    },
    "AuditFunction": {
        *("STORE", "BUCKET", "AUDIT_HOURS", "S3_ENDPOINT"),
        *("EXISTING_BUCKET", "EXISTING_PREFIX"),
    },
    "AuthorizerFunction": {"API_SECRET", "SECRETS_ENDPOINT"},
}
"""The settings that a function is given."""


def test_every_function_is_given_its_settings(template: Any) -> None:
    """All that it needs and no other, each made of the parameter of its name."""
    known = {name.upper() for name in Settings.model_fields}
    for name, wanted in FUNCTIONS.items():
        environment = template["Resources"][name]["Properties"]["Environment"]["Variables"]
        variables = {each.removeprefix(PREFIX): value for each, value in environment.items()}
        assert variables.keys() == wanted, name
        assert wanted <= known
        for variable in wanted & PARAMETER.keys():
            assert variables[variable] == {"Ref": PARAMETER[variable]}, (name, variable)
    assert set(FUNCTIONS) == set(of_type(template, "AWS::Serverless::Function"))


def test_a_parameter_is_bounded_as_its_setting_is(template: Any) -> None:
    """CloudFormation refuses what the functions would refuse, and nothing that they take."""
    bounded = 0
    for setting, parameter in PARAMETER.items():
        field = Settings.model_fields[setting.lower()]
        least = [each.ge for each in field.metadata if hasattr(each, "ge")]
        most = [each.le for each in field.metadata if hasattr(each, "le")]
        declared = template["Parameters"][parameter]
        assert [declared[key] for key in ("MinValue",) if key in declared] == least, parameter
        assert [declared[key] for key in ("MaxValue",) if key in declared] == most, parameter
        if least:
            assert declared["Default"] == OWN_DEFAULTS.get(parameter, field.default), parameter
            bounded += 1
    assert bounded == 9


def test_every_parameter_is_used(template: Any) -> None:
    """And every mapping, somewhere in the template."""
    text = json.dumps(template)
    for name in template["Parameters"]:
        assert f'{{"Ref": "{name}"}}' in text or f"${{{name}}}" in text, name
    for name in template["Mappings"]:
        assert f'"FindInMap": ["{name}"' in text, name


def test_data_at_rest_is_kept_and_protected(template: Any) -> None:
    """Bucket and table survive the stack; the table can be restored, the bucket is private."""
    bucket, table = template["Resources"]["LogBucket"], template["Resources"]["Table"]
    for resource in (bucket, table):
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resource["UpdateReplacePolicy"] == "Retain"
    assert bucket["Properties"]["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    properties = table["Properties"]
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert "SSESpecification" not in properties  # AWS's own key encrypts it, and costs nothing
    assert properties["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    assert template["Parameters"]["DeletionProtection"]["Default"] == "true"


def test_the_tables_keys_and_index_are_those_of_the_code(template: Any) -> None:
    """The tests' tables are made alike, so that they prove something of the deployed one."""
    declared = template["Resources"]["Table"]["Properties"]
    for name, value in dynamodb_local.KEYS.items():
        assert declared[name] == value, name
    (index,) = declared["GlobalSecondaryIndexes"]
    assert index["IndexName"] == BY_HOUR


def test_a_retired_secret_opens_nothing_for_long(template: Any) -> None:
    """The gateway asks the authorizer again after five minutes, as the documents say."""
    authorizer = template["Resources"]["Api"]["Properties"]["Auth"]["Authorizers"]["Secret"]
    assert authorizer["Identity"] == {"Header": "Authorization", "ReauthorizeEvery": 300}


def leading_keys(template: Any, role: str) -> dict[str, list[str]]:
    """The partition keys of the table that a role may use, by action."""
    keys = {}
    for statement in [each for name, each in statements(template) if name == role]:
        for action in listed(statement["Action"]):
            if action.startswith("dynamodb:") and statement["Resource"] == {"GetAtt": "Table.Arn"}:
                condition = statement["Condition"]
                # ForAllValues is true of a request that names no key at all.
                assert condition["Null"] == {"dynamodb:LeadingKeys": "false"}
                keys[action] = condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    return keys


def test_the_audit_reads_everything_but_secrets(template: Any) -> None:
    """And writes only what it found, for the health."""
    allowed = leading_keys(template, "AuditRole")
    assert allowed.pop("dynamodb:PutItem") == [cache_key(AUDITED)["pk"]["S"]]
    assert allowed.keys() == {"dynamodb:BatchGetItem", "dynamodb:Query"}
    needed = [
        ledger_key(ObjectRef("b", "k")),
        state_key(),
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
    needed.append(state_key())
    for action in ("dynamodb:GetItem", "dynamodb:Query"):
        matches = [
            any(fnmatch(key["pk"]["S"], pattern) for pattern in allowed[action])
            for key in [*keys, *needed]
        ]
        assert matches == [False, False, True, True, True, True]
    assert allowed["dynamodb:PutItem"] == allowed["dynamodb:UpdateItem"] == ["cache#*"]


def test_logs_of_the_api_are_off_and_hold_no_client_address(template: Any) -> None:
    """A deployment changes no setting of the account by itself, and no client IP is at rest."""
    parameter = template["Parameters"]["ApiAccessLogs"]
    assert parameter["AllowedValues"] == ["off", "existing-role", "set-role"]
    assert parameter["Default"] == "off"
    setting = template["Resources"]["Api"]["Properties"]["AccessLogSetting"]
    condition, logs, otherwise = setting["If"]
    assert (condition, otherwise) == ("LogsAccess", {"Ref": "AWS::NoValue"})
    assert "sourceIp" not in logs["Format"]


def test_a_page_of_an_allowed_origin_may_read_a_refusal(template: Any) -> None:
    """The gateway's own answers say so where origins are allowed."""
    responses = template["Resources"]["Api"]["Properties"]["GatewayResponses"]
    for name, response in responses.items():
        headers = response["ResponseParameters"]["Headers"]
        allowed = {"If": ["AllowsOrigins", "'*'", {"Ref": "AWS::NoValue"}]}
        assert headers["Access-Control-Allow-Origin"] == allowed, name
