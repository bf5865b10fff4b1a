"""Answers that are kept: one computes, the others are served; on every store."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier, Event, Lock

import pytest

from pipeline.answer.cache import LEASE_SECONDS, Answer, Answers, Busy
from pipeline.answer.traffic import Traffic
from pipeline.errors import StoreError
from pipeline.store.port import Lease, Meta, Store
from pipeline.store.sqlite import SqliteStore
from tests.support.api import ask, count, make_api
from tests.support.clock import FakeClock

REQUESTS = 200
ROOT = Path(__file__).parent.parent.parent


def no_failure(error: Exception) -> None:
    raise AssertionError(error)


class Computing:
    """A computation that counts how often it is begun, and ends when it may."""

    def __init__(self) -> None:
        self.begun = Event()
        self.may_end = Event()
        self.times = 0
        self._lock = Lock()

    def __call__(self, meta: Meta | None = None) -> Answer:
        with self._lock:
            self.times += 1
            number = self.times
        self.begun.set()
        assert self.may_end.wait(30)
        return Answer(b"answer %d" % number)


def test_two_hundred_requests_at_expiry_cause_one_computation(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of the others fails or waits: each has the stale answer, which says so, before the new
    one is there. Then there is the new one."""
    count(store, clock, "first")
    api = make_api(store, clock)
    fresh = ask(api, "/metrics/summary").json
    assert (fresh["meta"]["cached"], fresh["data"]["total_records"]) == (False, 4)
    count(store, clock, "second")
    clock.pass_time(seconds=301)
    computing, compute = Computing(), Traffic._computed
    served = 0
    lock = Lock()

    def slowly(*arguments: object) -> Answer:
        computing()
        return compute(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Traffic, "_computed", slowly)
    together = Barrier(REQUESTS)

    def request(_: int) -> tuple[int, bool, int]:
        nonlocal served
        together.wait(30)
        answer = ask(api, "/metrics/summary")
        with lock:
            served += 1
            if served == REQUESTS - 1:  # all but the one that computes
                computing.may_end.set()
        return answer.status, answer.json["meta"]["stale"], answer.json["data"]["total_records"]

    with ThreadPoolExecutor(REQUESTS) as pool:
        answers = list(pool.map(request, range(REQUESTS)))
    assert computing.times == 1
    assert sorted(answers) == sorted([(200, True, 4)] * (REQUESTS - 1) + [(200, False, 8)])
    after = ask(api, "/metrics/summary").json
    assert (after["meta"]["cached"], after["data"]["total_records"]) == (True, 8)
    assert computing.times == 1


def test_with_nothing_older_the_others_wait_for_the_one(store: Store, clock: FakeClock) -> None:
    """All have the answer of one computation, as soon as it is there."""
    computing = Computing()
    answers = Answers(store, 300, clock, no_failure)
    with ThreadPoolExecutor(20) as pool:
        given = [pool.submit(answers.get, "key", computing) for _ in range(20)]
        assert computing.begun.wait(30)
        time.sleep(0.3)
        assert not any(each.done() for each in given)
        computing.may_end.set()
        bodies = {each.result(30).answer.body for each in given}
    assert (bodies, computing.times) == ({b"answer 1"}, 1)


def test_nobody_waits_for_long(store: Store, clock: FakeClock) -> None:
    """After two seconds they are told to ask again."""
    waited: list[float] = []
    answers = Answers(store, 300, clock, no_failure, waited.append)
    assert store.lease("key", "somebody else", LEASE_SECONDS).granted
    with pytest.raises(Busy, match="ask again"):
        answers.get("key", lambda _: Answer(b""))
    assert sum(waited) == pytest.approx(2.0)


def test_one_that_was_slow_to_look_does_not_compute_again(store: Store, clock: FakeClock) -> None:
    """Whoever finds the lease free because another has just finished is given what that made."""
    answers = Answers(store, 300, clock, no_failure)
    lease = store.lease

    def after_another(key: str, owner: str, seconds: int) -> Lease:
        store.lease = lease  # type: ignore[method-assign]
        answers.get(key, lambda _: Answer(b"made meanwhile"))
        return lease(key, owner, seconds)

    store.lease = after_another  # type: ignore[method-assign]
    given = answers.get("key", lambda _: Answer(b"made again"))
    assert given.answer.body == b"made meanwhile"


def test_an_error_frees_the_lease(store: Store, clock: FakeClock) -> None:
    """The next request tries again at once."""
    answers = Answers(store, 300, clock, no_failure)

    def fail(_: Meta) -> Answer:
        raise StoreError("not now")

    with pytest.raises(StoreError, match="not now"):
        answers.get("key", fail)
    assert answers.get("key", lambda _: Answer(b"now")).answer.body == b"now"


@pytest.mark.parametrize("size", [10, 200_000, 1_000_000])
def test_a_large_answer_is_kept_if_it_fits_a_row(size: int, store: Store, clock: FakeClock) -> None:
    """As it is, or compressed; random bytes that are too many are computed each time."""
    answers = Answers(store, 300, clock, no_failure)
    for body, is_kept in ((b"ab" * (size // 2), True), (os.urandom(size), size < 380_000)):
        key = f"{size} {body[:4].hex()}"
        assert answers.get(key, lambda _, body=body: Answer(body)).answer.body == body  # type: ignore[misc]
        kept = answers.kept(key)
        assert (kept is not None and kept.answer.body == body) == is_kept


HOLDER = """
import sys, time
from datetime import UTC, datetime
from datetime import UTC, datetime
from pathlib import Path
from pipeline.store.sqlite import SqliteStore
from pipeline.answer.cache import Answer, Answers

def compute(_):
    print("computing", flush=True)
    time.sleep(60)
    return Answer(b"never")

store = SqliteStore(Path(sys.argv[1]))
Answers(store, 0, lambda: datetime.now(UTC), print).get("key", compute)
"""


@pytest.mark.parametrize("older", [True, False])
def test_a_holder_that_is_killed_is_followed_by_the_next(older: bool, tmp_path: Path) -> None:
    """Not before the lease's time is over: until then the stale answer, if any, is served."""

    clock = FakeClock()
    clock.now = datetime.now(UTC)
    store = SqliteStore(tmp_path / "store.db", clock=clock)
    answers = Answers(store, 1, clock, no_failure, lambda _: None)
    if older:
        answers.get("key", lambda _: Answer(b"older"))
        clock.pass_time(seconds=2)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "store.db")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "computing\n"
        holder.send_signal(signal.SIGKILL)
        assert holder.wait(30) == -signal.SIGKILL

    def give() -> bytes:
        return answers.get("key", lambda _: Answer(b"taken over")).answer.body

    if older:
        assert give() == b"older"
    else:
        with pytest.raises(Busy):
            give()
    clock.pass_time(seconds=LEASE_SECONDS + 30)
    assert give() == b"taken over"
