"""Questions about the traffic in a store, answered from the cache or computed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec

from pipeline.answer.cache import Answer, Answers, CachedResponse
from pipeline.answer.delivery import is_final
from pipeline.answer.envelope import Envelope
from pipeline.answer.question import Question
from pipeline.answer.rows import Rows, Sites, as_of_one_moment
from pipeline.answer.shape import Shape
from pipeline.deadline import NEVER, Deadline
from pipeline.hour.sketches import TOTALS
from pipeline.hours import ALWAYS, HOUR_US
from pipeline.schema.dimensions import Caps
from pipeline.store.port import Meta, Store


class Site(Shape):
    """A site, and the percentage of requests that its logs have."""

    site: str
    sampling_percent: int


class Extent(Shape):
    """All requests of a store, or of a site: how many, and the hours (since the epoch) in which
    they are, `start` inclusive, `end` exclusive. Both are 0 if there is none."""

    requests: int
    start: int = 0
    end: int = 0


class SitesAnswer(Envelope[list[Site]]):
    """Every site."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Answers about the traffic in a store."""

    store: Store
    answers: Answers
    clock: Callable[[], datetime]
    caps: Caps

    def answer(self, question: Question, deadline: Deadline = NEVER) -> CachedResponse:
        """The answer to a question, its body an envelope. Raises UnknownSite, Busy, TakesTooLong,
        StoreError."""
        return self.answers.get(question.key, lambda meta: self._computed(question, meta, deadline))

    def sites(self) -> list[Site]:
        """Every site. Raises StoreError."""
        percent = Sites.of(self.store.meta().sites).percent
        return [Site(site, percent[site]) for site in sorted(percent)]

    def extent(self, sites: tuple[str, ...] | None, deadline: Deadline = NEVER) -> Extent:
        """All requests of some sites, None for all: read from the totals of days, and kept as an
        answer is. Raises Busy, TakesTooLong, StoreError."""
        digest = blake2b(msgspec.json.encode(["extent", sites]), digest_size=16).hexdigest()
        kept = self.answers.get(
            f"answer#{digest}", lambda meta: self._extent(meta, sites, deadline)
        )
        return msgspec.json.decode(kept.answer.body, type=Extent)

    def _extent(self, meta: Meta, sites: tuple[str, ...] | None, deadline: Deadline) -> Answer:
        def read(rows: Rows) -> Extent:
            totals = rows.merged(ALWAYS, TOTALS).totals
            if totals.first_us is None or totals.last_us is None:
                return Extent(0)
            return Extent(
                totals.requests, totals.first_us // HOUR_US, totals.last_us // HOUR_US + 1
            )

        extent, _ = as_of_one_moment(self.store, meta, sites, read, self.caps, deadline)
        return Answer(msgspec.json.encode(extent), computed_at=int(self.clock().timestamp()))

    def _computed(self, question: Question, meta: Meta, deadline: Deadline) -> Answer:
        now = self.clock()
        envelope, meta = as_of_one_moment(
            self.store,
            meta,
            question.sites,
            lambda rows: question.answer(rows, now),
            self.caps,
            deadline,
        )
        return Answer(
            msgspec.json.encode(envelope),
            _etag(envelope),
            int(now.timestamp()),
            is_final(question.end, now),
            meta.generations.version,
        )


def _etag(envelope: Envelope[Any]) -> str:
    """A digest of an answer's content, whenever it was computed."""
    meta = msgspec.structs.replace(envelope.meta, generated_at="")
    content = msgspec.json.encode(msgspec.structs.replace(envelope, meta=meta))
    return blake2b(content, digest_size=16).hexdigest()
