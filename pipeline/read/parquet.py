"""A Parquet object → rows, a batch at a time: standard logging v2 as Parquet."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import ObjectRefused
from pipeline.read.arrow_text import as_text, is_readable, stored
from pipeline.read.fitting import check_columns
from pipeline.read.layout import Layout, host_beside, misnamed
from pipeline.read.limits import Limits
from pipeline.read.records import Line, Part
from pipeline.read.values import typed, with_host
from pipeline.schema.fields import is_realtime

MAGIC = b"PAR1"
_ROWS = 32_768
_BESIDE = "host beside"


class ParquetObject:
    """A Parquet object. Its directory is at its end, so it is held in memory, compressed.

    Raises ObjectRefused if it is no Parquet file, beyond the limits, or without a time.
    """

    container = "Parquet"
    format = "parquet"

    def __init__(self, chunks: Iterable[bytes], limits: Limits) -> None:
        body = _body(chunks, limits)
        if not body.endswith(MAGIC):
            raise ObjectRefused(
                "truncated Parquet: such a file ends with PAR1, and this one does not; "
                "deliver it again"
            )
        try:
            self._file = pq.ParquetFile(pa.BufferReader(body))
        except (pa.ArrowException, OSError) as error:
            raise ObjectRefused(
                f"damaged Parquet: its directory cannot be read ({_kind(error)}); deliver it again"
            ) from error
        metadata = self._file.metadata
        groups = map(metadata.row_group, range(metadata.num_row_groups))
        if sum(group.total_byte_size for group in groups) > limits.max_inflated:
            raise ObjectRefused(
                f"inflates to more than {limits.max_inflated:,} bytes; "
                "if it is a log, raise EDGETALLY_MAX_INFLATED_BYTES"
            )
        layout = Layout(tuple(self._file.schema_arrow.names), "its Parquet schema")
        if not layout.has_clock:
            _refuse_nested(self._file.schema_arrow)
            raise ObjectRefused(
                "has no time column (date and time, timestamp, or timestamp_ms): "
                "add one to the fields of the log delivery"
            )
        if reason := misnamed(layout.fields):
            raise ObjectRefused(reason)
        for field, at in layout.wanted.items():
            _check_type(field, layout.fields[at], self._file.schema_arrow.field(at).type)
        self.layouts = [layout]

    @property
    def layout(self) -> str:
        """The source of its fields, for the ledger."""
        return self.layouts[0].source

    def __iter__(self) -> Iterator[Callable[[], Part]]:
        (layout,) = self.layouts
        names = {layout.fields[at]: name for name, at in layout.wanted.items()}
        beside = host_beside(layout.fields, realtime=is_realtime(layout.fields))
        if beside is not None:
            names[layout.fields[beside]] = _BESIDE
        done = 0
        try:
            for batch in self._file.iter_batches(_ROWS, columns=list(names)):
                yield partial(_part, batch, names, is_first=not done)
                done += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise ObjectRefused(
                f"damaged Parquet: its rows behind the first {done:,} cannot be read "
                f"({_kind(error)}); deliver it again"
            ) from error


def _refuse_nested(schema: pa.Schema) -> None:
    """Raise ObjectRefused if the fields may be those of a structure."""
    nested = [each.name for each in schema if pa.types.is_nested(stored(each.type))]
    if nested:
        raise ObjectRefused(
            f"has no time column, and its column {nested[0]} holds others: write each field of a "
            "request as a column of its own"
        )


def _check_type(field: str, name: str, kind: pa.DataType) -> None:
    if not is_readable(field, stored(kind)):
        raise ObjectRefused(
            f"its column {name} has the type {kind}, which is none of this field's: write it as "
            "text, as CloudFront does, or as a number"
        )


def _kind(error: Exception) -> str:
    """The kind of an error. Its message may quote a value."""
    return type(error).__name__


def _body(chunks: Iterable[bytes], limits: Limits) -> bytearray:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > limits.max_parquet:
            raise ObjectRefused(
                f"is Parquet of more than {limits.max_parquet:,} bytes; "
                "if the memory allows it, raise EDGETALLY_MAX_PARQUET_BYTES"
            )
    return body


def _part(batch: pa.RecordBatch, names: dict[str, str], *, is_first: bool) -> Part:
    raw = pa.table(
        {names[name]: as_text(batch.column(name), names[name]) for name in batch.schema.names}
    )
    if _BESIDE in raw.column_names:
        beside = raw.column(_BESIDE).combine_chunks()
        raw = with_host(raw.drop_columns(_BESIDE), beside)
    if is_first:
        check_columns(raw)
    return Part(batch.num_rows, typed(raw), lambda: _lines(batch.num_rows))


def _lines(rows: int) -> list[Line]:
    return [(number, b"(a row of a Parquet file)") for number in range(1, rows + 1)]
