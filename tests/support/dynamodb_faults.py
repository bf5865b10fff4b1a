"""Faults between the real DynamoDB client and the real server, at the HTTP layer."""

import json
import threading
from collections import deque
from collections.abc import Callable
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session

Fault = Callable[[Any], "AWSResponse | None"]
"""Sees a request before it is sent. It may raise, answer in the server's place, or let it pass."""


class Crash(BaseException):
    """The process dies here: nothing that follows is done, and nobody hears of it."""


class Faults:
    """Faults that are played one after the other on the transactions of a client, or on its other
    requests of one kind; those that are not used up are dropped by `clear`."""

    def __init__(self, client: Any, operation: str = "TransactWriteItems") -> None:
        self._planned: deque[Fault] = deque()
        self._lock = threading.Lock()
        client.meta.events.register(f"before-send.dynamodb.{operation}", self._on_request)

    def plan(self, *faults: Fault) -> None:
        """Play these on the next transactions."""
        with self._lock:
            self._planned.extend(faults)

    def clear(self) -> None:
        """Play no more."""
        with self._lock:
            self._planned.clear()

    def _on_request(self, request: Any, **_: Any) -> "AWSResponse | None":
        with self._lock:
            fault = self._planned.popleft() if self._planned else passes
        return fault(request)


def passes(request: Any) -> None:
    """Nothing happens."""


def crash_before(request: Any) -> None:
    """The process dies before the request is sent."""
    raise Crash


def crash_after(request: Any) -> None:
    """The server does it, and the process dies before it hears so."""
    _send(request)
    raise Crash


def lost_answer(request: Any) -> None:
    """The server does it, and the answer is lost; the client tries again with the same token."""
    _send(request)
    raise ReadTimeoutError(endpoint_url=request.url)


def throttled(request: Any) -> AWSResponse:
    """The table has no capacity."""
    return _answer(request, 400, {"__type": f"{_PREFIX}ThrottlingException", "message": "slow"})


def broken(request: Any) -> AWSResponse:
    """The service has a bad moment."""
    return _answer(request, 500, {"__type": f"{_PREFIX}InternalServerError", "message": "oops"})


def cancelled(code: str) -> Fault:
    """The transaction is cancelled for the last of its items, for a reason of DynamoDB's."""

    def fault(request: Any) -> AWSResponse:
        reasons = [{"Code": "None"} for _ in json.loads(request.body)["TransactItems"]]
        reasons[-1] = {"Code": code}
        kind = f"{_PREFIX}TransactionCanceledException"
        document = {"__type": kind, "Message": "cancelled", "CancellationReasons": reasons}
        return _answer(request, 400, document)

    return fault


def busy(request: Any) -> AWSResponse:
    """A transaction is at work on the item of a single write."""
    kind = f"{_PREFIX}TransactionConflictException"
    return _answer(request, 400, {"__type": kind, "message": "Transaction is ongoing for the item"})


def meanwhile(work: Callable[[], object]) -> Fault:
    """Somebody else does something just before the request arrives."""

    def fault(request: Any) -> None:
        work()

    return fault


conflict = cancelled("TransactionConflict")
"""Another transaction is at work on the last of the items."""

_PREFIX = "com.amazonaws.dynamodb.v20120810#"


class _Raw(BytesIO):
    """A body as urllib3 would give it."""

    def stream(self, **_: Any) -> Any:
        """The body in one piece."""
        yield self.read()


def _answer(request: Any, status: int, document: Any) -> AWSResponse:
    headers: Any = {"content-type": "application/x-amz-json-1.0"}
    return AWSResponse(request.url, status, headers, _Raw(json.dumps(document).encode()))


def _send(request: Any) -> None:
    answer = URLLib3Session().send(request)
    assert answer.status_code == 200, answer.content
