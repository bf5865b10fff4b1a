"""The requests to the table, with botocore's errors as ours."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.deadline import NEVER, Deadline
from pipeline.errors import CommitRefused, StoreError
from pipeline.remedies import next_step
from pipeline.store.dynamodb.backoff import attempts
from pipeline.store.dynamodb.items import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

CONDITION_FAILED = "ConditionalCheckFailed"
ACCEPTED = "None"
"""The reason DynamoDB gives for an action that was not what cancelled its transaction."""

BY_HOUR = "by-hour"
"""The index that lists the ledger by the hour in which a row was written (`at_hour`)."""

_BATCH_GET = 100
_BATCH_WRITE = 25
_WORTH_RETRYING = {
    ACCEPTED,
    CONDITION_FAILED,
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
}


class Table:
    """One table. Every error of the backend is a StoreError that says what was being done."""

    def __init__(self, client: "DynamoDBClient", name: str, timeout: float) -> None:
        self._client = client
        self.name = name
        self.timeout = timeout

    def attempts(self, deadline: Deadline) -> Iterator[int]:
        """Attempts at an operation until the deadline, or until the table's timeout."""
        return attempts(deadline.within(self.timeout))

    def get(self, keys: Sequence[Item], deadline: Deadline = NEVER) -> Iterator[Item]:
        """The items of these keys that exist, read consistently, in no particular order."""
        for start in range(0, len(keys), _BATCH_GET):
            wanted = list(keys[start : start + _BATCH_GET])
            for _ in self.attempts(deadline):
                with self._errors("reading"):
                    answer = self._client.batch_get_item(
                        RequestItems={self.name: {"Keys": wanted, "ConsistentRead": True}}
                    )
                yield from answer["Responses"].get(self.name, [])
                left = answer["UnprocessedKeys"].get(self.name)
                wanted = list(left["Keys"]) if left else []
                if not wanted:
                    break
            else:
                raise StoreError(f"table {self.name} is throttled and leaves reads undone")

    def get_one(self, key: Item, *, consistent: bool = False) -> Item | None:
        """The item of a key, read eventually consistently if nothing else is asked for."""
        with self._errors("reading"):
            answer = self._client.get_item(TableName=self.name, Key=key, ConsistentRead=consistent)
            return answer.get("Item")

    def query(
        self,
        condition: str,
        values: Mapping[str, Any],
        *,
        index: str | None = None,
        consistent: bool = False,
        only: Sequence[str] = (),
    ) -> Iterator[Item]:
        """The items that a key condition selects, or `only` some attributes of them; read
        eventually consistently if nothing else is asked for."""
        attributes: dict[str, Any] = {}
        if only:
            attributes["ProjectionExpression"] = ", ".join(f"#{name}" for name in only)
            attributes["ExpressionAttributeNames"] = {f"#{name}": name for name in only}
        return self._paged(
            "query",
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            **({"IndexName": index} if index else {"ConsistentRead": consistent}),
            **attributes,
        )

    def scan(self, condition: str, values: Mapping[str, Any]) -> Iterator[Item]:
        """The items of the whole table for which a condition holds, read consistently."""
        return self._paged(
            "scan",
            FilterExpression=condition,
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )

    def _paged(self, operation: Any, **request: Any) -> Iterator[Item]:
        pages = self._client.get_paginator(operation).paginate(TableName=self.name, **request)
        with self._errors("reading"):
            for page in pages:
                yield from page["Items"]

    def write_all(self, puts: Iterable[Item] = (), deletes: Iterable[Item] = ()) -> None:
        """Put items and delete keys, each by itself, many in a request."""
        waiting: list[Any] = [{"PutRequest": {"Item": item}} for item in puts]
        waiting += [{"DeleteRequest": {"Key": key}} for key in deletes]
        for start in range(0, len(waiting), _BATCH_WRITE):
            left = waiting[start : start + _BATCH_WRITE]
            for _ in self.attempts(NEVER):
                with self._errors("writing"):
                    answer = self._client.batch_write_item(RequestItems={self.name: left})
                left = list(answer["UnprocessedItems"].get(self.name, []))
                if not left:
                    break
            else:
                raise StoreError(f"table {self.name} is throttled and leaves writes undone")

    def put(self, item: Item) -> None:
        """Write an item, whatever was there."""
        with self._errors("writing"):
            self._client.put_item(TableName=self.name, Item=item)

    def update(self, deadline: Deadline = NEVER, **request: Any) -> bool:
        """An UpdateItem request; whether its condition held. One that meets a transaction is
        tried again."""
        return self.update_returning(deadline, **request)[0]

    def update_returning(
        self, deadline: Deadline = NEVER, **request: Any
    ) -> tuple[bool, Item | None]:
        """An UpdateItem request; whether its condition held, and the item as it was before."""
        for _ in self.attempts(deadline):
            try:
                with self._errors("writing"):
                    answer = self._client.update_item(
                        TableName=self.name,
                        ReturnValues="ALL_OLD",
                        ReturnValuesOnConditionCheckFailure="ALL_OLD",
                        **request,
                    )
            except _ConditionFailed as failed:
                return False, failed.item
            except _InTransaction:
                continue
            return True, answer.get("Attributes")
        raise StoreError(f"an item of table {self.name} is kept busy by commits; try again")

    def transact(self, actions: "Sequence[TransactWriteItemTypeDef]") -> list[str] | None:
        """None when the transaction was done, else the reason of each action's refusal.

        The client adds a request token and repeats it when it retries, so a lost answer is not
        a second commit. Raises CommitRefused for reasons that trying again cannot mend.
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
        """
        try:
            with self._errors("committing"):
                self._client.transact_write_items(TransactItems=actions)
        except _Cancelled as cancelled:
            unexpected = set(cancelled.codes) - _WORTH_RETRYING
            if unexpected or len(cancelled.codes) != len(actions):
                raise CommitRefused(
                    f"table {self.name} refused a commit: {', '.join(sorted(unexpected))}"
                ) from cancelled
            return cancelled.codes
        return None

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalCheckFailedException":
                raise _ConditionFailed(_item_of(error)) from error
            if code == "TransactionConflictException":
                raise _InTransaction from error
            if code == "TransactionCanceledException":
                reasons = error.response.get("CancellationReasons", [])
                raise _Cancelled([reason.get("Code", ACCEPTED) for reason in reasons]) from error
            kind = CommitRefused if code == "ValidationException" else StoreError
            raise kind(f"{doing} in table {self.name}: {error}{next_step(error)}") from error
        except BotoCoreError as error:
            raise StoreError(f"{doing} in table {self.name}: {error}{next_step(error)}") from error


class _ConditionFailed(Exception):
    """The condition of a single write did not hold for the `item` that is there."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("condition failed")
        self.item = item


def _item_of(error: ClientError) -> Item | None:
    """The item that a refused write returns."""
    item: Item | None = error.response.get("Item")  # type: ignore[assignment]
    return item


class _InTransaction(Exception):
    """A single write met a transaction on the same item."""


class _Cancelled(Exception):
    """A transaction was cancelled; `codes` has the reason of each action."""

    def __init__(self, codes: list[str]) -> None:
        super().__init__(", ".join(codes))
        self.codes = codes
