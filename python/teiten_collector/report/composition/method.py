"""Section 6: how it was counted, written from the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_collector.report.page import Column, Heading, Paragraph, Table

if TYPE_CHECKING:
    from teiten_collector.report.composition.desk import Desk
    from teiten_collector.report.page import Block


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
