"""Section 4: what signatures detected, by attack method and by country."""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_collector.report.composition.accesses import counts_from
from teiten_collector.report.composition.desk import LEADING
from teiten_collector.report.composition.overview import detections_total
from teiten_collector.report.page import Heading, Paragraph
from teiten_collector.report.ranking import shown_rows
from teiten_collector.report.reading import Days

if TYPE_CHECKING:
    from teiten_collector.report.composition.desk import Desk
    from teiten_collector.report.figures import FigureData
    from teiten_collector.report.page import Block, Figure
    from teiten_collector.report.reading import Side

SIGNATURES_SHOWN = 10


def blocks(desk: Desk) -> list[Block]:
    """The section's blocks; none where no signatures were watched."""
    side = desk.report.signatures
    found: list[Block] = [] if side is None else [*_categories(desk, side), *_countries(desk, side)]
    if side is not None and side.total.count:
        found += [Heading(2, f"4-3 {desk.wording.further}"), *_further(desk, side)]
    ipv6 = desk.report.signatures_ipv6
    if ipv6 is not None and ipv6.subjects and ipv6.total.count:
        caption, column = desk.wording.categories_table, desk.wording.category_column
        found += [
            Heading(2, f"4-4 {desk.wording.signatures_ipv6}"),
            *desk.findings("signatures_ipv6"),
            *desk.ranking("", caption, ipv6.subjects, subject=column, name=desk.category, side=ipv6),
            *_further(desk, ipv6),
        ]
    return found


def _categories(desk: Desk, side: Side) -> list[Block]:
    wording = desk.wording
    counts = {row.key: float(row.count) for row in side.subjects if row.count}
    by_category = {row.key: side.subjects_by_country.get(row.key, {}) for row in side.subjects}
    if nothing := desk.nothing_seen(side):
        return [Heading(2, f"4-1 {wording.by_category}"), *nothing]
    total = detections_total(desk)
    series = desk.stacked(side.total_days, desk.category)
    shares = desk.shares_by_row(by_category, desk.category, desk.country)
    table = desk.ranking(
        "4-1",
        wording.categories_table,
        side.subjects,
        subject=wording.category_column,
        name=desk.category,
        side=side,
    )
    return [
        Heading(2, f"4-1 {wording.by_category}"),
        *([Paragraph(total)] if total else []),
        *_drawn(desk, side, "4-1", wording.shares_categories, desk.shares(counts, desk.category)),
        *_drawn(desk, side, "4-2", wording.categories_course, series),
        *desk.findings("signatures", [row.key for row in side.subjects]),
        *table,
        *_drawn(desk, side, "4-3", wording.shares_category_countries, shares),
    ]


def _countries(desk: Desk, side: Side) -> list[Block]:
    wording = desk.wording
    counts = {row.key: float(row.count) for row in side.countries if row.count}
    if not counts:
        return []
    leading = side.countries[:LEADING]
    by_signature = counts_from(side.signatures_by_country, leading)
    signatures = desk.shares_by_row(by_signature, desk.country, lambda sid: side.messages.get(sid, sid))
    series = desk.stacked(_by_country(side), desk.country)
    table = desk.ranking(
        "4-2",
        wording.detections_countries_table,
        side.countries,
        subject=desk.wording.country_column,
        name=desk.country,
        side=side,
    )
    return [
        Heading(2, f"4-2 {wording.by_country}"),
        *_drawn(desk, side, "4-4", wording.shares_detections_countries, desk.shares(counts, desk.country)),
        *_drawn(desk, side, "4-5", wording.detections_countries_course, series),
        *desk.findings("signatures", [row.key for row in side.countries]),
        *table,
        *_drawn(desk, side, "4-6", wording.shares_detections_signatures, signatures),
    ]


def _further(desk: Desk, side: Side) -> list[Block]:
    """Intervals, sources and survey scanners, for which the reference has no place."""
    wording = desk.wording
    surveys = desk.figures(
        wording.surveys_detections, side.surveys, subject=wording.survey_column, name=desk.same, side=side
    )
    return [
        *surveys,
        *desk.figures(
            wording.further_categories,
            side.subjects,
            subject=wording.category_column,
            name=desk.category,
            side=side,
            without="categories",
        ),
        *desk.figures(
            wording.further_detection_countries,
            shown_rows(side.countries, wording),
            subject=wording.country_column,
            name=desk.country,
            side=side,
            without="countries",
        ),
        *desk.figures(
            wording.further_signatures,
            side.signatures[:SIGNATURES_SHOWN],
            subject=wording.signature_column,
            name=lambda sid: side.messages.get(sid, sid),
            side=side,
            without="signatures",
        ),
    ]


def _by_country(side: Side) -> Days | None:
    """All detections day by day, stacked by the countries that have a series."""
    total = side.total_days
    if total is None:
        return None
    parts = tuple(
        {key: series.rates[place] or 0.0 for key, series in side.country_days.items()}
        for place in range(len(total.days))
    )
    return Days(total.days, total.rates, parts)


def _drawn(desk: Desk, side: Side, number: str, caption: str, data: FigureData | None) -> list[Figure]:
    return [] if data is None else [desk.figure(number, caption, data, side)]
