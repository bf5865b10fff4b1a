"""The kernel and the Arrow path find the same, on everything and at every limit."""

import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.generate import FORMATS, requests
from pipeline.bootstrap import open_ingest, open_store
from pipeline.errors import SettingError
from pipeline.ingest import plain
from pipeline.ingest.parse import parse
from pipeline.ingest.parsed import Parsed, Reading
from pipeline.read.layout import listed_layout
from pipeline.schema.fields import DISTRIBUTION, VIEWER_HOST
from pipeline.settings import Settings
from pipeline.tally.naming import Naming
from pipeline.tally.native import library
from pipeline.tally.visitors import Visitors
from tests.support.engines import MODIFIED, read_by_both
from tests.support.examples import examples
from tests.support.odd_logs import odd_log

ROOT = Path(__file__).parents[3]
NAMINGS = (
    Naming(),
    Naming("own", VIEWER_HOST, admit=frozenset),
    Naming("own", VIEWER_HOST, admit=frozenset({"b.example"}).intersection),
    Naming("own", DISTRIBUTION, 50),
)
READING = Reading(visitors=Visitors(b"a key"))


def built(folder: Path, *flags: str) -> str:
    """The kernel, compiled from its source as it is committed. Skips where no compiler is."""
    if not shutil.which("cc"):
        pytest.skip("no C compiler here")
    script = (ROOT / "requirements" / "kernel.sh").read_text()
    (folder / "kernel.sh").write_text(script.replace("set -- ", f"set -- {' '.join(flags)} "))
    file = folder / "libkernel.so"
    subprocess.run(["sh", folder / "kernel.sh", file], cwd=ROOT, check=True)
    return str(file)


@pytest.fixture(scope="module", params=["", "-DPORTABLE", "-DTINY"])
def _kernel(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """The kernel, the one for other processors, and one that comes to every limit at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "FILE", built(tmp_path_factory.mktemp("kernel"), request.param))
        if request.param == "-DTINY":
            patch.setattr(plain, "_LEAST", 0)
            patch.setattr(plain, "_POOL", 5)
        library.load.cache_clear()
        assert library.is_built()
        yield
    library.load.cache_clear()


@pytest.mark.usefixtures("_kernel")
@examples(200)
@given(st.integers(0, 2**40))
def test_both_engines_find_the_same_in_odd_logs(seed: int) -> None:
    """Tables, totals, histograms, visitors, reasons, line numbers; or they refuse it alike."""
    rng = random.Random(seed)
    piece = rng.choice([17, 300, 5000, 1 << 18])
    read_by_both(odd_log(seed), READING, rng.choice(NAMINGS), piece=piece)


@pytest.mark.usefixtures("_kernel")
@pytest.mark.parametrize("form", ["v1", "v2-w3c", "realtime-default", "realtime-canonical"])
def test_both_engines_find_the_same_in_ordinary_logs(form: str) -> None:
    """And no line of them is left to the Arrow path."""
    found = read_by_both(FORMATS[form](requests(3, 3000)), READING)
    assert isinstance(found, Parsed)
    assert found.records == 3000


def test_a_large_log_is_counted_in_a_thread_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the next of its text is inflated, with the same figures."""
    monkeypatch.setattr(library, "FILE", built(tmp_path))
    monkeypatch.setattr(plain, "_LEAST", 8192)
    library.load.cache_clear()
    body = FORMATS["v1"](requests(3, 30_000))
    found = read_by_both(body, replace(READING, workers=2))
    assert isinstance(found, Parsed)
    assert found.rows == parse([body], MODIFIED, replace(READING, native=True)).rows
    assert found.records == 30_000
    monkeypatch.undo()
    library.load.cache_clear()


def standard(*lines: str) -> bytes:
    """An object of lines of a time, a host, a path, a status, a time taken and an address."""
    names = "date time x-host-header cs-uri-stem sc-status time-taken c-ip"
    rows = (f"#Fields: {names}", *lines)
    return "".join(f"{row}\n" for row in rows).replace(" ", "\t").encode()


@pytest.mark.usefixtures("_kernel")
def test_many_hours_of_many_sites_are_kept_apart() -> None:
    """Interleaved, and more than the kernel holds at a time."""
    lines = [
        f"2026-11-{1 + n % 21:02} {n % 24:02}:00:00 h{n % 7}.example /{n} 200 0.1 192.0.2.{n % 50}"
        for n in range(3000)
    ]
    naming = Naming("own", VIEWER_HOST, admit=frozenset)
    found = read_by_both(standard(*lines), READING, naming)
    assert isinstance(found, Parsed)
    assert len(found.rows) == len({(line[:13], line.split()[2]) for line in lines})


@pytest.mark.usefixtures("_kernel")
def test_a_long_session_is_spread_over_the_hours_before() -> None:
    """By whole seconds, up to a day back."""
    lines = [
        f"2026-11-22 10:{n:02}:00 a.example /ws {101 if n % 2 else 200} {n * 3571}.{n} 192.0.2.1"
        for n in range(60)
    ]
    text = standard(*lines).replace(b"time-taken", b"time-taken\tsc-bytes")
    text = text.replace(b"\t192.0.2.1", b"\t999999999999\t192.0.2.1")
    found = read_by_both(text, READING)
    assert isinstance(found, Parsed)
    (aggregate,) = found.rows.values()
    assert len(aggregate.totals.five_minutes) == 25
    assert aggregate.totals.sessions == 30


@pytest.mark.usefixtures("_kernel")
def test_more_values_than_a_table_takes_at_once_are_counted() -> None:
    """As many distinct paths and addresses as an hour keeps."""
    lines = [
        f"2026-11-22 10:00:00 a.example /{n}/{'p' * (n % 40)} 200 0.1 10.0.{n >> 8}.{n & 255}"
        for n in [*range(900), *range(0, 900, 7)]
    ]
    found = read_by_both(standard(*lines), READING)
    assert isinstance(found, Parsed)
    (aggregate,) = found.rows.values()
    assert len(aggregate.sketches.tables["path"]) == 900


@pytest.mark.usefixtures("_kernel")
def test_a_flood_of_values_is_counted_within_the_bound() -> None:
    """More distinct paths than the kernel holds: every request is counted, frequent ones too."""
    flood = [
        f"2026-11-22 10:00:00 a.example /{n if n % 5 else 'often'} 200 0.1 10.{n % 99}.0.1"
        for n in range(90_000)
    ]
    found = parse([standard(*flood)], MODIFIED, replace(READING, native=True))
    (aggregate,) = found.rows.values()
    table = aggregate.sketches.tables["path"]
    assert int(table.counts[0].sum()) + table.other.requests == found.records == 90_000
    assert table.bound <= 90_000 / 1001
    (often,) = table.vectors({"/often"}).values()
    assert 18_000 - table.bound <= often.requests <= 18_000


@pytest.mark.usefixtures("_kernel")
def test_lines_without_a_header_are_counted_by_the_kernel_too() -> None:
    """In the layout that was configured for them."""
    reading = replace(
        READING, configured=(listed_layout("date time cs-uri-stem sc-status", "ours"),)
    )
    text = b"".join(b"2026-11-22\t10:%02d:00\t/%d\t200\n" % (n % 60, n) for n in range(500))
    found = read_by_both(text, reading)
    assert isinstance(found, Parsed)
    assert (found.records, found.layout) == (500, "ours")


def test_a_library_of_another_kernel_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is none, that is missing, or that has another number: Arrow counts, the same."""
    file = tmp_path / "libkernel.so"
    for other in (None, "text", "older"):
        if other == "text":
            file.write_text("no library")
        if other == "older":
            file = Path(built(tmp_path))
            monkeypatch.setattr(library, "ABI", library.ABI + 1)
        monkeypatch.setattr(library, "FILE", str(file))
        library.load.cache_clear()
        assert not library.is_built()
        assert not Reading().native
    library.load.cache_clear()


def test_an_engine_that_is_not_there_is_a_setting_to_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`native` insists on the kernel, `arrow` does without it."""
    monkeypatch.setattr(library, "FILE", "/nowhere/libkernel.so")
    library.load.cache_clear()
    store = open_store(Settings(store="memory://"))
    with pytest.raises(SettingError, match="EDGETALLY_ENGINE"):
        open_ingest(Settings(store="memory://", engine="native"), store)
    assert not open_ingest(Settings(store="memory://"), store).reader.reading.native
    library.load.cache_clear()
    assert not open_ingest(Settings(store="memory://", engine="arrow"), store).reader.reading.native
