"""Log objects in S3."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.core.errors import ObjectUnavailable
from pipeline.core.objects import ObjectRef
from pipeline.ports import Content

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_CHUNK = 1 << 20

_REASONS = {
    "NoSuchKey": "it is gone from the bucket",
    "NoSuchVersion": "that version is gone from the bucket",
    "NoSuchBucket": "the bucket does not exist",
    "PreconditionFailed": "it was overwritten since the event; the event of the new version counts",
    "AccessDenied": "S3 denies access: it is gone, or the role lacks s3:GetObject",
}


class S3Source:
    """Reads objects from S3, exactly the version (or else the etag) that was announced."""

    def __init__(self, client: "S3Client") -> None:
        self._client = client

    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[Content]:
        """See `Source.open`."""
        with _errors():
            answer = self._client.get_object(Bucket=ref.bucket, Key=ref.key, **_exactly(ref))
            body = answer["Body"]
            try:
                opened = replace(ref, etag=answer["ETag"].strip('"'), size=answer["ContentLength"])
                yield Content(opened, answer["LastModified"], body.iter_chunks(_CHUNK))
            finally:
                body.close()

    def list(self, bucket: str, prefix: str) -> Iterator[ObjectRef]:
        """Every object under a prefix, as it is now. Raises ObjectUnavailable."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        with _errors():
            for page in pages:
                for found in page.get("Contents", []):
                    if not found["Key"].endswith("/"):  # the console's folder markers
                        yield ObjectRef(
                            bucket, found["Key"], found["ETag"].strip('"'), size=found["Size"]
                        )


def _exactly(ref: ObjectRef) -> dict[str, Any]:
    if ref.version_id:
        return {"VersionId": ref.version_id}
    return {"IfMatch": f'"{ref.etag}"'} if ref.etag else {}


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise ObjectUnavailable(_REASONS.get(code, f"S3 refused it: {error}")) from error
    except BotoCoreError as error:
        raise ObjectUnavailable(f"reading it from S3 failed: {error}") from error
