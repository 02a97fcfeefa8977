"""The report as one HTML file that needs nothing else: no request to any host, no script.

Figures stand in it as SVG with a description and their numbers as a table; it reads without a style sheet
and prints.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from teiten_collector.report.composition import compose
from teiten_collector.report.figures import draw, specification
from teiten_collector.report.page import Figure, Heading, Items, Paragraph, Table, unbroken

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

    from teiten_collector.config import Language
    from teiten_collector.report.page import Block
    from teiten_collector.report.reading import Content


def render_html(content: Content, language: Language) -> str:
    """The document as HTML of one language, ending in a newline; the same document gives the same bytes."""
    page = compose(content, language)
    return _template().render(
        page=page,
        blocks=list(enumerate(page.blocks)),
        drawing=_drawing,
        kind=_kind,
        unbroken=unbroken,
    )


@cache
def _template() -> Template:
    # Loaded with the first page: other forms do without.
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=PackageLoader("teiten_collector.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["style"] = _style()
    return environment.get_template("report.html.j2")


def _style() -> Markup:
    from markupsafe import Markup  # noqa: PLC0415 - as above

    css = resources.files("teiten_collector.report").joinpath("templates", "report.css")
    return Markup(css.read_text(encoding="utf-8"))  # noqa: S704 - the package's own file


def _drawing(number: int, figure: Figure) -> Markup:
    from markupsafe import Markup, escape  # noqa: PLC0415 - as above

    name = f"figure-{number}"
    svg = draw(specification(figure.data, figure.labels), name)
    described = f'<svg role="img" aria-labelledby="{name}-title {name}-description" '
    spoken = (
        f'<title id="{name}-title">{escape(figure.caption)}</title>'
        f'<desc id="{name}-description">{escape(figure.description)}</desc>'
    )
    head, _, rest = svg.removeprefix("<svg ").partition(">")
    return Markup(f"{described}{head}>{spoken}{rest}")  # noqa: S704 - drawn by Vega, which escapes what data say


def _kind(block: Block) -> str:
    match block:
        case Heading():
            return "heading"
        case Paragraph():
            return "paragraph"
        case Items():
            return "items"
        case Table():
            return "table"
        case Figure():
            return "figure"
