"""Sections 2 and 5: security bulletins, what came after each, and the list of them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from teiten_collector.report.composition.desk import rate_text
from teiten_collector.report.figures import Event
from teiten_collector.report.page import Column, Heading, Paragraph, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from teiten_collector.report.composition.desk import Desk
    from teiten_collector.report.page import Block, Figure
    from teiten_collector.report.reading import Content


def blocks(desk: Desk) -> list[Block]:
    """Section 2's blocks."""
    bulletins = desk.report.bulletins
    if not bulletins:
        return [Paragraph(desk.wording.no_bulletins)]
    found: list[Block] = [Heading(2, f"2-1 {desk.wording.bulletin_accesses}")]
    for number, bulletin in enumerate(bulletins, start=1):
        found += _one(desk, f"2-{number}", bulletin)
    return [*found, *_scan_range(desk), *_features(desk)]


def topics(desk: Desk) -> list[Block]:
    """Section 5's blocks: the bulletins by day of publication; none without any."""
    wording = desk.wording
    keys: dict[tuple[str, str, str], list[str]] = {}
    for bulletin in desk.report.bulletins:
        keys.setdefault((bulletin["published"], bulletin["id"], bulletin["title"]), []).append(
            bulletin["key"]
        )
    if not keys:
        return []
    rows = tuple((*entry, wording.list_separator.join(ports)) for entry, ports in sorted(keys.items()))
    return [
        Paragraph(wording.topics_lead),
        Table("", wording.topics, tuple(Column(head) for head in wording.topics_columns), rows),
    ]


def _one(desk: Desk, number: str, bulletin: Content) -> list[Block]:
    key, wording = bulletin["key"], desk.wording
    heading = Heading(3, wording.bulletin.format(key=key, id=bulletin["id"]))
    return [
        heading,
        Paragraph(_sentence(desk, bulletin)),
        *_figure(desk, number, bulletin),
        *desk.findings("access", [key], ["surge"]),
    ]


def _sentence(desk: Desk, bulletin: Content) -> str:
    wording = desk.wording
    gaps = {"key": bulletin["key"], "title": bulletin["title"]}
    before, after = bulletin.get("before"), bulletin.get("after")
    if before is None or after is None:
        return wording.bulletin_unknown.format(**gaps)
    gaps |= {"before": rate_text(before), "after": rate_text(after)}
    if not bulletin.get("surge"):
        return wording.bulletin_no_surge.format(**gaps)
    return wording.bulletin_surge.format(
        **gaps, days=bulletin["days_elevated"], sources=f"{bulletin['sources']:,}"
    )


def _figure(desk: Desk, number: str, bulletin: Content) -> list[Figure]:
    days = desk.report.bulletin_days(bulletin)
    if days is None:
        return []
    names = (("noticed", desk.wording.noticed), ("published", desk.wording.published))
    events = [Event(date.fromisoformat(day), name) for place, name in names if (day := bulletin.get(place))]
    caption = desk.wording.bulletin_figure.format(key=bulletin["key"])
    return [desk.figure(number, caption, desk.daily(days, events), desk.report.access)]


def _scan_range(desk: Desk) -> list[Block]:
    wording = desk.wording
    rows = tuple(
        (
            bulletin["id"],
            bulletin["key"],
            _reached(desk, bulletin),
            wording.range_.get(bulletin.get("range") or "", wording.range_["insufficient-evidence"]),
        )
        for bulletin in desk.report.bulletins
    )
    columns = tuple(Column(head) for head in wording.scan_range_columns)
    notes = desk.exposure(desk.report.access)
    return [
        Heading(2, f"2-2 {wording.scan_range_heading}"),
        Table("2-1", wording.scan_range, columns, rows, notes),
    ]


def _reached(desk: Desk, bulletin: Content) -> str:
    reach = desk.wording.reach.get(bulletin.get("reach") or "none", "-")
    reached, observing = bulletin.get("sensors_reached"), bulletin.get("sensors_observing")
    return reach if reached is None or observing is None else f"{reach} ({reached}/{observing})"


def _features(desk: Desk) -> list[Block]:
    wording, bulletins = desk.wording, desk.report.bulletins
    surged = [bulletin for bulletin in bulletins if bulletin.get("surge")]
    separator = wording.list_separator

    def of(holds: Callable[[Content], bool], whole: Sequence[Content]) -> str:
        names = [bulletin["key"] for bulletin in whole if holds(bulletin)]
        if not names:
            return wording.feature_of_none.format(total=len(whole))
        return wording.feature_of.format(total=len(whole), count=len(names), names=separator.join(names))

    rows = [(wording.feature_surge, of(lambda bulletin: bool(bulletin.get("surge")), bulletins))]
    if surged:
        days = separator.join(
            wording.feature_days_value.format(key=bulletin["key"], days=bulletin["days_elevated"])
            for bulletin in surged
        )
        rows += [
            (wording.feature_days, days),
            (wording.feature_range, of(lambda bulletin: bulletin.get("range") == "exhaustive", surged)),
        ]
    columns = tuple(Column(head) for head in wording.feature_columns)
    notes = desk.exposure(desk.report.access)
    return [
        Heading(2, f"2-3 {wording.features_heading}"),
        Table("2-2", wording.features, columns, tuple(rows), notes),
    ]
