"""A report of a part of the requests says so, and what there is where it has nothing to say."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.app import main
from pipeline.cli.report_command import KEY
from pipeline.ingest.ingest import Ingest
from pipeline.schema.dimensions import DIMENSIONS
from pipeline.store.sqlite import SqliteStore
from tests.support.hostile import line, log
from tests.support.html import Page

Typed = Callable[..., tuple[int, str, str]]


def lines(*countries: str, day: str = "2026-11-24", host: str = "a.example") -> str:
    """A log of v2 with a request from each of these countries."""
    names = "date time sc-status sc-bytes cs-uri-stem x-host-header c-ip cs(User-Agent) c-country"
    rows = (
        f"{day}\t10:00:{place:02}\t200\t100\t/{place}\t{host}\t192.0.2.{place}\tcurl/8\t{country}\n"
        for place, country in enumerate(countries)
    )
    return f"#Version: 1.0\n#Fields: {names}\n{''.join(rows)}"


@pytest.fixture
def typed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Typed:
    """Run a command in a folder with logs: its exit code, and what it printed and said."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.log").write_text(lines("DE", "DE", "US", "-"))

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.mark.parametrize("form", ["html", "md"])
def test_a_filter_is_in_the_heading_and_the_account(typed: Typed, form: str) -> None:
    """No list is shown, as each is of all requests; the reason is said."""
    code, shown, _ = typed("report", "logs", "--where", "country:DE", "--format", form, "-o", "-")
    assert code == 0
    text = Page.of(shown).text() if form == "html" else shown
    heading = next(each for each in text.splitlines() if "Country: Germany" in each)
    assert "Traffic of" in heading
    assert "not kept together with a country" in text
    assert "Figures and charts are of the requests with this country." in text
    if form == "md":
        assert "| Requests | 2 |" in text
        assert text.count("## ") == 1  # its own account
        return
    page = Page.of(shown)
    assert "Country: Germany" in page.text(page.all("title")[0])
    assert page.figures()["Requests"] == "2"
    assert not {f"l-{name}" for name in DIMENSIONS} & set(page.attributes("id"))
    assert not [each for each in page.all("table") if each.get("class") == "lt"]


def test_a_dimension_may_stand_in_the_plural(typed: Typed) -> None:
    """As the summary names its lists."""
    for where in ("country:DE", "countries:DE"):
        _, shown, _ = typed("report", "logs", "--where", where, "--format", "json")
        assert json.loads(shown)["data"]["figures"]["requests"] == 2


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("contry:DE", "'contry' is no dimension; did you mean country; there are: path, "),
        ("Paths:/x", "did you mean path; there"),
        ("land:DE", "'land' is no dimension; there are: path, referrer, host, "),
        ("country", "'country' is no DIMENSION:VALUE, such as country:DE"),
        ("country:", "'country:' is no DIMENSION:VALUE, such as country:DE"),
    ],
)
def test_another_dimension_is_refused_with_those_there_are(
    typed: Typed, where: str, message: str
) -> None:
    """And with the one that was meant."""
    code, _, said = typed("report", "logs", "--where", where)
    assert code == 2
    assert message in said


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (
            "country:de",
            "no request of this window has the country 'de'. Did you mean DE? There are: DE, "
            "unknown, US",
        ),
        ("country:Atlantis", "no request of this window has the country 'Atlantis'. There are: DE"),
        ("referrer:x", "the logs of this window do not have a referrer"),
    ],
)
def test_a_value_that_no_request_has_makes_no_report(
    typed: Typed, where: str, message: str
) -> None:
    """The values that there are stand in the message."""
    code, _, said = typed("report", "logs", "--where", where)
    assert code == 1
    assert message in said
    assert not Path("report.html").exists()


def test_a_window_without_a_request_says_where_there_are_some(typed: Typed) -> None:
    """In a store, and in logs."""
    window = ["--from", "2020-01-01", "--to", "2020-01-02"]
    there_is = "4 requests: --from 2026-11-24T10:00Z --to 2026-11-24T11:00Z"
    code, _, said = typed("report", "logs", *window)
    assert code == 1
    assert f"The logs have {there_is}" in said
    assert typed("ingest", "logs", "--store", "sqlite:///s.db")[0] == 0
    code, _, said = typed("report", "--store", "sqlite:///s.db", *window)
    assert code == 1
    assert f"The store has {there_is}" in said


def test_a_report_is_of_one_site_if_that_is_asked_for(typed: Typed) -> None:
    """It bears its name; a site that is not there is named with those that are."""
    Path("logs/b.log").write_text(lines("DE", "FR", host="b.example"))
    assert typed("ingest", "logs", "--store", "sqlite:///s.db", "--json")[0] == 0
    _, shown, _ = typed("report", "--store", "sqlite:///s.db", "--format", "json")
    both = json.loads(shown)["data"]["figures"]["requests"]
    _, shown, _ = typed("objects", "--store", "sqlite:///s.db", "--json")
    code, _, said = typed("report", "--store", "sqlite:///s.db", "--site", "x")
    assert code == 2
    known = re.search(r"--site: the store has no site 'x'; there are: (.+)", said)
    assert known
    sites = known[1].split(", ")
    requests = 0
    for site in sites:
        options = ["--store", "sqlite:///s.db", "--site", site]
        _, shown, _ = typed("report", *options, "--format", "json")
        requests += json.loads(shown)["data"]["figures"]["requests"]
        _, shown, _ = typed("report", *options, "--format", "md")
        assert shown.startswith(f"# Traffic of {site.replace('(', chr(92) + '(')}"[:14])
    assert requests == both == 6


def test_a_report_compares_with_the_window_before(typed: Typed) -> None:
    """Of the bounds that were asked for, not of the hours that have requests."""
    Path("logs/b.log").write_text(lines("DE", "FR", day="2026-11-23"))
    window = ["--from", "2026-11-24", "--to", "2026-11-25", "--compare", "previous"]
    _, shown, _ = typed("report", "logs", *window, "--format", "json")
    answer = json.loads(shown)
    assert answer["data"]["figures"]["requests"] == 4
    assert answer["compare"]["from"].startswith("2026-11-23T00:00")
    assert answer["compare"]["figures"]["requests"] == 2
    _, shown, _ = typed("report", "logs", *window, "--format", "md")
    assert "| figure | value | was | change |" in shown
    _, shown, _ = typed("report", "logs", *window, "-o", "-")
    assert "was 2" in Page.of(shown).text()
    ever = ["--from", "1970-01-01", "--to", "9997-01-01", "--compare", "year"]
    _, shown, _ = typed("report", "logs", *ever, "--format", "json")
    assert json.loads(shown)["compare"]["figures"]["requests"] == 0


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--compare", "never"], 2, "--compare: 'never' is none of previous, year"),
        (["--hours", "0"], 2, "--hours"),
        (["--hours", "2", "--window", "7d"], 2, "cannot be combined"),
    ],
)
def test_a_window_that_there_is_not_is_refused(
    typed: Typed, options: list[str], code: int, message: str
) -> None:
    """As by the other commands."""
    found = typed("report", "logs", *options)
    assert found[0] == code
    assert message in found[2]


def test_the_same_logs_give_the_same_visitors(typed: Typed) -> None:
    """Run by run; the key of a store that is kept is another one each time."""
    Path("logs/a.log").write_text(lines(*["DE"] * 60))
    reports = [typed("report", "logs", "--format", "csv")[1] for _ in range(2)]
    assert reports[0] == reports[1]
    assert "figures.unique_visitors,6" in reports[0]
    for name in ("a", "b"):
        assert typed("ingest", "logs", "--store", f"sqlite:///{name}.db")[0] == 0
    keys = {SqliteStore(Path(f"{name}.db")).visitor_key() for name in ("a", "b")}
    assert len(keys | {KEY}) == 3


def test_an_interrupted_report_says_that_nothing_is_kept(
    typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is committed, and the same command begins anew."""

    def interrupt(self: Ingest, refs: Any, **more: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Ingest, "__call__", interrupt)
    code, _, said = typed("report", "logs")
    assert code == 130
    assert "interrupted: 0 of 1 object read. No report was written, and nothing is kept" in said
    assert "committed" not in said
    assert not Path("report.html").exists()


def test_a_hostile_value_of_a_filter_is_text(typed: Typed) -> None:
    """In the heading and the title."""
    hostile = "<script>alert(1)</script>"
    Path("logs/a.log").write_text(log(line({"cs-uri-stem": hostile})))
    code, shown, _ = typed("report", "logs", "--where", f"path:{hostile}", "-o", "-")
    assert code == 0
    page = Page.of(shown)
    assert list(page.dangers()) == []
    assert f"Path: {hostile}" in page.text()
