"""The templates: compiled from their files, or code already, in a package that was built.

python -m pipeline.page.jinja    compiles them beside this module, for the functions' packages: else
each start of a function would.
"""

from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import BaseLoader, Environment, ModuleLoader, PackageLoader, StrictUndefined
from markupsafe import Markup

COMPILED = Path(__file__).parent / "compiled"


@cache
def style() -> str:
    """The one style of every page."""
    return (files("pipeline.page") / "templates" / "style.css").read_text("utf-8").replace("\n", "")


@cache
def templates() -> Environment:
    """All templates, by the names of their files."""
    return environment(ModuleLoader(COMPILED) if COMPILED.is_dir() else PackageLoader(__package__))


def environment(loader: BaseLoader) -> Environment:
    """The templates of a loader, which show every value as text."""
    made = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["style"] = Markup(style())  # noqa: S704 - it is a file of ours
    return made


def compile_into(folder: Path) -> None:
    """Write the code of all templates to a folder."""
    sources = environment(PackageLoader(__package__))
    sources.compile_templates(folder, extensions=["html"], zip=None, ignore_errors=False)


if __name__ == "__main__":
    compile_into(COMPILED)
