"""Section 3: accesses to the sensors, by port and by country."""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_collector.report.composition.desk import LEADING
from teiten_collector.report.composition.further import further_tables
from teiten_collector.report.figures.data import OTHERS
from teiten_collector.report.page import Heading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from teiten_collector.analysis.ranks import Row
    from teiten_collector.report.composition.desk import Desk
    from teiten_collector.report.figures import FigureData
    from teiten_collector.report.page import Block, Figure
    from teiten_collector.report.reading import Side

_FIRST_PORT_FIGURE = 4
_FIRST_COUNTRY_FIGURE = 12


def blocks(desk: Desk) -> list[Block]:
    """The section's blocks."""
    nothing = desk.nothing_seen(desk.report.access)
    by_port = Heading(2, f"3-1 {desk.wording.by_port}")
    found: list[Block] = [by_port, *nothing] if nothing else [*_ports(desk), *_countries(desk)]
    further = further_tables(desk, desk.report.access)
    if further:
        found += [Heading(2, f"3-3 {desk.wording.further}"), *further]
    if desk.report.access_ipv6 is not None:
        found += _ipv6(desk, desk.report.access_ipv6)
    return found


def _ports(desk: Desk) -> list[Block]:
    side, wording = desk.report.access, desk.wording
    leading = side.subjects[:LEADING]
    courses: list[Block] = []
    for number, row in enumerate(leading, start=_FIRST_PORT_FIGURE):
        caption = wording.icmp_course if "ICMP" in row.key else wording.port_course
        stacked = desk.stacked(side.subject_days.get(row.key), desk.country)
        courses += desk.findings("access", [row.key])
        courses += _drawn(desk, f"3-{number}", caption.format(key=row.key), stacked)
    counts = {row.key: float(row.count) for row in side.subjects if row.count}
    home = {row.key: float(row.count) for row in side.home_subjects if row.count}
    by_port = {row.key: side.subjects_by_country.get(row.key, {}) for row in leading}
    home_caption = wording.shares_home.format(country=desk.country(desk.report.home))
    others = desk.findings("access", [row.key for row in side.subjects[LEADING:]])
    found: list[Block] = [
        Heading(2, f"3-1 {wording.by_port}"),
        Heading(3, wording.outline),
        *others,
        *desk.ranking(
            "3-1",
            wording.ports_table,
            side.subjects,
            subject=desk.wording.ranking_columns[2],
            name=desk.same,
            side=side,
        ),
        *_drawn(desk, "3-1", wording.shares_world, desk.shares(counts, desk.same)),
        *_drawn(desk, "3-2", home_caption, desk.shares(home, desk.same)),
        *_drawn(
            desk, "3-3", wording.shares_port_countries, desk.shares_by_row(by_port, desk.same, desk.country)
        ),
    ]
    return [*found, Heading(3, wording.course), *courses] if courses else found


def _countries(desk: Desk) -> list[Block]:
    side, wording = desk.report.access, desk.wording
    leading = side.countries[:LEADING]
    counts = {row.key: float(row.count) for row in side.countries if row.count}
    by_country = counts_from(side.subjects_by_country, leading)
    backscatter = desk.findings("access", kinds=["backscatter-burst"])
    courses: list[Block] = []
    for number, row in enumerate(leading, start=_FIRST_COUNTRY_FIGURE):
        caption = wording.country_course.format(country=desk.country(row.key))
        courses += desk.findings("access", [row.key])
        courses += _drawn(
            desk, f"3-{number}", caption, desk.stacked(side.country_days.get(row.key), desk.same)
        )
    others = desk.findings("access", [row.key for row in side.countries[LEADING:]])
    name = desk.wording.country_column
    found: list[Block] = [
        Heading(2, f"3-2 {wording.by_country}"),
        Heading(3, wording.outline),
        *others,
        *desk.ranking(
            "3-2",
            wording.countries_table,
            side.countries,
            subject=name,
            name=desk.country,
            side=side,
        ),
        *_drawn(desk, "3-9", wording.backscatter_days, desk.stacked(side.backscatter_days, desk.country)),
        *backscatter,
        *desk.ranking(
            "", wording.backscatter_table, side.backscatter, subject=name, name=desk.country, side=side
        ),
        *_drawn(desk, "3-10", wording.shares_countries, desk.shares(counts, desk.country)),
        *_drawn(
            desk,
            "3-11",
            wording.shares_country_ports,
            desk.shares_by_row(by_country, desk.country, desk.same),
        ),
    ]
    return [*found, Heading(3, wording.course), *courses] if courses else found


def _ipv6(desk: Desk, side: Side) -> list[Block]:
    wording = desk.wording
    column, country = wording.ranking_columns[2], wording.country_column
    found: list[Block] = [
        *desk.findings("access_ipv6"),
        *desk.ranking("", wording.ports_table_ipv6, side.subjects, subject=column, name=desk.same, side=side),
        *desk.ranking(
            "", wording.countries_table_ipv6, side.countries, subject=country, name=desk.country, side=side
        ),
        *further_tables(desk, side),
    ]
    return [Heading(2, f"3-4 {wording.ipv6}"), *(desk.nothing_seen(side) or found)]


def counts_from(
    by_country: Mapping[str, Mapping[str, float]], countries: Sequence[Row]
) -> Mapping[str, Mapping[str, float]]:
    """Counts of each subject from each of the countries; what no subject is named for counts as others.

    Args:
        by_country: Counts of each subject from each country.
        countries: The countries wanted.
    """
    found = {}
    for row in countries:
        counts = {key: float(counted[row.key]) for key, counted in by_country.items() if counted.get(row.key)}
        rest = row.count - sum(counts.values())
        if counts and rest > 0:
            counts[OTHERS] = counts.get(OTHERS, 0.0) + rest
        found[row.key] = counts
    return found


def _drawn(desk: Desk, number: str, caption: str, data: FigureData | None) -> list[Figure]:
    return [] if data is None else [desk.figure(number, caption, data, desk.report.access)]
