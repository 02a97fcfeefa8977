"""An HTML report as tests look at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "link", "br", "hr", "img", "input"}


@dataclass
class Element:
    """One element: its tag, its attributes, its text and that of everything within."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    within: list[str] = field(default_factory=list)


class Outline(HTMLParser):
    """Every element of a page, in the order they begin."""

    def __init__(self, page: str) -> None:
        """Reads a page; an element that is not closed in its place fails the test."""
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(page)
        self.close()
        assert not self._open, f"{self._open[-1].tag} is never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        element = Element(tag, {name: value or "" for name, value in attrs})
        for outer in self._open:
            outer.within.append(tag)
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without content."""
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        """An element ends."""
        assert self._open, f"{tag} is closed and never opened"
        opened = self._open.pop()
        assert opened.tag == tag, f"{opened.tag} is closed by {tag}"

    def handle_data(self, data: str) -> None:
        """Text."""
        for element in self._open:
            element.text += data

    def all(self, *tags: str) -> list[Element]:
        """The elements of some tags."""
        return [element for element in self.elements if element.tag in tags]
