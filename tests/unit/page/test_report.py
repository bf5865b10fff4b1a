"""The report: one file without a script, whose figures are those of the API."""

import gzip
import io
import json
import sys
import zlib
from pathlib import Path

import pytest

from demo.fortnight import hours
from pipeline.cli.app import main
from pipeline.hours import ALWAYS
from pipeline.page import words
from pipeline.page.report import FORMS, Report
from pipeline.page.view import Source
from tests.support.fortnight import NOW, fortnight
from tests.support.hostile import HOSTILE_FIELDS, hostile_log, line, log
from tests.support.html import Page


@pytest.fixture(scope="module")
def source() -> Source:
    """The report of two weeks."""
    return Report(ALWAYS, "Europe/Berlin").source(fortnight(), NOW)


@pytest.fixture(scope="module")
def page(source: Source) -> Page:
    """Its page, parsed."""
    return Page.of(FORMS["html"](source))


def test_it_is_one_valid_file_that_loads_and_runs_nothing(source: Source, page: Page) -> None:
    """Its policy stands in it, and it is small."""
    text = FORMS["html"](source)
    assert list(page.dangers()) == []
    (policy,) = (
        each.get("content") for each in page.all("meta") if each.get("http-equiv") is not None
    )
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert len(text.encode()) <= 150_000
    assert len(zlib.compress(text.encode(), 9)) <= 25_000


def test_its_figures_are_those_of_the_overview(source: Source, page: Page) -> None:
    """The ones at the top, and every list."""
    overview = source.answer.data
    figures = page.figures()
    assert figures["Requests"] == f"{overview.figures['requests']:,}"
    assert figures["Hit ratio of cacheable"].startswith(
        f"{100 * (overview.figures['cacheable_hit_ratio'] or 0):.1f}"
    )
    rankings = {ranking.dimension: ranking for ranking in reversed(overview.lists)}
    shown = [name for name, each in rankings.items() if f"l-{name}" in page.attributes("id")]
    assert len(shown) == len(rankings)
    for name in shown:
        metric = 1 if name == "crawler" else 0
        cells = [row[1 + metric] for row in page.list_of(name)]
        assert cells == [str(words.count(entry.requests)) for entry in rankings[name].entries]


def test_its_account_adds_up(source: Source, page: Page) -> None:
    """Log objects, and lines: counted and rejected."""
    account = source.answer.data.account
    text = page.text()
    for number in (account.objects, account.counted):
        assert f"{number:,}" in text
    assert account.objects == 336


def test_the_charts_can_be_read_without_seeing_them(page: Page) -> None:
    """Each has a title, a description, and a table."""
    charts = [each for each in page.all("svg") if each.get("role") == "img"]
    assert len(charts) == 5
    known = set(page.attributes("id"))
    for chart in charts:
        assert set(chart.get("aria-labelledby").split()) <= known
    for figure in page.all("figure"):
        assert any(page.text(each).startswith("Table by") for each in figure.iter("summary"))


def test_the_other_forms_say_the_same(source: Source) -> None:
    """JSON is the overview itself; CSV and Markdown have its requests."""
    requests = source.answer.data.figures["requests"]
    assert json.loads(FORMS["json"](source))["data"]["figures"]["requests"] == requests
    assert f"figures.requests,{requests}\r\n" in FORMS["csv"](source)
    assert f"| Requests | {requests:,} |" in FORMS["md"](source)


@pytest.mark.parametrize("field", HOSTILE_FIELDS)
def test_hostile_values_are_text(field: str, tmp_path: Path) -> None:
    """In every field that is listed: the page is valid, and nothing in it runs or loads."""
    file, report = tmp_path / "hostile.log", tmp_path / "r.html"
    file.write_text(hostile_log(field), encoding="utf-8")
    assert main(["report", str(file), "-o", str(report)]) == 0
    page = Page.of(report.read_text("utf-8"))
    assert list(page.dangers()) == []
    assert "\u202e" not in page.text()
    assert "\x1b" not in page.text()
    assert len(page.all("style")) == 1


def test_it_is_made_of_files_folders_and_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same figures, wherever the lines come from."""
    folder = tmp_path / "logs"
    folder.mkdir()
    lines = b""
    for name, body in list(hours(3, NOW, 8))[-30:]:
        (folder / name).write_bytes(body)
        lines += gzip.decompress(body)
    output = tmp_path / "report.html"
    assert main(["report", str(folder), "-o", str(output), "--title", "My <site>"]) == 0
    page = Page.of(output.read_text("utf-8"))
    assert "Traffic of My <site>" in page.text()
    assert main(["report", str(folder), "--format", "json"]) == 0
    of_folder = json.loads(capsys.readouterr().out)["data"]["figures"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
    assert main(["report", "-", "--format", "json"]) == 0
    of_input = json.loads(capsys.readouterr().out)["data"]["figures"]
    assert of_input["requests"] == of_folder["requests"] > 0
    assert page.figures()["Requests"] == f"{of_folder['requests']:,}"


def test_it_is_made_of_a_store_and_a_part_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Between bounds, and with one value of a dimension."""
    for name, body in list(hours(3, NOW, 8))[-30:]:
        (tmp_path / name).write_bytes(body)
    store = f"sqlite:///{tmp_path}/store.db"
    files = [str(file) for file in tmp_path.glob("*.gz")]
    assert main(["ingest", *files, "--store", store]) == 0
    capsys.readouterr()
    bounds = ["--from", "2026-11-26T12:00Z", "--to", "2026-11-26T18:00Z"]
    options = ["--store", store, *bounds, "--where", "country:DE", "--format", "json"]
    assert main(["report", *options]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["data"]["series"]) == 6
    (countries,) = answer["data"]["lists"]
    requests = {each["value"]: each["requests"] for each in countries["entries"]}
    assert answer["data"]["figures"]["requests"] == requests["DE"]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--where", "colour:red"], 2, "--where"),
        (["--tz", "Mars/Base"], 2, "--tz"),
        (["--format", "pdf"], 2, "--format"),
        (["--store", "memory://"], 2, "--store"),
        (["-o", "s3://bucket/r.html"], 2, "--output"),
    ],
)
def test_a_wrong_option_is_named(
    options: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is written."""
    file = tmp_path / "a.log"
    file.write_text(log(line({})))
    assert main(["report", str(file), *options]) == code
    assert message in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["a.log"]


def test_an_object_that_cannot_be_counted_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report is about the others, and the exit code is 1; without others there is none."""
    (tmp_path / "a.log").write_text(log(line({})))
    (tmp_path / "b.log").write_bytes(b"\x1f\x8bbroken")
    output = tmp_path / "r.html"
    assert main(["report", str(tmp_path), "-o", str(output)]) == 1
    assert "b.log" in capsys.readouterr().err
    assert Page.of(output.read_text("utf-8")).figures()["Requests"] == "1"
    output.unlink()
    assert main(["report", str(tmp_path / "b.log"), "-o", str(output)]) == 1
    assert "nothing to report" in capsys.readouterr().err
    assert not output.exists()
