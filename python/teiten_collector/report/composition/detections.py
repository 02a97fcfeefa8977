"""Section 4: what signatures detected, by attack method and by country."""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_collector.report.composition.accesses import counts_from
from teiten_collector.report.composition.desk import LEADING
from teiten_collector.report.composition.overview import detections_total
from teiten_collector.report.page import Heading, Paragraph
from teiten_collector.report.reading import Days

if TYPE_CHECKING:
    from collections.abc import Mapping

    from teiten_collector.report.composition.desk import Desk
    from teiten_collector.report.figures import FigureData
    from teiten_collector.report.page import Block, Figure
    from teiten_collector.report.reading import Side

_KINDS = ("category-single-source",)


def blocks(desk: Desk) -> list[Block]:
    """The section's blocks; none where no signatures were watched."""
    side = desk.report.signatures
    return [] if side is None else [*_categories(desk, side), *_countries(desk, side)]


def _categories(desk: Desk, side: Side) -> list[Block]:
    wording = desk.wording
    counts = {row.key: float(row.count) for row in side.subjects if row.count}
    by_category = {row.key: side.subjects_by_country.get(row.key, {}) for row in side.subjects[:LEADING]}
    total = detections_total(desk)
    return [
        Heading(2, f"4-1 {wording.by_category}"),
        *([Paragraph(total)] if total else []),
        *desk.findings(kinds=_KINDS),
        *desk.findings(*(row.key for row in side.subjects)),
        *_drawn(desk, side, "4-1", wording.shares_categories, desk.shares(counts, desk.same)),
        *_drawn(
            desk,
            side,
            "4-2",
            wording.categories_course,
            desk.stacked(_by(side.subject_days, side.subject_days), desk.same),
        ),
        *desk.ranking(
            "4-1",
            wording.categories_table,
            side.subjects,
            subject=wording.category_column,
            name=desk.same,
            side=side,
        ),
        *_drawn(
            desk,
            side,
            "4-3",
            wording.shares_category_countries,
            desk.shares_by_row(by_category, desk.same, desk.country),
        ),
    ]


def _countries(desk: Desk, side: Side) -> list[Block]:
    wording = desk.wording
    counts = {row.key: float(row.count) for row in side.countries if row.count}
    leading = side.countries[:LEADING]
    signatures = counts_from(side.signatures_by_country, leading)
    return [
        Heading(2, f"4-2 {wording.by_country}"),
        *_drawn(desk, side, "4-4", wording.shares_detections_countries, desk.shares(counts, desk.country)),
        *_drawn(
            desk,
            side,
            "4-5",
            wording.detections_countries_course,
            desk.stacked(_by(side.country_days, side.subject_days), desk.country),
        ),
        *desk.ranking(
            "4-2",
            wording.detections_countries_table,
            side.countries,
            subject=desk.phrases.country_column,
            name=desk.country,
            side=side,
        ),
        *_drawn(
            desk,
            side,
            "4-6",
            wording.shares_detections_signatures,
            desk.shares_by_row(signatures, desk.country, lambda sid: side.messages.get(sid, sid)),
        ),
    ]


def _by(rows: Mapping[str, Days], whole: Mapping[str, Days]) -> Days | None:
    """Everything day by day, stacked by the subjects of some series.

    Args:
        rows: The series to stack.
        whole: Series that add up to everything.
    """
    first = next(iter(whole.values()), None)
    if first is None:
        return None
    rates: list[float | None] = [
        None if rate is None else sum(series.rates[place] or 0.0 for series in whole.values())
        for place, rate in enumerate(first.rates)
    ]
    parts = tuple(
        {key: series.rates[place] or 0.0 for key, series in rows.items()} for place in range(len(first.days))
    )
    return Days(first.days, tuple(rates), parts)


def _drawn(desk: Desk, side: Side, number: str, caption: str, data: FigureData | None) -> list[Figure]:
    return [] if data is None else [desk.figure(number, caption, data, side)]
