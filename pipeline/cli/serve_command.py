"""The command that serves a store on this machine."""

import os
import re
import sys
from typing import Annotated

import typer

from pipeline.bootstrap import open_existing, open_service
from pipeline.cli.console import StoreOption, complain, out
from pipeline.environment import TOKEN, serving_token
from pipeline.errors import EdgetallyError, SettingError
from pipeline.settings import load_settings

serving = typer.Typer()

_CARRIED = re.compile(r"[!-~]([ -~]*[!-~])?")


@serving.command(epilog="Example: edgetally serve --store sqlite:///edgetally.db --port 8080")
def serve(
    store: StoreOption = None,
    port: Annotated[int, typer.Option(help="0 takes a free port.", min=0, max=65535)] = 8080,
    token: Annotated[
        str | None,
        typer.Option(
            help="A secret that every request needs, as Bearer token or Basic password. Others "
            f"can see it in the list of processes: better is the environment variable {TOKEN}.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve the page, and the routes of the deployed API, on 127.0.0.1 until Ctrl-C.

    Only this machine is answered, and only under its own names.
    """
    from pipeline.api.app import Api
    from pipeline.api.routes import ROUTES
    from pipeline.cli.gateway import HOST
    from pipeline.cli.server import make_server
    from pipeline.page.door import Door
    from pipeline.page.place import PAGE

    secret = _secret(token)
    settings = load_settings(store=store)
    service = open_service(settings, open_existing(settings), _failed)
    door = Door(service, Api(service, settings.origins))
    try:
        server = make_server(door, port, secret)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)  # it has no address in it
        reason = f"{port} cannot be used: {why}; --port 0 takes a free one"
        raise SettingError("--port", reason) from error
    base = f"http://{HOST}:{server.port}"
    for route in (PAGE, *ROUTES):
        out.print(f"{base}{route.replace('{dimension}', 'path')}", soft_wrap=True)
    sys.stdout.flush()
    server.serve()


def _secret(token: str | None) -> str | None:
    """The secret, None to serve without. Raises SettingError for an empty one, since a variable
    that happens to be empty must not open the server to everybody, and for one that no header can
    carry as it is, since it would open it to nobody."""
    name, secret = ("--token", token) if token is not None else (TOKEN, serving_token())
    if secret is not None and not secret.strip():
        raise SettingError(name, "is empty; leave it out to serve without a secret")
    if secret is not None and not _CARRIED.fullmatch(secret):
        raise SettingError(
            name,
            "has a character that a header cannot carry; letters, digits and signs of ASCII can "
            "be used, and spaces between them, but no line end, such as one at the end of a file",
        )
    return secret


def _failed(error: EdgetallyError) -> None:
    complain(f"the cache or a queue failed: {error}")
