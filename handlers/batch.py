"""S3 Batch Operations: tasks → outcomes → a result per task, by which a manifest of any length is
counted with AWS's own engine.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from handlers.events import Unreadable, converted, object_ref, unquoted
from pipeline.errors import ObjectGone, ObjectRefused, StoreError
from pipeline.ingest.ingest import Outcome
from pipeline.objects import ObjectRef

SCHEMA = "invocationSchemaVersion"

_LONGEST_RESULT = 1000


class _Task(msgspec.Struct):
    key: str = msgspec.field(name="s3Key")
    bucket: str | None = msgspec.field(name="s3Bucket", default=None)
    bucket_arn: str | None = msgspec.field(name="s3BucketArn", default=None)
    version_id: str | None = msgspec.field(name="s3VersionId", default=None)


def is_batch(event: Any) -> bool:
    """Whether an event comes from S3 Batch Operations."""
    return isinstance(event, Mapping) and SCHEMA in event


def batch_refs(event: Mapping[str, Any]) -> list[ObjectRef | str]:
    """The object of each task, in their order; or what is wrong with the task."""
    return [_ref(task) for task in event["tasks"]]


def _ref(task: Any) -> ObjectRef | str:
    try:
        named = converted(task, _Task)
        # Schema 1.0 names the bucket by its ARN, 2.0 by its name; the key is URL-encoded in both.
        bucket = named.bucket or (named.bucket_arn or "").rpartition(":")[2]
        return object_ref(bucket, unquoted(named.key), version_id=named.version_id or "")
    except (Unreadable, msgspec.ValidationError) as error:
        return f"the task names no object: {error}"


def batch_answer(event: Mapping[str, Any], results: list[Outcome | str]) -> dict[str, Any]:
    """The answer to an event, given what became of each of its tasks."""
    return {
        SCHEMA: event[SCHEMA],
        "treatMissingKeysAs": "TemporaryFailure",
        "invocationId": event["invocationId"],
        "results": [
            {"taskId": task["taskId"], "resultCode": code, "resultString": text[:_LONGEST_RESULT]}
            for task, (code, text) in zip(event["tasks"], map(_result, results), strict=True)
        ],
    }


def _result(result: Outcome | str) -> tuple[str, str]:
    """The code of a task, and the figures or the reason."""
    if isinstance(result, str):
        return "PermanentFailure", result
    match result.state:
        case "committed":
            rejected = sum(result.rejected.values())
            return "Succeeded", f"{result.records} records, {rejected} lines rejected"
        case "expired":
            return "Succeeded", "all its hours are past the retention: nothing of it is shown"
        case "duplicate":
            return "Succeeded", "was counted before"
        case "conflict":
            return "PermanentFailure", result.reason
        case "postponed":
            return "TemporaryFailure", result.reason
        case "failed":
            return _failure(result.error), result.reason


def _failure(error: Exception | None) -> str:
    """Whether it is worth trying again: not for what another try cannot mend."""
    if isinstance(error, StoreError):
        return "TemporaryFailure"
    hopeless = isinstance(error, ObjectRefused | ObjectGone)
    return "PermanentFailure" if hopeless else "TemporaryFailure"
