"""What a report consists of, in order, before any form: headings, sentences, tables, figures.

`teiten_collector.report.composition` makes a page of a document; `render_html` and `render_pdf` set it. Both
set the same blocks, so that the page and the paper say the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from teiten_collector.config import Language
    from teiten_collector.report.figures import FigureData, Labels

Alignment = Literal["left", "right", "center"]


def unbroken(text: str) -> str:
    """The text with its signs bound to their numbers: no line ends between the two of "+ 51.9"."""
    return re.sub(r"([+-]) (?=[0-9])", "\\1\N{NO-BREAK SPACE}", text)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is a section, 2 a part of it, 3 a part of that; none is skipped."""

    level: Literal[1, 2, 3]
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text. A finding is a paragraph that the data wrote."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list of short texts."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its head, and how its cells stand."""

    head: str
    alignment: Alignment = "left"


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its caption above and its notes below.

    Attributes:
        number: As the reference numbers it ("3-1"); empty where the reference has no such table.
        caption: What it shows, without the number.
        columns: Its columns.
        rows: One text a column.
        notes: What it rests on, address-days above all.
    """

    number: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its caption and notes below.

    Attributes:
        number: As the reference numbers it ("3-1"); empty where the reference has no such figure.
        caption: What it shows, without the number.
        data: What is drawn.
        labels: What is written in it.
        description: The same in a sentence or two, for who cannot see it.
        head: Heads of the table of its numbers.
        numbers: Rows of the table of its numbers, under `head`.
        notes: What it rests on, address-days above all.
        half: Whether it can share the line with the figure after it.
    """

    number: str
    caption: str
    data: FigureData
    labels: Labels
    description: str
    head: tuple[str, ...]
    numbers: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    half: bool = False


Block = Heading | Paragraph | Items | Table | Figure


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report.

    Attributes:
        language: Its language.
        title: What it is.
        period: Of when it is.
        headlines: What matters most, a sentence each.
        blocks: Everything, in order.
        words: Fixed words of the forms themselves.
    """

    language: Language
    title: str
    period: str
    headlines: tuple[str, ...]
    blocks: tuple[Block, ...]
    words: Words


@dataclass(frozen=True, slots=True)
class Words:
    """Words that a form adds.

    Attributes:
        table: A table's number, with `{number}`.
        figure: A figure's number, with `{number}`.
        contents: Title of the table of contents.
        numbers: What opens the table of a figure's numbers.
        omitted: What "..." means, read aloud.
    """

    table: str
    figure: str
    contents: str
    numbers: str
    omitted: str
