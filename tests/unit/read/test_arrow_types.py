"""A Parquet column of any type gives the right value, or a reason: never nothing in silence."""

import decimal
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.errors import ObjectRefused
from pipeline.hour.aggregate import HourlyAggregate
from tests.unit.read.test_cases import parquet, values, whole

AT = datetime(2026, 11, 22, 10, 0, 1)
AT_US = 1_795_341_601_000_000
DAY = {"date": pa.array(["2026-11-22"]), "time": pa.array(["10:00:01"])}


def numbers(number: int) -> list[pa.Array]:
    """A whole number in every type that holds it."""
    return [
        *(pa.array([number], kind) for kind in (pa.int16(), pa.int32(), pa.int64())),
        *(pa.array([number], kind) for kind in (pa.uint16(), pa.uint32(), pa.uint64())),
        pa.array([np.float16(number)], pa.float16()),
        pa.array([number], pa.float32()),
        pa.array([number], pa.float64()),
        pa.array([decimal.Decimal(number)], pa.decimal128(10, 0)),
        pa.array([decimal.Decimal(f"{number}.00")], pa.decimal128(10, 2)),
        pa.array([decimal.Decimal(f"{number}.000")], pa.decimal256(40, 3)),
        pa.array([number]).dictionary_encode(),
        pa.array([float(number)]).dictionary_encode(),
    ]


def texts(text: str) -> list[pa.Array]:
    """A text in every type that holds it."""
    encoded = text.encode()
    return [
        pa.array([text], pa.string()),
        pa.array([text], pa.large_string()),
        pa.array([text], pa.string_view()),
        pa.array([encoded], pa.binary()),
        pa.array([encoded], pa.large_binary()),
        pa.array([encoded], pa.binary_view()),
        pa.array([encoded], pa.binary(len(encoded))),
        pa.array([text]).dictionary_encode(),
        pa.array([encoded]).dictionary_encode(),
    ]


NESTED = [
    pa.array([["200"]], pa.list_(pa.string())),
    pa.array([["200"]], pa.large_list(pa.string())),
    pa.array([["200"]], pa.list_(pa.string(), 1)),
    pa.array([{"a": "200"}], pa.struct([("a", pa.string())])),
    pa.array([[("a", "200")]], pa.map_(pa.string(), pa.string())),
    pa.array([True]),
]
MOMENTS = [
    pa.array([AT], kind)
    for kind in (
        *(pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")),
        *(pa.timestamp(unit, "UTC") for unit in ("ms", "us")),
    )
]
DURATIONS = [pa.array([timedelta(milliseconds=250)], pa.duration(u)) for u in ("ms", "us", "ns")]
TIMES = [
    pa.array([time(10, 0, 1)], kind)
    for kind in (pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns"))
]
DATES = [pa.array([date(2026, 11, 22)], kind) for kind in (pa.date32(), pa.date64())]


def of(columns: dict[str, Any]) -> HourlyAggregate:
    return whole(parquet({"sc_status": ["200"], "cs_uri_stem": ["/a"], **columns}))


def named(arrays: list[pa.Array]) -> list[Any]:
    return [pytest.param(array, id=str(array.type)) for array in arrays]


@pytest.mark.parametrize("column", named([*numbers(404), *texts("404")]))
def test_a_word_may_be_text_or_a_whole_number(column: pa.Array) -> None:
    """A status, for one: with no point behind it."""
    found = of({**DAY, "sc_status": column})
    assert values(found, "status") == {"404": 1}
    assert found.totals.counts.errors_4xx == 1


@pytest.mark.parametrize("column", named([*numbers(1000), *texts("1000")]))
def test_bytes_may_have_any_type_of_a_number(column: pa.Array) -> None:
    """Or be text."""
    assert of({**DAY, "sc_bytes": column}).totals.counts.bytes == 1000


@pytest.mark.parametrize(
    "column",
    named(
        [
            *(pa.array([0.25], kind) for kind in (pa.float16(), pa.float32(), pa.float64())),
            pa.array([decimal.Decimal("0.250")], pa.decimal128(10, 3)),
            pa.array([decimal.Decimal("0.250")], pa.decimal256(40, 3)),
            *texts("0.250"),
            *DURATIONS,
            pa.array([0.25]).dictionary_encode(),
        ]
    ),
)
def test_a_time_taken_is_in_seconds_whatever_its_type(column: pa.Array) -> None:
    """A duration is a quarter of a second, not of a million of them."""
    for name in ("time_taken", "time_to_first_byte", "origin_fbl", "origin_lbl"):
        found = of({**DAY, name: column})
        (times,) = found.sketches.latency.values()
        assert (times.requests, times.sum_us) == (1, 250_000)


@pytest.mark.parametrize("column", named([*MOMENTS, *texts("1795341601")]))
def test_a_timestamp_may_be_a_moment_or_a_number(column: pa.Array) -> None:
    """Of any unit, in any zone."""
    assert of({"timestamp": column}).totals.first_us == AT_US


@pytest.mark.parametrize(
    "kind", [pa.int64(), pa.uint64(), pa.float64(), pa.decimal128(20, 0)], ids=str
)
@pytest.mark.parametrize(("name", "per_second"), [("timestamp", 1), ("timestamp_ms", 1000)])
def test_an_epoch_may_have_any_exact_type(name: str, per_second: int, kind: pa.DataType) -> None:
    """Seconds and milliseconds."""
    epoch: Any = AT_US // 1_000_000 * per_second
    if pa.types.is_decimal(kind):
        epoch = decimal.Decimal(epoch)
    assert of({name: pa.array([epoch], kind)}).totals.first_us == AT_US


@pytest.mark.parametrize("day", named([*DATES, *texts("2026-11-22"), *MOMENTS]))
@pytest.mark.parametrize("clock", named([*TIMES, *texts("10:00:01"), MOMENTS[2]]))
def test_a_date_and_a_time_may_have_any_type_of_theirs(day: pa.Array, clock: pa.Array) -> None:
    """Parquet knows no whole seconds, and Spark no times of day."""
    assert of({"date": day, "time": clock}).totals.first_us == AT_US


COARSE = [pa.array([1.7953416e9], pa.float32()), pa.array([np.float16(60000)], pa.float16())]
REFUSED = {
    "sc_status": [*NESTED, *MOMENTS, *DURATIONS, *TIMES, *DATES],
    "cs_uri_stem": [*NESTED, *MOMENTS, *DURATIONS, *TIMES, *DATES],
    "c_country": [*NESTED, *MOMENTS, *DURATIONS, *TIMES, *DATES],
    "sc_bytes": [*NESTED, *MOMENTS, *DURATIONS, *TIMES, *DATES],
    "time_taken": [*NESTED, *MOMENTS, *TIMES, *DATES],
    "timestamp": [*COARSE, *NESTED, *DURATIONS, *TIMES, *DATES],
    "timestamp_ms": [*COARSE, *NESTED, *DURATIONS, *TIMES, *DATES],
    "date": [*NESTED, *DURATIONS, *TIMES],
    "time": [*NESTED, *DURATIONS, *DATES],
}


@pytest.mark.parametrize(
    ("name", "column"),
    [
        pytest.param(name, column, id=f"{name}-{column.type}")
        for name, columns in REFUSED.items()
        for column in columns
    ]
    + [
        pytest.param(name, c, id=f"{name}-{c.type}")
        for name in ("timestamp", "timestamp_ms")
        for c in COARSE
    ],
)
def test_a_type_that_is_none_of_the_field_is_refused(name: str, column: pa.Array) -> None:
    """By the column's name and type: an hour of a float of 32 bits would be wrong by minutes."""
    with pytest.raises(ObjectRefused) as refused:
        of({**DAY, name: column})
    assert f"its column {name} has the type " in str(refused.value)


def test_fields_inside_a_structure_are_refused_by_the_name_of_its_column() -> None:
    """They are no columns."""
    with pytest.raises(ObjectRefused, match="its column record holds others: write each field"):
        whole(parquet({"record": pa.array([{"sc_status": "200", "cs_uri_stem": "/"}])}))


@pytest.mark.parametrize("column", named(NESTED[:-1]))
def test_a_type_that_is_not_read_may_be_any(column: pa.Array) -> None:
    """Headers and the like are often nested."""
    assert of({**DAY, "cs_headers": column}).totals.requests == 1


def test_a_column_without_values_is_absent() -> None:
    """Whatever its type."""
    columns = {
        "time_taken": pa.nulls(1),
        "c_country": pa.nulls(1),
        "sc_bytes": pa.nulls(1, pa.int64()),
    }
    found = of({**DAY, **columns})
    assert values(found, "country") == {"-": 1}
    assert (found.totals.counts.timed, found.totals.counts.bytes) == (0, 0)
    nan = of({**DAY, "time_taken": [float("nan")], "sc_bytes": [float("inf")]})
    assert (nan.totals.counts.timed, nan.totals.counts.bytes) == (0, 0)
