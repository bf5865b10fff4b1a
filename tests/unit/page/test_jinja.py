"""Templates: the same page, whether they are compiled when a package is built or when one asks."""

from pathlib import Path

import pytest
from jinja2 import ModuleLoader, TemplateNotFound

from pipeline.page import render
from pipeline.page.jinja import COMPILED, compile_into, environment, templates
from tests.support.fortnight import fortnight
from tests.unit.page.test_door import door_of, request


def test_compiled_templates_make_the_same_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte for byte, and without their files."""
    assert not COMPILED.exists()
    door = door_of(fortnight())
    pages = [request(door, "/?window=7d").text, render.login("window=7d", is_wrong=True)]
    compile_into(tmp_path)
    compiled = environment(ModuleLoader(tmp_path))
    monkeypatch.setattr(render, "templates", lambda: compiled)
    assert [request(door, "/?window=7d").text, render.login("window=7d", is_wrong=True)] == pages
    with pytest.raises(TemplateNotFound):
        compiled.get_template("nothing.html")


def test_every_template_is_compiled(tmp_path: Path) -> None:
    """None of them would be looked for at a request."""
    compile_into(tmp_path)
    names = [name for name in templates().list_templates() if name.endswith(".html")]
    assert len(list(tmp_path.glob("tmpl_*.py"))) == len(names) > 5
