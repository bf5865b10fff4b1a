"""What holds for the project itself."""

import ast
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import boto3
import pytest

ROOT = Path(__file__).parent.parent.parent
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_every_test_says_what_it_proves(file: Path) -> None:
    """In a docstring of its own, which ends as a sentence does."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            sentence = ast.get_docstring(node) or ""
            assert sentence.endswith("."), f"{file.name}:{node.lineno} {node.name}"


def test_the_readme_names_every_command_and_setting() -> None:
    """What can be typed or set is documented."""
    from typer.main import get_command

    from pipeline.cli.app import app
    from pipeline.environment import PREFIX
    from pipeline.settings import Settings

    text = (ROOT / "README.md").read_text() + (ROOT / "docs" / "settings.md").read_text()
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    targets = re.findall(r"^  (make \w+)", done.stdout, re.MULTILINE)
    assert len(targets) > 5
    wanted = [
        *targets,
        *(f"edgetally {command}" for command in get_command(app).commands),  # type: ignore[attr-defined]
        *(f"{PREFIX}{name.upper()}" for name in Settings.model_fields),
    ]
    assert [each for each in wanted if each not in text] == []


def test_every_reason_for_a_rejected_line_is_documented() -> None:
    """The list of reasons is closed, and users find each of them."""
    from pipeline.read.records import REASONS

    text = (ROOT / "docs" / "formats.md").read_text()
    assert [reason for reason in REASONS if f"| `{reason}` |" not in text] == []


def test_the_readme_shows_how_to_invoke_with_every_sample_event() -> None:
    """Each file of events/ stands in a `sam local invoke` line."""
    text = (ROOT / "README.md").read_text()
    missing = [
        path.name for path in (ROOT / "events").glob("*.json") if f"events/{path.name}" not in text
    ]
    assert missing == []


def test_a_test_has_credentials_that_open_nothing() -> None:
    """And no settings, wherever AWS's libraries look for them."""
    credentials = boto3.Session().get_credentials()
    assert credentials is not None
    assert (credentials.access_key, credentials.secret_key) == ("test", "test")
    assert credentials.token is None
    assert boto3.Session().profile_name == "default"
    assert not [name for name in os.environ if name.startswith("EDGETALLY_")]


def test_a_test_cannot_reach_a_real_account(tmp_path: Path) -> None:
    """Whatever credentials and settings the person has who runs the tests."""
    assert sys.prefix != sys.base_prefix, "tests run in the project's own environment"
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(
        "[production]\naws_access_key_id = real\naws_secret_access_key = real\n"
    )
    person = {
        "HOME": str(tmp_path),
        "AWS_PROFILE": "production",
        "AWS_ACCESS_KEY_ID": "real",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_SESSION_TOKEN": "real",
        "EDGETALLY_STORE": "dynamodb://production",
    }
    test = f"{Path(__file__)}::{test_a_test_has_credentials_that_open_nothing.__name__}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", test],
        env=os.environ | person,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


MODULE_LINES, FUNCTION_LINES, ROOM_PERCENT = 300, 40, 20
OPENING = re.compile(r"(What|Who|Which|Those|See)\b")
SOURCES = sorted((ROOT / "pipeline").rglob("*.py")) + sorted((ROOT / "handlers").rglob("*.py"))


def room(file: Path) -> str:
    """The folder that a module lies in: pipeline/read, or handlers, or the ground."""
    return "/".join(file.relative_to(ROOT).parts[:-1][:2])


def test_modules_functions_and_rooms_are_small() -> None:
    """So that each can be read in one go; `pytest -s` prints the largest."""
    modules = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in SOURCES}
    functions = {
        f"{file.relative_to(ROOT)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    rooms: Counter[str] = Counter()
    for file in SOURCES:
        rooms[room(file)] += modules[str(file.relative_to(ROOT))]
    lines = rooms.total()
    print(f"\n{lines:,} lines in {len(modules)} modules")
    for name, count in rooms.most_common():
        print(f"{count / lines:6.1%} {name}")
    for sizes, most in ((modules, MODULE_LINES), (functions, FUNCTION_LINES)):
        for name, count in Counter(sizes).most_common(5):
            print(f"{count:6} {name}")
        assert {name: count for name, count in sizes.items() if count > most} == {}
    most = lines * ROOM_PERCENT // 100
    assert {name: count for name, count in rooms.items() if count > most} == {}


def test_a_docstring_names_its_subject() -> None:
    """It begins with the thing, and neither with a clause nor with a pointer elsewhere."""
    begun = [
        f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and OPENING.match(ast.get_docstring(node) or "")
    ]
    assert begun == []


@pytest.mark.parametrize(
    "file", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda f: f.name
)
def test_every_package_is_pinned_by_its_hash(file: Path) -> None:
    """To one version and its files; and no file says from which index it comes."""
    text = file.read_text()
    packages = [block for block in re.split(r"\n(?=\S)", text) if not block.startswith("#")]
    assert packages
    for package in packages:
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+", package), package
        assert "--hash=sha256:" in package, package
    assert "://" not in text
    assert "--index" not in text


def test_a_package_that_lambda_would_refuse_is_not_built(tmp_path: Path) -> None:
    """The build ends with the size, not the upload."""
    made = tmp_path / "large"
    made.mkdir()
    (made / "library").write_bytes(bytes(241 << 20))
    (tmp_path / "none.txt").write_text("")
    done = subprocess.run(
        ["sh", "requirements/package.sh", str(tmp_path / "none.txt"), str(made)],
        cwd=ROOT,
        env={**os.environ, "ARCHITECTURE": "local"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "MB, and Lambda takes 250" in done.stderr
