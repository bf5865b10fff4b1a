"""The commands that show the traffic, in all their forms."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from pipeline.answer.calendar import NAMED_WINDOWS
from pipeline.cli.app import main
from pipeline.cli.cut import Cut, cut
from pipeline.cli.words import change_of

ROWS = {
    "2020-11-22\t10:30:00\t/long/way/to/a.html\t100": 3,
    "2020-11-22\t23:30:00\t/b|c\t50": 2,
    "2020-11-23\t00:30:00\t/b|c\t50": 1,
}


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of six requests in three hours of two days."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGETALLY_STORE", "sqlite:///t.db")
    monkeypatch.setenv("COLUMNS", "200")
    lines = "".join(f"{row}\n" * count for row, count in ROWS.items())
    body = f"#Fields: date time cs-uri-stem sc-bytes\n{lines}".encode()
    Path("E1.2020-11-22-10.a.gz").write_bytes(gzip.compress(body))
    assert main(["ingest", "E1.2020-11-22-10.a.gz"]) == 0


def shown(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert main(arguments) == code, capsys.readouterr()
    captured = capsys.readouterr()
    return captured.out, captured.err


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(shown(capsys, *arguments, "--json")[0])


def test_a_series_has_every_bucket(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a window from the first request to the last, in the shape of the API's answer."""
    by_hour = document(capsys, "series", "--metrics", "requests,bytes")
    assert [row["requests"] for row in by_hour["data"]] == [3, *[0] * 12, 2, 1]
    assert by_hour["meta"]["query"]["metrics"] == ["requests", "bytes"]
    by_day = document(capsys, "series", "--by", "day")
    assert [row["requests"] for row in by_day["data"]] == [5, 1]
    zoned = document(capsys, "series", "--by", "day", "--tz", "Europe/Berlin")
    assert [row["requests"] for row in zoned["data"]] == [3, 3]
    assert zoned["data"][1]["start"] == "2020-11-23T00:00:00+01:00"


def test_a_series_is_csv_and_markdown_too(capsys: pytest.CaptureFixture[str]) -> None:
    """CSV as the API has it, a table that Markdown reads, and one for people."""
    options = ["series", "--by", "day", "--metrics", "requests,bytes"]
    rows = list(csv.DictReader(io.StringIO(shown(capsys, *options, "--format", "csv")[0])))
    assert [(row["start"], row["requests"], row["bytes"]) for row in rows] == [
        ("2020-11-22T10:00:00Z", "5", "400"),
        ("2020-11-23T00:00:00Z", "1", "50"),
    ]
    markdown = shown(capsys, *options, "--format", "md")[0].splitlines()
    assert markdown[0].startswith("| day | requests | bytes |")
    assert markdown[2].startswith("| 2020\\-11\\-22 | 5 | 400 B |") or markdown[2].startswith(
        "| 2020-11-22 | 5 | 400 B |"
    )
    table = shown(capsys, *options)[0].splitlines()
    assert table[1].split()[:4] == ["2020-11-22", "5", "400", "B"]


def test_a_window_is_compared_with_the_one_before(capsys: pytest.CaptureFixture[str]) -> None:
    """By both commands, with the change of each figure."""
    window = ["--from", "2020-11-23", "--to", "2020-11-24", "--compare", "previous"]
    summary = document(capsys, "summary", *window)
    assert (summary["total_records"], summary["compare"]["data"]["total_records"]) == (1, 5)
    assert summary["compare"]["from"] == "2020-11-22T00:00:00Z"
    assert summary["compare"]["change"]["total_records"] == {"absolute": -4, "relative": -0.8}
    assert "-80.0 %" in shown(capsys, "summary", *window)[0]
    assert "| requests | 1 | 5 |" in shown(capsys, "summary", *window, "--format", "md")[0]
    series = document(capsys, "series", "--by", "day", *window)
    assert series["compare"]["data"][0]["requests"] == 5
    assert "1 (-80.0 %)" in shown(capsys, "series", "--by", "day", *window)[0]


def test_a_summary_is_csv_and_markdown_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A logged value is text in both."""
    rows = dict(csv.reader(io.StringIO(shown(capsys, "summary", "--format", "csv")[0])))
    assert (rows["total_records"], rows["paths.1.value"]) == ("6", "/long/way/to/a.html")
    markdown = shown(capsys, "summary", "--format", "md")[0]
    assert "| requests | 6 |" in markdown
    assert "| /b\\|c | 3 | 150 B |" in markdown


@pytest.mark.parametrize("command", ["summary", "series"])
@pytest.mark.parametrize("form", ["table", "json", "csv", "md"])
@pytest.mark.parametrize("name", NAMED_WINDOWS)
def test_a_window_without_requests_says_what_there_is(
    command: str, form: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr, in every form, as a window that can be typed; and this one shows it all."""
    said = shown(capsys, command, "--window", name, "--format", form)[1]
    assert "No requests in this window. The store has 6 requests" in said
    options = said.split("requests: ")[1].split()
    found = document(capsys, "summary", *options)
    assert found["total_records"] == 6


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["series", "--by", "fortnight"], "--by: 'fortnight' is none of hour, day, week, month"),
        (["series", "--metrics", "hits,x"], "--metrics: 'x' is none of requests"),
        (["series", "--window", "x"], "--window: 'x' is none of 24h"),
        (["series", "--tz", "Mars"], "--tz: 'Mars' is no IANA time zone"),
        (
            ["series", "--by", "day", "--tz", "Africa/Monrovia", "--from", "1971-05-05"],
            "--tz: this zone cannot be used",
        ),
        (["series", "--format", "xml"], "--format: 'xml' is none of table"),
        (["series", "--compare", "x"], "--compare: 'x' is none of previous, year"),
        (["series", "--compare", "year", "--format", "csv"], "--compare: needs --format"),
        (["series", "--site", "E2"], "--site: the store has no site 'E2'; there are: E1"),
        (["series", "--to", "9000-01-01", "--by", "hour"], "--by: makes more than"),
        (["series", "--from", "1000-01-01"], "--from: '1000-01-01' is not from 1970 to 9998"),
        (["summary", "--from", "1969-12-31"], "--from: '1969-12-31' is not from 1970 to 9998"),
        (["summary", "--to", "9999-12-31"], "--to: '9999-12-31' is not from 1970 to 9998"),
        (["summary", "--from", "2026"], "--from: '2026' is no date or time; write"),
        (["series", "--window", "7d", "--hours", "3"], "--window: cannot be combined with --hours"),
        (["series", "--hours", "3", "--from", "1"], "--hours: cannot be combined with --from"),
        (["summary", "--compare", "x"], "--compare: 'x' is none of"),
        (["summary", "--from", "2020-13-01"], "--from: '2020-13-01' is no date or time; write"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_question_names_its_option(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what would be right; exit code 2."""
    assert said in shown(capsys, *arguments, code=2)[1]


@given(st.text(max_size=60), st.integers(1, 70))
def test_a_long_value_is_cut_in_the_middle(text: str, width: int) -> None:
    """It keeps its beginning and its end, and is never wider than its place."""
    short = cut(text, width)
    assert cell_len(short) <= width
    if short != text:
        head, _, tail = short.partition("…")
        assert text.startswith(head)
        assert text.endswith(tail)


def test_nothing_is_cut_in_a_file() -> None:
    """A terminal shows the ends of a long path, a pipe the whole of it."""
    path = "/a" + "/very" * 40 + "/end.html"
    for terminal in (True, False):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=60, color_system=None)
        console.print(Cut(path))
        printed = console.file.getvalue()  # type: ignore[attr-defined]
        assert ("…" in printed) == terminal
        assert (printed.replace("\n", "") == path) != terminal
        assert printed.rstrip().endswith("/end.html")


@pytest.mark.parametrize(
    ("now", "before", "change"),
    [
        (3, 2, "+50.0 %"),
        (1, 5, "-80.0 %"),
        (2, 2, "same"),
        (1, 0, "new"),
        (0, 0, "same"),
        (None, 1, "unknown"),
    ],
)
def test_a_change_is_in_percent(now: int | None, before: int | None, change: str) -> None:
    """Or a word where a percentage would say nothing."""
    assert change_of(now, before) == change


def test_figures_that_a_zone_off_the_hour_does_not_have_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And the hours that a summary is widened to."""
    days = ("series", "--by", "day", "--tz", "Asia/Kolkata")
    said = shown(capsys, *days)[1]
    assert "unknown in hours and days of Asia/Kolkata: hit_ratio, errors_4xx" in said
    assert shown(capsys, *days, "--metrics", "requests,bytes")[1] == ""
    said = shown(capsys, "series", "--by", "day", "--metrics", "hits,misses,errors_5xx")[1]
    assert [line.split(";")[0] for line in said.splitlines()] == [
        "sc_status: not in the logs of 6 requests",
        "x_edge_result_type: not in the logs of 6 requests",
    ]
    said = shown(capsys, "summary", "--tz", "Asia/Kolkata", "--from", "2020-11-22")[1]
    assert "these figures begin at 2020-11-21T23:30:00+05:30" in said
