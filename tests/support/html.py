"""A page as a parser sees it: valid HTML, with nothing that runs or loads."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import html5lib

Element = Any
"""An element of the standard library's tree; the parser has no types."""


class Page(NamedTuple):
    """A parsed page."""

    root: Element

    @classmethod
    def of(cls, text: str) -> "Page":
        """The page of a text. Raises html5lib's ParseError for what is not valid."""
        parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
        return cls(parser.parse(text))

    def all(self, tag: str) -> list[Element]:
        """The elements of a name, whatever their namespace."""
        return [each for each in self.root.iter() if _name(each) == tag]

    def text(self, element: Element | None = None) -> str:
        """The text of an element, or of all."""
        return "".join((self.root if element is None else element).itertext())

    def attributes(self, name: str) -> list[str]:
        """Every value of an attribute."""
        return [each.get(name) for each in self.root.iter() if each.get(name) is not None]

    def dangers(self) -> Iterator[str]:
        """Whatever could run or load: elements and attributes that a page without script lacks."""
        for element in self.root.iter():
            if _name(element) in ("script", "iframe", "object", "embed", "link", "img", "base"):
                yield f"<{_name(element)}>"
            for name, value in element.attrib.items():
                if name.startswith("on") or name in ("src", "srcset", "style", "srcdoc"):
                    yield f"{name}={value}"
                if name in ("href", "action", "formaction") and ":" in value.split("?")[0]:
                    yield f"{name}={value}"

    def list_of(self, dimension: str) -> list[list[str]]:
        """The rows of a dimension's first list: the value and the cells."""
        (section,) = (
            each for each in self.all("section") if each.get("aria-labelledby") == f"l-{dimension}"
        )
        rows = [each for each in section.iter() if _name(each) == "tr"]
        return [[self.text(cell) for cell in row] for row in rows[1:]]

    def figures(self) -> dict[str, str]:
        """The figures at the top by their names, without how exact they are."""
        (figures,) = (each for each in self.all("dl") if each.get("class") == "figs")
        return {self.text(each[0]).partition(" ±")[0]: self.text(each[1]) for each in figures}


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
