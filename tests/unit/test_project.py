"""What holds for the project itself."""

import ast
import re
import subprocess
import sys
from pathlib import Path

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
    from pipeline.settings import PREFIX, Settings

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
        path.name for path in (ROOT / "events").iterdir() if f"events/{path.name}" not in text
    ]
    assert missing == []


def test_a_test_cannot_reach_a_real_account() -> None:
    """Credentials and settings of the person who runs the tests are out of reach."""
    import os

    assert os.environ["AWS_ACCESS_KEY_ID"] == "test"
    assert not [name for name in os.environ if name.startswith("EDGETALLY_")]
    assert sys.prefix != sys.base_prefix, "tests run in the project's own environment"
