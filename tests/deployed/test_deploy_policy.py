"""The rights of the person who deploys, as docs/deploy/policy.json gives them."""

import json
from typing import Any

from tests.deployed.test_transformed import transformed
from tests.support.template import ROOT

__all__ = ["transformed"]  # the fixture

RIGHTS = {
    "AWS::ApiGateway::Account": "apigateway: GET PATCH",
    "AWS::ApiGateway::Deployment": "apigateway: DELETE GET POST",
    "AWS::ApiGateway::RestApi": "apigateway: DELETE GET PATCH POST PUT",
    "AWS::ApiGateway::Stage": "apigateway: DELETE GET PATCH POST PUT",
    "AWS::CloudWatch::Alarm": (
        "cloudwatch: DeleteAlarms DescribeAlarms ListTagsForResource PutMetricAlarm TagResource"
    ),
    "AWS::DynamoDB::Table": (
        "dynamodb: CreateTable DeleteTable DescribeContinuousBackups DescribeTable "
        "DescribeTimeToLive ListTagsOfResource TagResource UpdateContinuousBackups "
        "UpdateTable UpdateTimeToLive"
    ),
    "AWS::Events::Rule": (
        "events: DeleteRule DescribeRule ListTargetsByRule PutRule PutTargets "
        "RemoveTargets TagResource"
    ),
    "AWS::IAM::Policy": "iam: DeleteRolePolicy GetRolePolicy PutRolePolicy",
    "AWS::IAM::Role": (
        "iam: AttachRolePolicy CreateRole DeleteRole DeleteRolePolicy DetachRolePolicy "
        "GetRole GetRolePolicy ListAttachedRolePolicies ListRolePolicies PassRole "
        "PutRolePolicy TagRole UpdateAssumeRolePolicy"
    ),
    "AWS::Lambda::EventInvokeConfig": (
        "lambda: DeleteFunctionEventInvokeConfig GetFunctionEventInvokeConfig "
        "PutFunctionEventInvokeConfig"
    ),
    "AWS::Lambda::EventSourceMapping": (
        "lambda: CreateEventSourceMapping DeleteEventSourceMapping GetEventSourceMapping "
        "UpdateEventSourceMapping"
    ),
    "AWS::Lambda::Function": (
        "lambda: CreateFunction DeleteFunction DeleteFunctionConcurrency GetFunction "
        "GetFunctionConfiguration ListTags PutFunctionConcurrency TagResource "
        "UpdateFunctionCode UpdateFunctionConfiguration"
    ),
    "AWS::Lambda::Permission": "lambda: AddPermission GetPolicy RemovePermission",
    "AWS::Logs::LogGroup": (
        "logs: CreateLogGroup DeleteLogGroup DescribeLogGroups ListTagsForResource "
        "PutRetentionPolicy TagResource"
    ),
    "AWS::S3::Bucket": (
        "s3: CreateBucket DeleteBucket GetBucketNotification GetBucketOwnershipControls "
        "GetBucketPublicAccessBlock GetEncryptionConfiguration GetLifecycleConfiguration "
        "PutBucketNotification PutBucketOwnershipControls PutBucketPublicAccessBlock "
        "PutBucketTagging PutEncryptionConfiguration PutLifecycleConfiguration"
    ),
    "AWS::S3::BucketPolicy": "s3: DeleteBucketPolicy GetBucketPolicy PutBucketPolicy",
    "AWS::SNS::Subscription": (
        "sns: GetSubscriptionAttributes ListSubscriptionsByTopic Subscribe Unsubscribe"
    ),
    "AWS::SNS::Topic": (
        "sns: CreateTopic DeleteTopic GetTopicAttributes ListTagsForResource "
        "SetTopicAttributes TagResource"
    ),
    "AWS::SNS::TopicPolicy": "sns: GetTopicAttributes SetTopicAttributes",
    "AWS::SQS::Queue": (
        "sqs: CreateQueue DeleteQueue GetQueueAttributes ListQueueTags SetQueueAttributes TagQueue"
    ),
    "AWS::SQS::QueuePolicy": "sqs: GetQueueAttributes SetQueueAttributes",
    "AWS::SecretsManager::Secret": (
        "secretsmanager: CreateSecret DeleteSecret DescribeSecret GetRandomPassword "
        "GetSecretValue TagResource UpdateSecret"
    ),
}
"""The rights that making, changing and deleting a resource takes, as its schema in CloudFormation's
registry lists them: https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""
OF_SAM = {"DeployStacks", "KeepPackages"}
"""The statements for CloudFormation itself and for the bucket of the packages."""


def test_the_policy_in_the_docs_is_what_a_deployment_needs(transformed: Any) -> None:
    """Every resource of the template can be made and deleted, and the policy gives nothing else."""
    document = json.loads((ROOT / "docs" / "deploy" / "policy.json").read_text())
    assert {each["Type"] for each in transformed.values()} == RIGHTS.keys()
    needed = set()
    for words in RIGHTS.values():
        service, _, operations = words.partition(": ")
        needed |= {f"{service}:{each}" for each in operations.split()}
    granted = {
        action
        for each in document["Statement"]
        if each["Sid"] not in OF_SAM
        for action in each["Action"]
    }
    of_sam = {"cloudformation:GetTemplateSummary", "cloudformation:ValidateTemplate"}
    assert granted - of_sam == needed


def test_the_policy_makes_roles_of_the_stack_only() -> None:
    """Whoever may make any role may do anything."""
    document = json.loads((ROOT / "docs" / "deploy" / "policy.json").read_text())
    for statement in document["Statement"]:
        if any(action.startswith("iam:") for action in statement["Action"]):
            assert statement["Resource"] == ["arn:aws:iam::ACCOUNT:role/STACK-*"]
        assert "*" not in statement["Resource"] or statement["Sid"] == "HasNoNarrowerResource"
