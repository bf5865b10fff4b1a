"""Templates → pages, and the policy under which a browser shows them: no script, one style."""

from base64 import b64encode
from functools import cache
from hashlib import sha256

from pipeline import __version__
from pipeline.page.jinja import style, templates
from pipeline.page.place import DATA_BASE
from pipeline.page.session import LASTS
from pipeline.page.view import Source, view_of


@cache
def policy() -> str:
    """The Content-Security-Policy of every page: nothing is loaded, and nothing runs."""
    digest = b64encode(sha256(style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


def page(source: Source) -> str:
    """The page of a source, or the report if the source has no address."""
    # A policy in the document cannot have frame-ancestors; a report has no header to hold one.
    inside = policy().partition("; frame-ancestors")[0] if source.address is None else ""
    return templates().get_template("page.html").render(view=view_of(source), policy=inside)


def empty(has_login: bool) -> str:
    """The page of a store in which nothing was counted yet."""
    template = templates().get_template("empty.html")
    base = DATA_BASE if has_login else ""
    return template.render(version=__version__, has_login=has_login, api_base=base, policy="")


def login(state: str, is_wrong: bool) -> str:
    """The form that asks for the secret; `state` is the query of the page behind it."""
    hours = round(LASTS.total_seconds() / 3600)
    template = templates().get_template("login.html")
    return template.render(state=state, is_wrong=is_wrong, hours=hours, policy="")


def notice(name: str, detail: str) -> str:
    """A page that says why there is none."""
    return templates().get_template("notice.html").render(name=name, detail=detail, policy="")
