"""The report on paper: the same page as the HTML, set by Typst.

Text is set in Noto Serif JP, headings, tables and figures in Noto Sans JP, and the document carries what it
uses of both. No moment is written into it, so that the same document gives the same bytes.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, assert_never, cast

from teiten_collector.report.composition import compose
from teiten_collector.report.figures import draw, specification
from teiten_collector.report.fonts import SANS, SERIF, font_directory
from teiten_collector.report.page import Figure, Heading, Items, Paragraph, Table, unbroken

if TYPE_CHECKING:
    from typst import Compiler, Fonts

    from teiten_collector.config import Language
    from teiten_collector.report.page import Block, Page
    from teiten_collector.report.reading import Content

STANDARD: Final = "ua-1"
"""PDF/UA-1 (ISO 14289-1): headings, tables and figures are told to a screen reader. Where it cannot be
kept, the document is the same without the promise."""


def render_pdf(content: Content, language: Language) -> bytes:
    """The document as PDF of one language; the same document gives the same bytes."""
    # 60 MB that only a PDF needs: loaded with the first one.
    import typst  # noqa: PLC0415

    words = json.dumps(_page(compose(content, language)), ensure_ascii=False)
    try:
        paper = _compiler(words).compile(format="pdf", pdf_standards=STANDARD, timestamp=0)
    except typst.TypstError:
        # The standard refuses a letter that the fonts do not have, as a signature's message may bring one.
        paper = _compiler(words).compile(format="pdf", timestamp=0)
    return cast("bytes", paper)  # one document and no path: bytes


def _compiler(page: str) -> Compiler:
    """A compiler of the page, good for one document."""
    import typst  # noqa: PLC0415 - as above

    return typst.Compiler(_template(), font_paths=_fonts(), sys_inputs={"page": page})


@cache
def _fonts() -> Fonts:
    import typst  # noqa: PLC0415 - as above

    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[Path(font_directory())]
    )


@cache
def _template() -> bytes:
    return resources.files("teiten_collector.report").joinpath("templates", "report.typ").read_bytes()


def _page(page: Page) -> dict[str, Any]:
    return {
        "language": page.language,
        "sans": SANS,
        "serif": SERIF,
        "title": page.title,
        "period": page.period,
        "headlines": [unbroken(text) for text in page.headlines],
        "blocks": [_block(page, number, block) for number, block in enumerate(page.blocks)],
    }


def _block(page: Page, number: int, block: Block) -> dict[str, Any]:
    match block:
        case Heading():
            return {"kind": "heading", "level": block.level, "text": block.text}
        case Paragraph():
            return {"kind": "paragraph", "text": unbroken(block.text)}
        case Items():
            return {"kind": "items", "texts": block.texts}
        case Table():
            return {
                "kind": "table",
                "number": page.words.table.format(number=block.number) if block.number else "",
                "caption": block.caption,
                "heads": [column.head for column in block.columns],
                "alignments": [column.alignment for column in block.columns],
                "rows": block.rows,
                "notes": block.notes,
            }
        case Figure():
            return {
                "kind": "figure",
                "number": page.words.figure.format(number=block.number) if block.number else "",
                "caption": block.caption,
                "drawing": draw(specification(block.data, block.labels), f"figure-{number}"),
                "description": block.description,
                "notes": block.notes,
                "half": block.half,
            }
        case _:
            assert_never(block)
