"""From a specification to SVG, by the Vega that vl-convert carries: no browser, no request to any host."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from teiten_collector.report.fonts import font_directory

if TYPE_CHECKING:
    from types import ModuleType

    from teiten_collector.report.figures.specification import Specification

VEGA_LITE = "6.4"
"""The language of the specifications. Named, so that another release of vl-convert draws the same."""

_SPOKEN = re.compile(r' (?:aria-[a-z]+|role|pointer-events)="[^"]*"')
"""What Vega says to a screen reader of every mark. The page says it once, of the whole figure."""


def draw(specification: Specification, name: str) -> str:
    """Draws a specification; the same specification gives the same bytes.

    Args:
        specification: As `teiten_collector.report.figures.specification` makes it.
        name: Letters, digits and hyphens that no other figure of a page has: names inside the drawing begin
            with it, so that several drawings can stand in one page.

    Raises:
        ValueError: The specification is none.
    """
    svg: str = _converter().vegalite_to_svg(specification, vl_version=VEGA_LITE, allowed_base_urls=[])
    return _named_apart(_SPOKEN.sub("", svg), name)


@cache
def _converter() -> ModuleType:
    # 60 MB that only a drawing needs: loaded with the first one.
    import vl_convert  # noqa: PLC0415

    vl_convert.register_font_directory(str(font_directory()))
    converter: ModuleType = vl_convert
    return converter


def _named_apart(svg: str, name: str) -> str:
    """Gives the names that Vega counts through (`clip0`, `gradient_1`) the figure's own, counted from 0."""
    found: dict[str, str] = {}
    for identity in re.findall(r'\bid="([^"]+)"', svg):
        found.setdefault(identity, f"{name}-{len(found)}")
    for identity, own in found.items():
        svg = svg.replace(f'id="{identity}"', f'id="{own}"').replace(f"url(#{identity})", f"url(#{own})")
    return svg
