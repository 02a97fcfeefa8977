"""One source makes most of a category's detections, or of a country's, or of its change.

"ドイツを発信元とするほとんどの検知は、DNS の誤設定が原因": with that source left out of both
periods the rate says what else happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_collector.analysis.chance import rate_rise
from teiten_collector.analysis.findings.finding import Finding, Kind, Part
from teiten_collector.analysis.findings.ground import LEVEL, MATERIAL_PACKETS, MOST, leading
from teiten_collector.analysis.flows import source_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from teiten_collector.analysis.ranks import Row
    from teiten_collector.analysis.signatures import Detected, Detections
    from teiten_collector.analysis.tallies import Source

NOTABLE_PERCENT = 20.0
"""A change below this is not asked who made it."""


def detection_sources(found: Detections) -> Iterator[Finding]:
    """Findings about categories, then about countries of detections."""
    for row in found.categories:
        finding = _of(found, row, "category", Kind.CATEGORY_SINGLE_SOURCE)
        if finding:
            yield finding
    for row in leading(found.countries):
        finding = _of(found, row, "country", Kind.SINGLE_SOURCE)
        if finding:
            yield finding


def _of(found: Detections, row: Row, column: str, kind: Kind) -> Finding | None:
    days = found.current.days
    if row.rate is None or row.count < MATERIAL_PACKETS or days <= 0:
        return None
    now = found.now.by_source(column, row.key)
    then = found.then.by_source(column, row.key)
    source = max(now, key=lambda candidate: (now[candidate][1], candidate))
    country, count = now[source]
    before = then.get(source, ("", 0))[1]
    compared = found.previous.days
    own = count / days - (before / compared if compared else 0.0)
    rising = row.change is not None and row.change > 0 and _notable(found, row)
    explains = min(1.0, own / row.change) if row.change and rising else None
    of_change = explains is not None and explains >= MOST
    if count < MATERIAL_PACKETS or (count / row.count < MOST and not of_change):
        return None
    rate_without = (row.count - count) / days
    compare_without = (row.compare_count - before) / compared if compared else None
    change_without = None if compare_without is None else rate_without - compare_without
    first, last = _span(found, column, row.key, source)
    return Finding(
        kind,
        Part.SIGNATURES,
        row.key,
        first,
        last,
        max(0.0, min(own, row.change)) if row.change is not None and row.change > 0 else 0.0,
        {
            "source": source_text(source, found.family),
            "country": country,
            "detections": count,
            "share": count / row.count,
            "rate": count / days,
            "of_change": count / row.count < MOST,
            "explains": explains,
            "signatures": _signatures(found, column, row.key, source),
            "rate_without": rate_without,
            "change_without": change_without,
            "change_percent_without": (
                change_without / compare_without * 100
                if change_without is not None and compare_without
                else None
            ),
        },
    )


def _notable(found: Detections, row: Row) -> bool:
    if row.change_percent is not None and row.change_percent < NOTABLE_PERCENT:
        return False
    rows = len(found.categories) + len(found.countries)
    probability = rate_rise(
        float(row.compare_count), found.previous.days, float(row.count), found.current.days
    )
    return found.previous.days > 0 and probability * rows < LEVEL


def _rows(found: Detected, column: str, subject: str, source: Source) -> list[dict[str, object]]:
    return [row for row in found.rows(column, subject) if (row["source_high"], row["source_low"]) == source]


def _span(found: Detections, column: str, subject: str, source: Source) -> tuple[date, date]:
    """Since when and until when; since a day of the compared period where it was seen then already."""
    days = [
        period.calendar.days[int(str(row["local_day"]))]
        for period in (found.then, found.now)
        for row in _rows(period, column, subject, source)
    ]
    return min(days), max(days)


def _signatures(found: Detections, column: str, subject: str, source: Source) -> list[dict[str, object]]:
    """The source's signatures, the most frequent first; three at most."""
    counts: dict[str, int] = {}
    for row in _rows(found.now, column, subject, source):
        name = str(row["signature"])
        counts[name] = counts.get(name, 0) + int(str(row["packets"]))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:3]
    return [{"sid": int(sid), "message": found.known[sid].message} for sid, _ in ordered]
