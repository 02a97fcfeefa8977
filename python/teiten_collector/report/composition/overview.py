"""Section 1: what came of it all, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_collector.report.composition.desk import LEADING
from teiten_collector.report.page import Paragraph

if TYPE_CHECKING:
    from teiten_collector.report.composition.desk import Desk
    from teiten_collector.report.page import Block

_NAMED_COUNTRIES = 2


def blocks(desk: Desk) -> list[Block]:
    """The section's blocks."""
    access, wording = desk.report.access, desk.wording
    if access.total.rate is None:
        lack = lacking(desk)
        return [Paragraph(wording.not_observed), *([Paragraph(lack)] if lack else [])]
    sentences = [_total(desk), "" if access.observed.compare_days else wording.not_compared]
    leading = [row for row in access.subjects[:LEADING] if row.rank is not None]
    if leading:
        keys = wording.list_separator.join(row.key for row in leading)
        sentences.append(wording.top.format(count=len(leading), keys=keys))
        sentences.append(_leading_port(desk))
    sentences += [_countries(desk), _detections(desk)]
    counted = wording.counted.format(
        packets=f"{access.total.count:,}", sources=desk.sources_text(access.total)
    )
    marked = wording.sources_estimated if access.total.sources_estimated else ""
    told = (*sentences, counted, marked, _without_surveys(desk), lacking(desk))
    return [Paragraph(sentence) for sentence in told if sentence]


def _without_surveys(desk: Desk) -> str:
    side, wording = desk.report.access, desk.wording
    rate, without = _rate(side.total.rate), _rate(side.total_without_surveys.rate)
    if rate == without:  # none, or too few to be seen in a sentence; section 3 has them
        return ""
    return wording.surveys_lead.format(unit=wording.address_unit, rate=rate, without=without)


def lacking(desk: Desk) -> str:
    """That something is missing of the data or counts twice, and of which sensors; else empty."""
    report, wording = desk.report, desk.wording
    told = []
    for lacks, twice, form in (
        (report.missing, False, wording.lacking),
        (report.missing, True, wording.counting_twice),
        (report.compare_missing, False, wording.lacking_before),
        (report.compare_missing, True, wording.counting_twice_before),
    ):
        sensors = list(dict.fromkeys(lack.sensor for lack in lacks if (lack.kind == "overlap") is twice))
        if sensors:
            told.append(form.format(sensors=wording.list_separator.join(sensors)))
    return desk.wording.sentence_separator.join(told)


def _total(desk: Desk) -> str:
    total, wording = desk.report.access.total, desk.wording
    words = desk.change_words(total)
    unit, rate = wording.address_unit, _rate(total.rate)
    if words is None:
        return wording.total.format(unit=unit, rate=rate)
    words["change"] = wording.cell_change.format(sign="", change=words["change"])
    return wording.total_compared.format(unit=unit, rate=rate, **words)


def _leading_port(desk: Desk) -> str:
    row = desk.report.access.subjects[0]
    words = desk.change_words(row)
    gaps = {"key": row.key, "unit": desk.wording.address_unit, "rate": _rate(row.rate)}
    if words is None:
        return desk.wording.leading_port_level.format(**gaps)
    return desk.wording.leading_port.format(**gaps, **words)


def _countries(desk: Desk) -> str:
    """The countries that moved most, in the direction in which the total moved."""
    change = desk.report.access.total.change
    if not change:
        return ""
    rose = change > 0
    rows = desk.report.access.countries
    moved = sorted(
        (row for row in rows if (row.rise_rank if rose else row.fall_rank) is not None),
        key=lambda row: (row.rise_rank if rose else row.fall_rank) or 0,
    )[:_NAMED_COUNTRIES]
    if not moved:
        return ""
    names = desk.wording.list_separator.join(desk.country(row.key) for row in moved)
    return (desk.wording.countries_rose if rose else desk.wording.countries_fell).format(names=names)


def _detections(desk: Desk) -> str:
    side = desk.report.signatures
    seen = side is not None and (side.total.count or side.total.compare_count)
    return detections_total(desk) if seen else ""


def detections_total(desk: Desk) -> str:
    """The sentence of all detections, which sections 1 and 4 share."""
    side = desk.report.signatures
    if side is None or side.total.rate is None:
        return ""
    words = desk.change_words(side.total)
    gaps = {"unit": desk.wording.address_unit, "rate": _rate(side.total.rate)}
    if words is None:
        return desk.wording.detections_total.format(**gaps)
    return desk.wording.detections_changed.format(**gaps, **words)


def _rate(rate: float | None) -> str:
    """A rate of a sentence, to one decimal; a small one to two figures."""
    if rate is None:
        return "-"
    return f"{rate:,.1f}" if rate >= 0.05 or rate == 0 else f"{rate:.2g}"  # noqa: PLR2004 - less would print as 0.0
