"""An object's bytes → the log it holds: text or Parquet, in whatever it is compressed."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TypeAlias

from pipeline.errors import ObjectRefused
from pipeline.read.inflate import GZIP_MAGIC, Inflated, peeked
from pipeline.read.kinds import HEAD, refuse_other_kinds
from pipeline.read.layout import Layout
from pipeline.read.limits import Limits
from pipeline.read.line_ends import UTF8_MARK
from pipeline.read.parquet import MAGIC as PARQUET_MAGIC
from pipeline.read.parquet import ParquetObject
from pipeline.read.text import TextObject

LogObject: TypeAlias = TextObject | ParquetObject


def open_log(chunks: Iterable[bytes], configured: tuple[Layout, ...], limits: Limits) -> LogObject:
    """The log of an object, from its first bytes on. Raises ObjectRefused for another kind."""
    head, chunks = peeked(chunks, HEAD)
    if head.startswith(PARQUET_MAGIC):
        return ParquetObject(chunks, limits)
    text = Inflated(chunks, limits)
    head, pieces = peeked(text, HEAD)
    if head.startswith(GZIP_MAGIC):  # as Firehose delivers what CloudWatch Logs has compressed
        text = Inflated(pieces, limits)
        head, pieces = peeked(text, HEAD)
        if head.startswith(GZIP_MAGIC):
            raise ObjectRefused("is compressed with gzip three times: deliver it compressed once")
    if head.startswith(PARQUET_MAGIC):
        return ParquetObject(pieces, limits)
    refuse_other_kinds(head)
    return TextObject(text, _without_mark(head, pieces), configured, limits)


def _without_mark(head: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    if not head.startswith(UTF8_MARK):
        return pieces
    _, pieces = peeked(pieces, len(UTF8_MARK))
    first = next(pieces)
    return chain([first[len(UTF8_MARK) :]], pieces)
