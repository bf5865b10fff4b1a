"""Calls of AWS's APIs by botocore: all of them go through one method, which wraps their errors."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from pipeline.delivery.port import CloudConflict, CloudError
from pipeline.remedies import next_step

GLOBAL = "us-east-1"
"""The region of CloudFront and of its log deliveries, whatever the bucket's region is."""

_GLOBALS = frozenset({"logs", "cloudfront"})
_CONFLICTS = frozenset({"ConflictException", "OperationAborted"})
_RIGHTS = {
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:ListObjectsV2": "s3:ListBucket",
}
"""The rights of operations that have another name than theirs."""


class Calls:
    """The clients of an account, seen from a region."""

    def __init__(self, make_client: Callable[[str, str], Any], region: str) -> None:
        """`make_client` makes the client of a service in a region."""
        self.client = cache(make_client)
        self.region = region

    def call(self, api: str, operation: str, /, **parameters: Any) -> Any:
        """Call an operation in the stack's region, or where its service lives.

        Raises CloudConflict, CloudError.
        """
        method = getattr(self._client(api), operation)
        return _wrapped(api, operation, lambda: method(**parameters))

    def globally(self, api: str, operation: str, /, **parameters: Any) -> Any:
        """Call an operation in the region of CloudFront. Raises CloudConflict, CloudError."""
        method = getattr(self.client(api, GLOBAL), operation)
        return _wrapped(api, operation, lambda: method(**parameters))

    def pages(self, api: str, operation: str, /, **parameters: Any) -> Iterator[Mapping[str, Any]]:
        """Call an operation for every page of its answer. Raises CloudError."""
        pages = iter(self._client(api).get_paginator(operation).paginate(**parameters))
        while (page := _wrapped(api, operation, lambda: next(pages, None))) is not None:
            yield page

    def _client(self, api: str) -> Any:
        return self.client(api, GLOBAL if api in _GLOBALS else self.region)


def _wrapped(api: str, operation: str, call: Callable[[], Any]) -> Any:
    # Imported where it is used: most commands need no AWS.
    from botocore.exceptions import BotoCoreError, ClientError

    name = f"{api}:{''.join(part.title() for part in operation.split('_'))}"
    name = _RIGHTS.get(name, name)
    try:
        return call()
    except ClientError as error:
        code, reason = error.response["Error"]["Code"], error.response["Error"]["Message"]
        kind = CloudConflict if code in _CONFLICTS else CloudError
        raise kind(name, code, reason + next_step(error)) from error
    except BotoCoreError as error:
        raise CloudError(name, type(error).__name__, f"{error}{next_step(error)}") from error
