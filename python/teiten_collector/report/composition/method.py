"""Section 6: how it was counted, written from the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from teiten_collector.report.page import Column, Heading, Paragraph, Table
from teiten_collector.report.ranking import NONE

if TYPE_CHECKING:
    from datetime import datetime

    from teiten_collector.report.composition.desk import Desk
    from teiten_collector.report.page import Block
    from teiten_collector.report.reading import Lack
    from teiten_collector.report.wording import Wording

LACKS: Final = 50
"""So many lines the table of what is missing or counts twice has; the document has all."""


def blocks(desk: Desk) -> list[Block]:
    """The section's blocks."""
    report, wording = desk.report, desk.wording
    seen = report.access.observed
    return [
        Heading(2, wording.method_accesses_heading),
        Paragraph(wording.method_accesses),
        Paragraph(wording.method_rates),
        Paragraph(
            wording.method_days.format(
                first=report.period.first,
                last=report.period.last,
                days=report.period.days,
                compare_first=report.compare.first,
                compare_last=report.compare.last,
                compare_days=report.compare.days,
                timezone=report.timezone,
            )
        ),
        Paragraph(
            wording.method_observed.format(
                sensors=seen.sensors,
                compare_sensors=seen.compare_sensors,
                days=f"{seen.days:,.1f}",
                compare_days=f"{seen.compare_days:,.1f}",
            )
        ),
        *_surveys(desk),
        *_lacks(desk),
        Heading(2, wording.method_signatures_heading),
        Paragraph(wording.method_signatures),
        *_categories(desk),
        Heading(2, wording.method_countries_heading),
        Paragraph(wording.method_countries.format(database=report.country_database)),
        *([Paragraph(report.country_credit)] if report.country_credit else []),
    ]


def _categories(desk: Desk) -> list[Block]:
    wording = desk.wording
    rows = tuple(
        (category.title, wording.list_separator.join(category.examples))
        for category in desk.report.categories
    )
    columns = tuple(Column(head) for head in wording.categories_examples_columns)
    return [Table("6-1", wording.categories_examples, columns, rows)] if rows else []


def _surveys(desk: Desk) -> list[Block]:
    operators = desk.report.survey_operators
    if not operators:
        return []
    names = desk.wording.list_separator.join(operators)
    return [
        Heading(2, desk.wording.method_surveys_heading),
        Paragraph(desk.wording.method_surveys.format(operators=names)),
    ]


def _lacks(desk: Desk) -> list[Block]:
    """What is missing of the data or counts twice, sensor by sensor."""
    wording, report = desk.wording, desk.report
    lacks = [
        (period, lack)
        for period, found in ((wording.current, report.missing), (wording.previous, report.compare_missing))
        for lack in found
    ]
    if not lacks:
        return [Heading(2, wording.lacks_heading), Paragraph(wording.nothing_lacks)]
    rows = tuple(
        (period, lack.sensor, _moment(lack.first), _moment(lack.last), _said(lack, wording))
        for period, lack in lacks[:LACKS]
    )
    columns = tuple(Column(head) for head in wording.lack_columns)
    left_out = len(lacks) - len(rows)
    notes = (
        *([wording.lacks_left_out.format(number=f"{left_out:,}")] if left_out else []),
        *desk.exposure(report.access),
    )
    return [Heading(2, wording.lacks_heading), Table("", wording.lacks, columns, rows, notes)]


def _moment(moment: datetime | None) -> str:
    return NONE if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def _said(lack: Lack, wording: Wording) -> str:
    if lack.kind == "gap":
        return wording.lack_gap
    if lack.kind == "overlap":
        return wording.lack_overlap
    if lack.kind == "batches":
        return wording.lack_batches.format(batches=f"{lack.batches:,}")
    reason = wording.loss_reasons.get(lack.reason, lack.reason)
    form = wording.lack_loss if lack.batches else wording.lack_packets
    return form.format(reason=reason, batches=f"{lack.batches:,}", packets=f"{lack.packets:,}")
