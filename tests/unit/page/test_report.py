"""The report: one file without a script, whose figures are those of the API."""

import gzip
import io
import json
import sys
import webbrowser
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from demo.fortnight import hours
from pipeline.cli.app import main
from pipeline.hours import ALWAYS
from pipeline.page import words
from pipeline.page.report import FORMS, Report
from pipeline.page.view import Source
from tests.support.fortnight import NOW, fortnight
from tests.support.hostile import HOSTILE_FIELDS, hostile_log, line, log
from tests.support.html import Page
from tests.support.reports import source_of


@pytest.fixture(scope="module")
def source() -> Source:
    """The report of two weeks."""
    return source_of(fortnight(), NOW, Report(ALWAYS, "Europe/Berlin"))


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
        (["-o", "s3://bucket/"], 2, "--output"),
        (["-o", "s3://bucket"], 2, "--output"),
        (["-o", "s3://"], 2, "--output"),
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


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of S3, where there is a bucket with a log."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="some-bucket")
        client.put_object(Bucket="some-bucket", Key="cf/a.log", Body=log(3 * line({})).encode())
        yield client


def test_it_is_made_of_several_sources_at_once(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A prefix in S3, a folder, a file, and standard input; one that is named twice counts once."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "b.log").write_text(log(5 * line({})))
    (tmp_path / "c.log").write_text(log(7 * line({})))
    stdin = io.TextIOWrapper(io.BytesIO(log(11 * line({})).encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    folder, file = str(tmp_path / "logs"), str(tmp_path / "c.log")
    sources = [
        "s3://some-bucket/cf/",
        folder,
        file,
        "-",
        f"{folder}/b.log",
        "s3://some-bucket/cf/a",
    ]
    assert main(["report", *sources, "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)["data"]
    assert (answer["figures"]["requests"], answer["account"]["objects"]) == (26, 4)


def test_it_is_written_into_a_bucket(bucket: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """With its media type. What is there already is replaced by force alone, a log that is read
    never, and a bucket that is not there is named."""
    report = ["report", "s3://some-bucket/cf/", "-o"]
    assert main([*report, "s3://some-bucket/out/r.html"]) == 0
    written = bucket.get_object(Bucket="some-bucket", Key="out/r.html")
    assert written["ContentType"] == "text/html; charset=utf-8"
    assert Page.of(written["Body"].read().decode()).figures()["Requests"] == "3"
    assert main([*report, "s3://some-bucket/out/r.html"]) == 1
    assert "s3://some-bucket/out/r.html: it is there already; --force replaces it" in (
        capsys.readouterr().err
    )
    assert main([*report, "s3://some-bucket/out/r.html", "--format", "csv", "--force"]) == 0
    written = bucket.get_object(Bucket="some-bucket", Key="out/r.html")
    assert written["ContentType"] == "text/csv; charset=utf-8"
    assert main([*report, "s3://some-bucket/cf/a.log", "--force"]) == 2
    assert main([*report, "s3://nowhere/r.html"]) == 1
    assert "s3://nowhere/r.html: the bucket does not exist" in capsys.readouterr().err


def test_it_is_opened_in_the_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it is written."""
    opened: list[tuple[str, bool]] = []
    report = tmp_path / "a report.html"
    monkeypatch.setattr(
        webbrowser, "open", lambda address: opened.append((address, report.exists()))
    )
    (tmp_path / "a.log").write_text(log(line({})))
    assert main(["report", str(tmp_path / "a.log"), "-o", str(report), "--open"]) == 0
    assert opened == [(report.as_uri(), True)]
