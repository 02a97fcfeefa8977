"""The report for a terminal: the page's headings, sentences and tables. Figures need the other forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from rich.cells import cell_len

from teiten_collector.report.composition import compose
from teiten_collector.report.content import to_content
from teiten_collector.report.page import Figure, Heading, Items, Paragraph, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from teiten_collector.config import Language
    from teiten_collector.report.document import Document
    from teiten_collector.report.page import Alignment, Block, Page

_UNDERLINES = {1: "=", 2: "-"}


def render_text(document: Document, language: Language) -> str:
    """The document as text of one language, ending in a newline. Wide characters take two columns."""
    page = compose(to_content(document), language)
    title = f"{page.title} {page.period}"
    blocks = [[title, "=" * cell_len(title)]]
    for block in page.blocks:
        lines = _lines(block, page)
        if lines:
            blocks.append(lines)
    return "\n\n".join("\n".join(lines) for lines in blocks) + "\n"


def _lines(block: Block, page: Page) -> list[str]:
    match block:
        case Heading():
            mark = _UNDERLINES.get(block.level)
            return [block.text] if mark is None else [block.text, mark * cell_len(block.text)]
        case Paragraph():
            return [block.text]
        case Items():
            return [f"- {text}" for text in block.texts]
        case Table():
            number = page.words.table.format(number=block.number) if block.number else ""
            caption = f"{number} {block.caption}".strip()
            heads = tuple(column.head for column in block.columns)
            printed = align([heads, *block.rows], [column.alignment for column in block.columns])
            rule = "-" * max(cell_len(line) for line in printed)
            notes = ["", *block.notes] if block.notes else []
            return [caption, "", printed[0], rule, *printed[1:], *notes]
        case Figure():
            return []
    assert_never(block)


def align(lines: Sequence[Sequence[str]], alignments: Sequence[Alignment]) -> list[str]:
    """Sets cells in columns, two apart, counting wide characters as two."""
    widths = [max(cell_len(cell) for cell in column) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            _cell(cell, width, alignment)
            for cell, width, alignment in zip(line, widths, alignments, strict=True)
        ).rstrip()
        for line in lines
    ]


def _cell(text: str, width: int, alignment: Alignment) -> str:
    blank = width - cell_len(text)
    match alignment:
        case "left":
            return text + " " * blank
        case "right":
            return " " * blank + text
        case "center":
            return " " * (blank // 2) + text + " " * (blank - blank // 2)
