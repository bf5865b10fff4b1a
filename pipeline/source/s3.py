"""Log objects in S3."""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from typing_extensions import override

from pipeline.errors import ObjectGone, ObjectUnavailable
from pipeline.hours import ALWAYS, Window
from pipeline.objects import ObjectRef
from pipeline.remedies import next_step
from pipeline.source.key_dates import is_of, skipped_to
from pipeline.source.port import Content, Listed, Source

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3.client import S3Client

_CHUNK = 1 << 20
_RESUMES = 4
"""Breaks of a connection without a byte in between, after which an object is given up."""
_BROKEN = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)

_GONE = {
    "NoSuchKey": "it is gone from the bucket",
    "NoSuchVersion": "that version is gone from the bucket",
    "NoSuchBucket": "the bucket does not exist",
    "PreconditionFailed": "it was overwritten since the event; the event of the new version counts",
}


class S3Source(Source):
    """A source of objects in S3. It reads the announced version, or else the announced etag."""

    def __init__(self, client: "S3Client") -> None:
        self._client = client

    @override
    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[Content]:
        with _errors():
            answer = self._client.get_object(Bucket=ref.bucket, Key=ref.key, **_exactly(ref))
        opened = replace(ref, etag=answer["ETag"].strip('"'), size=answer["ContentLength"])
        body = answer["Body"]  # closed here too: chunks that nobody asked for close nothing
        with closing(body), closing(self._chunks(opened, body)) as chunks:
            yield Content(opened, answer["LastModified"], chunks)

    def _chunks(self, ref: ObjectRef, body: "StreamingBody") -> Generator[bytes]:
        """The object's bytes. A broken connection is resumed behind the last byte that arrived."""
        done = breaks = 0
        while done < ref.size:
            with closing(body):
                try:
                    while chunk := body.read(_CHUNK):  # the last, empty one checks the whole
                        done += len(chunk)
                        breaks = 0
                        yield chunk
                except _BROKEN as error:
                    breaks += 1
                    if breaks > _RESUMES:
                        raise ObjectUnavailable(f"reading it from S3 failed: {error}") from error
            if done < ref.size:
                body = self._resumed(ref, done)

    def _resumed(self, ref: ObjectRef, done: int) -> "StreamingBody":
        """The rest of the same version. Raises ObjectUnavailable if S3 sends another part."""
        with _errors():
            answer = self._client.get_object(
                Bucket=ref.bucket, Key=ref.key, Range=f"bytes={done}-", **_exactly(ref)
            )
        if not answer.get("ContentRange", "").startswith(f"bytes {done}-"):
            answer["Body"].close()
            raise ObjectUnavailable("the connection to S3 broke, and S3 did not resume it")
        return answer["Body"]

    def put(self, ref: ObjectRef, body: bytes, media_type: str, replaces: bool) -> None:
        """Write an object; an earlier one of its name is left as it is, unless this `replaces` it.
        Raises ObjectUnavailable."""
        unless: dict[str, Any] = {} if replaces else {"IfNoneMatch": "*"}
        try:
            with _errors("s3:PutObject", "writing it to S3"):
                self._client.put_object(
                    Bucket=ref.bucket, Key=ref.key, Body=body, ContentType=media_type, **unless
                )
        except ObjectGone as error:
            there = "it is there already; --force replaces it"
            is_there = not replaces and error.reason == _GONE["PreconditionFailed"]
            raise ObjectUnavailable(there if is_there else error.reason) from error

    def list(
        self, bucket: str, prefix: str, window: Window = ALWAYS, after: str = ""
    ) -> Iterator[Listed]:
        """The objects of a window under a prefix, in the order of their keys, from behind `after`.

        The date in a key decides, or else the time of modification. Keys that are dated out of
        the window are skipped without being listed, where their order allows it. Raises
        ObjectUnavailable.
        """
        while True:
            with _errors():
                page = self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, StartAfter=after)
            for item in page.get("Contents", []):
                key, modified = item["Key"], item["LastModified"]
                # A key that ends with a slash is a folder that was made in the console.
                if not key.endswith("/") and is_of(key, modified, window):
                    ref = ObjectRef(bucket, key, item["ETag"].strip('"'), size=item["Size"])
                    yield Listed(ref, modified)
            if not page["IsTruncated"]:
                return
            after = skipped_to(page["Contents"][-1]["Key"], window)


def _exactly(ref: ObjectRef) -> dict[str, Any]:
    if ref.version_id:
        return {"VersionId": ref.version_id}
    return {"IfMatch": f'"{ref.etag}"'} if ref.etag else {}


@contextmanager
def _errors(right: str = "s3:GetObject", doing: str = "reading it from S3") -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _GONE:
            raise ObjectGone(_GONE[code]) from error
        if code == "AccessDenied":
            raise ObjectUnavailable(
                f"S3 denies access: it is gone, or the role lacks {right}"
            ) from error
        raise ObjectUnavailable(f"S3 refused it: {error}{next_step(error)}") from error
    except BotoCoreError as error:
        raise ObjectUnavailable(f"{doing} failed: {error}{next_step(error)}") from error
