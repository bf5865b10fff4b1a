"""Announced objects → what they hold: opened ahead, read one by one, each failing by itself."""

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
from pipeline.ingest.parse import parse_alone, parse_small, parse_together
from pipeline.ingest.parsed import Parsed, Reading
from pipeline.ingest.small import Small
from pipeline.objects import ObjectRef, site_of
from pipeline.sites import rate_of, stored_site
from pipeline.source.port import Content, Source
from pipeline.store.counted import Counted
from pipeline.threads import in_order

READERS = 8
"""Objects that are opened at the same time: waiting for S3 takes longer than counting."""

_HEAD = 1 << 20
"""Bytes of an object that are read ahead."""

_TOGETHER = 64 << 20
"""Bytes of objects, as delivered, that are held for one commit: what is counted in them waits in
memory for it."""


class OutOfTime(EdgetallyError):
    """The time that was given is over. What was not read counts nothing and comes again."""

    def __init__(self) -> None:
        super().__init__("there was no time left for it; it comes again")


class Group(NamedTuple):
    """Objects that were read and are to be committed together, and those that could not be read,
    with the reason."""

    counted: list[Counted]
    failed: list[tuple[ObjectRef, Exception]]


class _Opened(NamedTuple):
    """An object whose first bytes are here; `close` when it is done with."""

    content: Content
    head: list[bytes]
    rest: Iterator[bytes]
    close: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads objects of `source` as `reading` says.

    `sampling` has the percentage of requests that objects under a prefix were sampled from.
    """

    source: Source
    reading: Reading
    site_pattern: re.Pattern[str] | None = None
    sampling: Mapping[str, int] = field(default_factory=dict)

    def groups(
        self,
        refs: Sequence[ObjectRef],
        on_read: Callable[[ObjectRef], None] = lambda ref: None,
        deadline: Deadline = NEVER,
    ) -> Iterator[Group]:
        """Every object in a group, with what it holds or with the reason why it cannot be read.

        `on_read` is called as each is done with. After the deadline, no further object is
        opened, and the one that is being read is given up: their reason is OutOfTime.
        """
        read: list[tuple[ObjectRef, Parsed | Small]] = []
        failed: list[tuple[ObjectRef, Exception]] = []
        left = deque(refs)
        size = 0
        remote = any(ref.bucket for ref in refs)  # for a local file there is nothing to wait for
        for opened in in_order(self._openings(refs, deadline), READERS if remote else 1):
            ref = left.popleft()
            try:
                found = self._read(opened, deadline)
                read.append(found)
                size += found[0].size
            except Exception as error:
                failed.append((ref, error))
            on_read(ref)
            if size > _TOGETHER:
                yield self._group(read, failed)
                read, failed, size = [], [], 0
        yield self._group(read, [*failed, *((ref, OutOfTime()) for ref in left)])

    def _openings(
        self, refs: Sequence[ObjectRef], deadline: Deadline
    ) -> Iterator[Callable[[], _Opened | Exception]]:
        for ref in refs:
            if deadline.is_over:
                return
            yield partial(self._open, ref)

    def _open(self, ref: ObjectRef) -> _Opened | Exception:
        """Open an object and read its first bytes; what went wrong is raised when it is read."""
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

    def _read(
        self, opened: _Opened | Exception, deadline: Deadline
    ) -> tuple[ObjectRef, Parsed | Small]:
        if isinstance(opened, Exception):
            raise opened
        content = opened.content
        try:
            chunks = _while_there_is_time(chain(opened.head, opened.rest), deadline)
            return content.ref, parse_small(chunks, content.modified, self.reading)
        finally:
            opened.close()

    def _group(
        self,
        read: Sequence[tuple[ObjectRef, Parsed | Small]],
        failed: list[tuple[ObjectRef, Exception]],
    ) -> Group:
        """The objects that were read, the small ones parsed together."""
        small = [found for _, found in read if isinstance(found, Small)]
        together = iter(parse_together(small, self.reading))
        counted: list[Counted] = []
        for ref, found in read:
            try:
                if isinstance(found, Small):
                    found = next(together) or parse_alone(found, self.reading)
                counted.append(self._counted(ref, found))
            except Exception as error:
                failed.append((ref, error))
        return Group(counted, failed)

    def _counted(self, ref: ObjectRef, parsed: Parsed) -> Counted:
        rate = rate_of(ref.key, self.sampling)
        site = stored_site(site_of(ref.key, self.site_pattern), rate)
        return Counted(
            ref, site, parsed.records, parsed.rejected, parsed.hours, parsed.layout, parsed.share
        )


def _while_there_is_time(chunks: Iterable[bytes], deadline: Deadline) -> Iterator[bytes]:
    for chunk in chunks:
        if deadline.is_over:
            raise OutOfTime
        yield chunk
