"""From the document to a page: which table, figure and sentence stands where, as in the 2009 report.

Sections 1 to 6 are the reference's; what it has no place for stands where it is looked for, without a
number. A part that the document does not have is left out, and so are its headings.
"""

from __future__ import annotations

from calendar import monthrange
from typing import TYPE_CHECKING

from teiten_collector.report.composition import accesses, bulletins, detections, method, overview
from teiten_collector.report.composition.desk import Desk
from teiten_collector.report.page import Heading, Page
from teiten_collector.report.reading import read

if TYPE_CHECKING:
    from teiten_collector.config import Language
    from teiten_collector.report.page import Block
    from teiten_collector.report.reading import Content, Span
    from teiten_collector.report.wording import Wording

_HEADLINES = 3
_MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def compose(content: Content, language: Language) -> Page:
    """The page of a document.

    Args:
        content: The JSON document, as `report --format json` prints it.
        language: Of the page.
    """
    report = read(content, language)
    desk = Desk(report, language)
    sections = (
        (desk.wording.overview, overview.blocks(desk)),
        (desk.wording.bulletins, bulletins.blocks(desk)),
        (desk.wording.accesses, accesses.blocks(desk)),
        (desk.wording.signatures, detections.blocks(desk)),
        (desk.wording.topics, bulletins.topics(desk)),
        (desk.wording.method, method.blocks(desk)),
    )
    blocks: list[Block] = []
    for number, (title, found) in enumerate(sections, start=1):
        if found:
            blocks += [Heading(1, f"{number} {title}"), *found]
    return Page(
        language=language,
        title=desk.wording.title,
        period=_period(report.period, desk.wording),
        headlines=tuple(finding.text for finding in report.findings[:_HEADLINES]),
        blocks=tuple(blocks),
        words=desk.wording.words,
    )


def _period(span: Span, wording: Wording) -> str:
    first, last = span.first, span.last
    whole_month = (
        (first.year, first.month) == (last.year, last.month)
        and first.day == 1
        and last.day == monthrange(last.year, last.month)[1]
    )
    if whole_month:
        return wording.month.format(year=first.year, month=first.month, name=_MONTH_NAMES[first.month - 1])
    return wording.span.format(first=first, last=last)
