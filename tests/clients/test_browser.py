"""The page in a browser: nothing runs, nothing is loaded, and everybody can use it."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from demo.fortnight import hours
from pipeline.api.app import Api
from pipeline.api.credentials import Credentials
from pipeline.cli.app import main
from pipeline.page.door import Door
from pipeline.page.login import Login
from pipeline.store.memory import MemoryStore
from tests.support.dynamodb_local import skip_or_fail
from tests.support.fortnight import NOW, fortnight, serving, stored
from tests.support.hostile import HOSTILE_FIELDS, hostile_log
from tests.support.stage import staged

SECRET = "the-secret"
WEEK = "/?window=7d&tz=Europe/Berlin"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def chromium(programs: Path) -> str:
    """The browser, for which the clients have a driver."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        skip_or_fail("Chromium is missing: apt-get install chromium")
    assert found is not None
    return found


def door_of(store: MemoryStore) -> Door:
    """The page over a store, behind a login."""
    service = serving(store)
    return Door(
        service, Api(service), Login(lambda: Credentials(SECRET), lambda: NOW, lambda: None)
    )


def browse(programs: Path, *arguments: Any) -> dict[str, Any]:
    """The findings of the browser."""
    done = subprocess.run(
        [programs / "python", Path(__file__).parent / "browse.py", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def check(found: dict[str, Any], url: str) -> None:
    """Nothing was said, asked for elsewhere, inaccessible or too wide."""
    for name, visit in found.items():
        assert visit["said"] == [], name
        assert {each.partition("?")[0].rpartition("/")[0] for each in visit["asked"]} == {url}
        assert visit.get("broken", []) == [], name
        assert (visit.get("wider", []), visit.get("scrolls", False)) == ([], False), name


def test_the_page_is_for_everybody(chromium: str, programs: Path, tmp_path: Path) -> None:
    """Behind its login, in every width, light and dark, with and without script; by keyboard alone
    everything is reached in its order, with a focus that is seen; the controls lead where they say.
    """
    with staged(door_of(fortnight(60))) as url:
        widths = "360,768,1400"
        found = browse(programs, chromium, tmp_path, url + WEEK, SECRET, widths)
    sheets, keyboard, walk = (found.pop(name) for name in ("sheets", "keyboard", "walk"))
    check(found, url)
    assert {visit["title"] for visit in found.values()} == {
        "All sites · 20 Nov to 27 Nov 2026 · edgetally"
    }
    assert 3 <= sheets <= 7
    assert keyboard["unseen"] == []
    assert list(dict.fromkeys(keyboard["places"])) == list(range(keyboard["count"]))
    assert keyboard["count"] > 150
    assert "where=country%3ADE" in walk[0]
    assert walk[1] == f"{url}/?window=7d&tz=Europe%2FBerlin"
    assert "paths=misses" in walk[2]
    assert "window=yesterday" in walk[3]
    assert walk[4] == "All sites · 26 Nov 2026 · edgetally"
    assert "from=2026-11-25" in walk[5]
    assert walk[6] == "All sites · 25 Nov 2026 · edgetally"
    assert "compare=year" in walk[7]
    assert "paths=misses" in walk[7]
    assert walk[8].startswith(f"{url}/data/metrics/overview?")
    assert walk[9] == '{"meta"'
    assert walk[10] == f"{url}/login"


@pytest.mark.parametrize("path", [WEEK, "/login"])
def test_the_login_is_for_everybody(
    path: str, chromium: str, programs: Path, tmp_path: Path
) -> None:
    """It is where every address leads without a session."""
    with staged(door_of(fortnight())) as url:
        found = browse(programs, chromium, tmp_path, url + path, "", "360,1280")
    check(found, url)
    assert {visit["title"] for visit in found.values()} == {"Log in · edgetally"}


def test_a_report_is_for_everybody(chromium: str, programs: Path, tmp_path: Path) -> None:
    """As a file, from which it asks for nothing."""
    report = tmp_path / "report.html"
    logs = tmp_path / "logs"
    logs.mkdir()
    for name, body in list(hours(7, NOW, 8))[-40:]:
        (logs / name).write_bytes(body)
    assert main(["report", str(logs), "-o", str(report)]) == 0
    found = browse(programs, chromium, tmp_path, report.as_uri(), "", "360,1400")
    check(found, tmp_path.as_uri())


def test_hostile_values_do_nothing_in_a_browser(
    chromium: str, programs: Path, tmp_path: Path
) -> None:
    """In every field at once: no dialog, no message, no request; nothing is wider than a phone."""
    service = serving(stored({"hostile.log": hostile_log(*HOSTILE_FIELDS).encode()}))
    with staged(Door(service, Api(service))) as url:
        found = browse(programs, chromium, tmp_path, f"{url}/?window=7d", "", "360,1280")
    check(found, url)


def test_an_empty_store_is_for_everybody(chromium: str, programs: Path, tmp_path: Path) -> None:
    """Its page says what to do first."""
    service = serving(MemoryStore(clock=lambda: NOW))
    with staged(Door(service, Api(service))) as url:
        found = browse(programs, chromium, tmp_path, f"{url}/", "", "360,1280")
    check(found, url)
    assert {visit["title"] for visit in found.values()} == {"No logs yet · edgetally"}
