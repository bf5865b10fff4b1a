"""Parquet objects → rows, a batch of rows at a time: standard logging v2 as Parquet."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import ObjectRefused
from pipeline.read.layout import Layout
from pipeline.read.limits import Limits
from pipeline.read.records import Example, Rows, sane_rows, typed

MAGIC = b"PAR1"
_ROWS = 32_768


class ParquetRows:
    """The rows of a Parquet object. Its `layout` are its columns, by whatever type.

    Raises ObjectRefused for what is no Parquet file, beyond the limits, or without a time.
    """

    def __init__(self, body: bytes | bytearray, limits: Limits) -> None:
        try:
            self._file = pq.ParquetFile(pa.BufferReader(body))
        except (pa.ArrowException, OSError) as error:
            raise ObjectRefused(f"damaged Parquet: {error}") from error
        inflated = sum(
            self._file.metadata.row_group(n).total_byte_size
            for n in range(self._file.metadata.num_row_groups)
        )
        if inflated > limits.max_inflated:
            raise ObjectRefused(
                f"inflates to more than {limits.max_inflated:,} bytes; "
                "if it is a log, raise EDGETALLY_MAX_INFLATED_BYTES"
            )
        self.layout = Layout(tuple(self._file.schema_arrow.names), "its Parquet schema")
        if not self.layout.has_clock:
            raise ObjectRefused(
                "has no time column (date and time, timestamp, or timestamp_ms): "
                "add one to the fields of the log delivery"
            )

    def read(self, latest_us: int) -> Iterator[Rows]:
        """The rows, batch by batch; `latest_us` bounds a sensible time."""
        names = {self.layout.fields[at]: name for name, at in self.layout.wanted.items()}
        done = 0
        try:
            for batch in self._file.iter_batches(_ROWS, columns=list(names)):
                raw = pa.table(
                    {names[name]: _text(batch.column(name)) for name in batch.schema.names}
                )
                yield sane_rows(typed(raw), latest_us, _example)
                done += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise ObjectRefused(f"damaged Parquet behind row {done:,}: {error}") from error


def _text(column: pa.Array) -> pa.Array:
    if pa.types.is_time(column.type):  # Parquet knows no whole seconds
        column = column.cast(pa.time32("s"), safe=False)
    return column if column.type == pa.string() else column.cast(pa.string())


def _example(row: int) -> Example:
    return Example(row + 1, "(a row of a Parquet file)")
