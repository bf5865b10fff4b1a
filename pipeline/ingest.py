"""The first use case: announced objects → counted, each exactly once, each on its own."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

from pipeline.core.errors import CorruptRow, EdgetallyError, StoreError
from pipeline.core.objects import Counted, ObjectRef, site_of
from pipeline.core.parse import parse_alone, parse_small, parse_together
from pipeline.core.parsed import Parsed, Reading
from pipeline.core.sampling import rate_of, stored_site
from pipeline.core.small import Small
from pipeline.ports import CommitResult, Source, Store


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one announced object.

    `conflict`: its key was counted before with another content; it is reported, never merged.
    `failed`: it counted nothing, for `reason`; `error` is what was raised.
    """

    ref: ObjectRef
    state: Literal["committed", "duplicate", "conflict", "failed"]
    records: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Ingest:
    """Counts objects of `source` into `store`, read as `reading` says.

    `sampling` has the percentage of requests that objects under a prefix were sampled from.
    """

    source: Source
    store: Store
    reading: Reading
    site_pattern: re.Pattern[str] | None = None
    sampling: Mapping[str, int] = field(default_factory=dict)

    def __call__(
        self,
        refs: Sequence[ObjectRef],
        on_parsed: Callable[[ObjectRef], None] = lambda ref: None,
    ) -> list[Outcome]:
        """One outcome per ref, in their order. `on_parsed` is called as each object is done with.

        Every object is parsed to its end before anything is written; a bad one fails alone. All
        good ones are committed together. Raises StoreError only when the ledger cannot be read:
        then nothing was done.
        """
        first = {ref.id: ref for ref in reversed(refs)}
        outcomes = self._ingest(list(first.values()), on_parsed)
        seen: set[str] = set()
        answers: list[Outcome] = []
        for ref in refs:
            answers.append(_repeated(ref, outcomes[ref.id]) if ref.id in seen else outcomes[ref.id])
            seen.add(ref.id)
        return answers

    def _ingest(
        self, refs: list[ObjectRef], on_parsed: Callable[[ObjectRef], None]
    ) -> dict[str, Outcome]:
        """The outcome of each of these distinct objects, by id."""
        outcomes: dict[str, Outcome] = {}
        ledger = self.store.ledger(refs)
        read: list[tuple[ObjectRef, Parsed | Small]] = []
        for ref in refs:
            standing = ledger[ref].standing(ref) if ref in ledger else "new"
            if standing != "new":
                outcomes[ref.id] = _settled(ref, standing)
            else:
                with self._failing_alone(ref, outcomes):
                    read.append(self._read(ref))
            on_parsed(ref)
        for outcome in self._commit(self._counted_all(read, outcomes)):
            outcomes[outcome.ref.id] = outcome
        return outcomes

    def _read(self, ref: ObjectRef) -> tuple[ObjectRef, Parsed | Small]:
        with self.source.open(ref) as content:
            return content.ref, parse_small(content.chunks, content.modified, self.reading)

    def _counted_all(
        self, read: Sequence[tuple[ObjectRef, Parsed | Small]], outcomes: dict[str, Outcome]
    ) -> list[Counted]:
        """The objects that were read, the small ones parsed together."""
        small = [found for _, found in read if isinstance(found, Small)]
        together = iter(parse_together(small, self.reading))
        counted: list[Counted] = []
        for ref, found in read:
            with self._failing_alone(ref, outcomes):
                if isinstance(found, Small):
                    found = next(together) or parse_alone(found, self.reading)
                counted.append(self._counted(ref, found))
        return counted

    @contextmanager
    def _failing_alone(self, ref: ObjectRef, outcomes: dict[str, Outcome]) -> Iterator[None]:
        """Whatever one object does, it fails by itself and its neighbours go on."""
        try:
            yield
        except Exception as error:
            outcomes[ref.id] = self._failed(ref, error)

    def _counted(self, ref: ObjectRef, parsed: Parsed) -> Counted:
        rate = rate_of(ref.key, self.sampling)
        site = stored_site(site_of(ref.key, self.site_pattern), rate)
        return Counted(
            ref, site, parsed.records, parsed.rejected, parsed.hours, parsed.layout, parsed.share
        )

    def _commit(self, counted: list[Counted]) -> list[Outcome]:
        try:
            result = self.store.commit(counted) if counted else CommitResult()
        except CorruptRow as error:
            if len(counted) == 1:
                return [self._failed(counted[0].ref, error)]
            # Only objects of that very hour are affected: the others commit by themselves.
            return [outcome for each in counted for outcome in self._commit([each])]
        except StoreError as error:
            return [Outcome(each.ref, "failed", reason=str(error), error=error) for each in counted]
        figures = {each.ref: each for each in counted}
        return [
            *(
                Outcome(ref, "committed", figures[ref].records, figures[ref].rejected)
                for ref in result.committed
            ),
            *(_settled(ref, "duplicate") for ref in result.duplicates),
            *(_settled(ref, "conflict") for ref in result.conflicts),
        ]

    def _failed(self, ref: ObjectRef, error: Exception) -> Outcome:
        reason = (
            str(error)
            if isinstance(error, EdgetallyError)
            else f"a bug in edgetally, please report it: {type(error).__name__}: {error}"
        )
        try:
            self.store.record_failure(ref, reason)
        except StoreError as also:
            reason += f" (and the failure could not be noted: {also})"
        return Outcome(ref, "failed", reason=reason, error=error)


def _settled(ref: ObjectRef, standing: Literal["duplicate", "conflict"]) -> Outcome:
    if standing == "duplicate":
        return Outcome(ref, "duplicate")
    return Outcome(
        ref,
        "conflict",
        reason="was counted before with other content, which stays; give new content a new name",
    )


def _repeated(ref: ObjectRef, first: Outcome) -> Outcome:
    """The outcome of an object that came earlier in the same call."""
    if first.state == "failed":
        return replace(first, ref=ref)
    if ref.etag and first.ref.etag and ref.etag != first.ref.etag:
        return _settled(ref, "conflict")
    return _settled(ref, "duplicate")
