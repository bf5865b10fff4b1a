"""The words of `attach` and `detach`: line by line for people, one document for programs."""

import json
from collections.abc import Sequence
from typing import Any, NoReturn

import typer

from pipeline.cli.console import complain, out
from pipeline.cli.exits import CHOICE, FAILED
from pipeline.delivery.attach import Step
from pipeline.delivery.choices import Choice
from pipeline.delivery.port import DeliveryError


class Teller:
    """Tells what happens to distributions and buckets; `end` prints the document, if one is wanted.

    The document has, for each name, the `steps` that were missing, a `state` (`on`, `off`,
    `unchanged`, `planned`, `refused`, `choice`) and a `message`.
    """

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._document: dict[str, dict[str, Any]] = {}

    def steps(self, about: str, steps: Sequence[Step]) -> None:
        """Tell what is to be done."""
        words = [{"step": each.words, "has_gap": each.has_gap} for each in steps]
        self._document[about] = {"steps": words, "state": "planned", "message": None}
        if self._as_json:
            return
        for step in steps:
            gap = " (requests of some minutes may be in no log)" if step.has_gap else ""
            out.print(f"{about}: {step.words}{gap}", markup=False, soft_wrap=True)

    def state(self, about: str, state: str, message: str) -> None:
        """Tell how it ended."""
        self._document.setdefault(about, {"steps": []}).update(state=state, message=message)
        if not self._as_json:
            out.print(f"{about}: {message}", markup=False, soft_wrap=True)

    def refused(self, about: str, error: DeliveryError) -> int:
        """Tell why it cannot be done, and return the exit code."""
        is_choice = isinstance(error, Choice)
        state = "choice" if is_choice else "refused"
        self._document.setdefault(about, {"steps": []}).update(state=state, message=str(error))
        complain(f"{about}: {error}")
        return CHOICE if is_choice else FAILED

    def end(self, code: int) -> NoReturn:
        """Print the document where a program reads, and end the command with an exit code."""
        if self._as_json:
            print(json.dumps(self._document, indent=2))
        raise typer.Exit(code)
