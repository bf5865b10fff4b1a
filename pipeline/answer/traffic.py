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
from pipeline.answer.rows import Sites, as_of_one_moment
from pipeline.answer.shape import Shape
from pipeline.deadline import NEVER, Deadline
from pipeline.schema.dimensions import Caps
from pipeline.store.port import Meta, Store


class Site(Shape):
    """A site, and the percentage of requests that its logs have."""

    site: str
    sampling_percent: int


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
