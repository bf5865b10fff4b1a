"""Announced objects → batches: opened ahead, read one by one, each failing by itself."""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import NamedTuple

from pipeline.deadline import NEVER, Deadline
from pipeline.errors import EdgetallyError
from pipeline.ingest.accumulator import refuse_too_many
from pipeline.ingest.batch import Batch, Lines, Shared, Whole
from pipeline.ingest.parse import parse, parse_unless_small
from pipeline.ingest.parsed import Parsed, Reading
from pipeline.ingest.small import Small, read_together
from pipeline.objects import DEFAULT_SITE, ObjectRef, site_of
from pipeline.sites import by_site, rate_of, stored_site
from pipeline.source.port import Content, Source
from pipeline.store.counted import Counted
from pipeline.tally.naming import Admit, Naming, field_of
from pipeline.threads import in_order

READERS = 8
"""Objects that are opened at the same time: waiting for S3 takes longer than counting."""

_HEAD = 1 << 20
"""Bytes of an object that are read ahead."""

_TOGETHER = 64 << 20
"""Bytes of objects, as delivered, in one batch: their counts wait in memory for the commit."""


class OutOfTime(EdgetallyError):
    """There was no time left for an object. Nothing of it is counted, and it comes again.

    `opened` says whether its reading had begun.
    """

    def __init__(self, opened: bool = True) -> None:
        super().__init__("there was no time left for it; it comes again")
        self.opened = opened


class Group(NamedTuple):
    """Objects that were read, to be committed together, and those that could not be read."""

    batch: Batch
    failed: list[tuple[ObjectRef, Exception]]


class _Read(NamedTuple):
    """An object that was read to its end. A small one is not parsed yet."""

    ref: ObjectRef
    content: Parsed | Small


class _Opened(NamedTuple):
    """An open object, of which the first bytes are here."""

    content: Content
    head: list[bytes]
    rest: Iterator[bytes]
    close: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads objects of `source` as `reading` says.

    `site_pattern` finds the site in a key, see `site_of`. `sampling` has the percentage of requests
    that the objects under a prefix were sampled from. `site_by` is `key`, `distribution` or `host`;
    `admit` returns the sites that lines may name.
    """

    source: Source
    reading: Reading
    site_pattern: re.Pattern[str] | None = None
    sampling: Mapping[str, int] = field(default_factory=dict)
    site_by: str = "key"
    admit: Admit = frozenset

    def groups(
        self,
        refs: Sequence[ObjectRef],
        on_read: Callable[[ObjectRef], None] = lambda ref: None,
        deadline: Deadline = NEVER,
    ) -> Iterator[Group]:
        """Read every object; each is in one group, with its lines or with the reason it has none.

        `on_read` is called after each object. After the deadline no object is opened, and the one
        that is being read is given up: the reason is OutOfTime.
        """
        read: list[_Read] = []
        failed: list[tuple[ObjectRef, Exception]] = []
        left = deque(refs)
        size = 0
        remote = any(ref.bucket for ref in refs)  # nothing is gained by opening files ahead
        for opened in in_order(self._openings(refs, deadline), READERS if remote else 1):
            ref = left.popleft()
            try:
                read.append(self._read(opened, deadline))
                size += read[-1].ref.size
            except Exception as error:
                failed.append((ref, error))
            on_read(ref)
            if size > _TOGETHER:
                yield self._group(read, failed)
                read, failed, size = [], [], 0
        yield self._group(read, [*failed, *((ref, OutOfTime(opened=False)) for ref in left)])

    def _openings(
        self, refs: Sequence[ObjectRef], deadline: Deadline
    ) -> Iterator[Callable[[], _Opened | Exception]]:
        for ref in refs:
            if deadline.is_over:
                return
            yield partial(self._open, ref)

    def _open(self, ref: ObjectRef) -> _Opened | Exception:
        """Open an object and read its first bytes. An error is returned, to be raised in turn."""
        try:
            with ExitStack() as stack:
                content = stack.enter_context(self.source.open(ref))
                head: list[bytes] = []
                rest = iter(content.chunks)
                while sum(map(len, head)) < _HEAD and (chunk := next(rest, b"")):
                    head.append(chunk)
                return _Opened(content, head, rest, stack.pop_all().close)
        except Exception as error:
            return error

    def _read(self, opened: _Opened | Exception, deadline: Deadline) -> _Read:
        if isinstance(opened, Exception):
            raise opened
        try:
            if deadline.is_over:  # it was opened ahead, and it is not its own fault
                raise OutOfTime(opened=False)
            content = opened.content
            chunks = _until(deadline, chain(opened.head, opened.rest))
            naming = self.naming(content.ref)
            read = parse_unless_small(chunks, content.modified, self.reading, naming)
            return _Read(content.ref, read)
        finally:
            opened.close()

    def _group(self, read: Sequence[_Read], failed: list[tuple[ObjectRef, Exception]]) -> Group:
        """The batch of objects that were read. The small ones become columns together."""
        pieces = iter(read_together([content for _, content in read if isinstance(content, Small)]))
        whole: list[Whole] = []
        lines: dict[Naming, list[Lines]] = {}
        for ref, content in read:
            try:
                if not isinstance(content, Small):
                    whole.append(_whole(ref, content))
                elif piece := next(pieces):
                    refuse_too_many(piece.places, self.reading.limits)
                    counted = Counted(ref, by_site(piece.places), {}, content.layout.source)
                    share = Lines(counted, piece.columns, piece.start, piece.end)
                    lines.setdefault(content.naming, []).append(share)
                else:
                    naming = content.naming
                    parsed = parse([content.text], content.modified, self.reading, naming)
                    whole.append(_whole(ref, parsed))
            except Exception as error:
                failed.append((ref, error))
        shared = [
            Shared(tuple(alike), self.reading.visitors, naming) for naming, alike in lines.items()
        ]
        return Group(Batch([*whole, *shared]), failed)

    def naming(self, ref: ObjectRef) -> Naming:
        """The names under which the rows of an object's lines are stored."""
        percent = rate_of(ref.key, self.sampling)
        site = site_of(ref.key, self.site_pattern)
        field = field_of(self.site_by, key_names_a_site=site != DEFAULT_SITE)
        return Naming(stored_site(site, percent), field, percent, self.admit)


def _whole(ref: ObjectRef, parsed: Parsed) -> Whole:
    requests = {place: each.totals.requests for place, each in parsed.rows.items()}
    counted = Counted(ref, by_site(requests), parsed.rejected, parsed.layout)
    return Whole(counted, parsed.rows)


def _until(deadline: Deadline, chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        if deadline.is_over:
            raise OutOfTime
        yield chunk
