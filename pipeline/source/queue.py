"""The queue of announced log objects."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.errors import QueueError
from pipeline.objects import ObjectRef
from pipeline.remedies import next_step
from pipeline.source.port import Depth

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

BATCH = 10
"""Messages in one request (a limit of SQS)."""
_TRIES = 5


class Queue:
    """An SQS queue. An object is announced as S3 announces it, by a message of its own."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, refs: Sequence[ObjectRef]) -> None:
        """Announce objects. Raises QueueError; some may have been announced then."""
        for start in range(0, len(refs), BATCH):
            self._send(refs[start : start + BATCH])

    def _send(self, refs: Sequence[ObjectRef]) -> None:
        left = {str(place): announcement(ref) for place, ref in enumerate(refs)}
        for _ in range(_TRIES):
            with self._errors():
                answer = self._client.send_message_batch(
                    QueueUrl=self._url,
                    Entries=[{"Id": name, "MessageBody": body} for name, body in left.items()],
                )
            failed = answer.get("Failed", [])
            if not failed:
                return
            left = {entry["Id"]: left[entry["Id"]] for entry in failed}
        raise QueueError(self._url, f"{len(left)} messages were refused: {failed[0]['Code']}")

    def delete(self, receipts: Sequence[str]) -> None:
        """Delete messages by the receipts of their delivery. Raises QueueError; a message that is
        not deleted is delivered again."""
        for start in range(0, len(receipts), BATCH):
            batch = receipts[start : start + BATCH]
            with self._errors():
                self._client.delete_message_batch(
                    QueueUrl=self._url,
                    Entries=[
                        {"Id": str(place), "ReceiptHandle": receipt}
                        for place, receipt in enumerate(batch)
                    ],
                )

    def depth(self) -> Depth:
        """The approximate numbers of its messages. Raises QueueError."""
        with self._errors():
            attributes = self._client.get_queue_attributes(
                QueueUrl=self._url,
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesNotVisible",
                ],
            )["Attributes"]
        return Depth(
            int(attributes["ApproximateNumberOfMessages"]),
            int(attributes["ApproximateNumberOfMessagesNotVisible"]),
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError) as error:
            raise QueueError(self._url, f"{error}{next_step(error)}") from error


def announcement(ref: ObjectRef) -> str:
    """The event that S3 sends for a new object.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html"""
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": ref.bucket},
            "object": {
                "key": quote_plus(ref.key),
                "size": ref.size,
                "eTag": ref.etag,
                "versionId": ref.version_id,
                "sequencer": ref.sequencer,
            },
        },
    }
    return json.dumps({"Records": [record]})
