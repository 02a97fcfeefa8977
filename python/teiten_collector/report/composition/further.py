"""What the reference has no place for: survey scanners, tools, networks, victims, attacks, sensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from teiten_collector.report.composition.desk import rate_text
from teiten_collector.report.page import Column, Paragraph, Table
from teiten_collector.report.ranking import NONE, shown_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from teiten_collector.analysis.ranks import Row
    from teiten_collector.report.composition.desk import Desk
    from teiten_collector.report.page import Block
    from teiten_collector.report.reading import Attack, Side

SHOWN: Final = 10
"""How many networks, victims, attacks and services a table shows."""
SERVICES: Final = {
    17: "QOTD",
    19: "CHARGEN",
    53: "DNS",
    69: "TFTP",
    111: "portmapper",
    123: "NTP",
    137: "NetBIOS",
    161: "SNMP",
    389: "CLDAP",
    520: "RIP",
    1900: "SSDP",
    3702: "WS-Discovery",
    5353: "mDNS",
    11211: "memcached",
}
"""What is behind the ports whose replies count as reflected (CISA alert TA14-017A)."""
_PROTOCOLS: Final = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6"}


def further_tables(desk: Desk, side: Side) -> list[Block]:
    """The tables of one address family; each only where there is something to show."""
    wording = desk.wording
    column, country = wording.ranking_columns[2], wording.country_column

    def named(names: Mapping[str, str]) -> Callable[[str], str]:
        return lambda key: names.get(key, key)

    def tables(  # noqa: PLR0913, PLR0917 - as `Desk.figures`
        caption: str, rows: Sequence[Row], subject: str, name: Callable[[str], str], without: str, shown: int
    ) -> list[Table]:
        return desk.figures(caption, rows[:shown], subject=subject, name=name, side=side, without=without)

    ports, countries = (shown_rows(rows, wording) for rows in (side.subjects, side.countries))
    every = len(side.subjects)
    return [
        *_surveys(desk, side),
        *tables(wording.further_ports, ports, column, desk.same, "ports", every),
        *tables(wording.further_countries, countries, country, desk.country, "countries", every),
        *tables(
            wording.classes, side.classes, wording.class_column, named(wording.class_names), "classes", every
        ),
        *tables(wording.tools, side.tools, wording.tool_column, named(wording.tool_names), "tools", every),
        *_tools_by_port(desk, side, ports),
        *tables(wording.networks, side.networks, wording.network_column, "AS{}".format, "networks", SHOWN),
        *_reflected(desk, side),
        *_victims(desk, side),
        *_attacks(desk, side),
        *_sensors(desk, side),
    ]


def _surveys(desk: Desk, side: Side) -> list[Block]:
    """Who scans and says so, and the tables of the reference without them."""
    wording = desk.wording
    if not desk.report.survey_operators:
        return []
    if not side.surveys:
        return [Paragraph(wording.no_surveys.format(operators=len(desk.report.survey_operators)))]
    rest = side.total_without_surveys
    column, country = wording.ranking_columns[2], wording.country_column
    unit = wording.prefix_unit if side.observed.prefixes else wording.address_unit
    return [
        Paragraph(
            wording.surveys_lead.format(
                unit=unit, rate=rate_text(side.total.rate), without=rate_text(rest.rate)
            )
        ),
        *desk.figures(
            wording.surveys, side.surveys, subject=wording.survey_column, name=desk.same, side=side
        ),
        *desk.ranking(
            "",
            wording.ports_without_surveys,
            side.without_surveys.get("ports", ()),
            subject=column,
            name=desk.same,
            side=side,
        ),
        *desk.ranking(
            "",
            wording.countries_without_surveys,
            side.without_surveys.get("countries", ()),
            subject=country,
            name=desk.country,
            side=side,
        ),
    ]


def _tools_by_port(desk: Desk, side: Side, rows: Iterable[Row]) -> list[Table]:
    """Which share of each leading port's packets betrayed which tool."""
    wording = desk.wording
    tools = [row.key for row in side.tools if row.count]
    lines = []
    for row in rows:
        counts = side.tools_by_port.get(row.key)
        if not counts or not row.count:
            continue
        shares = [counts.get(tool, 0) / row.count for tool in tools]
        cells = (_share(share) for share in (*shares, max(0.0, 1 - sum(shares))))
        lines.append((row.key, f"{row.count:,}", *cells))
    if not lines:
        return []
    heads = (wording.packets_column, *(wording.tool_names.get(tool, tool) for tool in tools), wording.no_tool)
    columns = (Column(wording.ranking_columns[2]), *(Column(head, "right") for head in heads))
    notes = (wording.tools_note, *desk.exposure(side))
    return [Table("", wording.tools_by_port, columns, tuple(lines), notes)]


def _reflected(desk: Desk, side: Side) -> list[Table]:
    """Replies of services used as reflectors, beside how often the same services are looked for."""
    wording = desk.wording
    probes = {row.key: row for row in side.subjects}
    rows = tuple(
        (
            _service(found.row.key),
            rate_text(found.row.rate),
            f"{rate_text(found.row.rate_low)} - {rate_text(found.row.rate_high)}",
            rate_text(found.row.compare_rate),
            f"{found.row.count:,}",
            f"{found.row.sources:,}",
            f"{found.bytes / found.row.count:,.0f}",
            rate_text(probes[found.row.key].rate) if found.row.key in probes else rate_text(0.0),
        )
        for found in side.reflected[:SHOWN]
        if found.row.count
    )
    heads = wording.reflected_columns
    columns = tuple(Column(head, "right" if place else "left") for place, head in enumerate(heads))
    return [Table("", wording.reflected, columns, rows, desk.exposure(side))] if rows else []


def _service(key: str) -> str:
    name = SERVICES.get(int(key.partition("/")[0]))
    return key if name is None else f"{key} ({name})"


def _victims(desk: Desk, side: Side) -> list[Table]:
    wording = desk.wording
    rows = tuple(
        (
            victim.source,
            desk.country(victim.country),
            rate_text(victim.rate),
            f"{victim.packets:,}",
            victim.first[:10],
            victim.last[:10],
        )
        for victim in side.victims[:SHOWN]
    )
    heads = wording.victim_columns
    columns = tuple(Column(head, "right" if place in {2, 3} else "left") for place, head in enumerate(heads))
    return [Table("", wording.victims, columns, rows, desk.exposure(side))] if rows else []


def _attacks(desk: Desk, side: Side) -> list[Block]:
    """The attacks and, with or without any, the smallest that could have been seen."""
    wording, floor = desk.wording, side.attack_floor
    if floor is None:
        return []
    bounds = wording.attack_floor.format(
        addresses=f"{floor.addresses:,.1f}",
        rate=_large(floor.packets_a_second),
        packets=_large(floor.packets),
    )
    if not side.attacks:
        return [Paragraph(f"{wording.no_attacks}{bounds}")]
    rows = tuple(
        (
            attack.victim,
            desk.country(attack.country),
            _attacked(attack),
            f"{attack.first:%Y-%m-%d %H:%M}",
            f"{(attack.last - attack.first).total_seconds() / 60 + 1:,.0f}",
            f"{attack.packets:,}",
            f"{attack.most_in_a_minute:,}",
            NONE if attack.victim_packets is None else _large(attack.victim_packets),
        )
        for attack in side.attacks[:SHOWN]
    )
    heads = wording.attack_columns
    left = {0, 1, 2, 3}
    columns = tuple(Column(head, "left" if place in left else "right") for place, head in enumerate(heads))
    notes = (
        wording.attacks_seen.format(shown=len(rows), seen=f"{side.attacks_seen:,}"),
        bounds,
        *desk.exposure(side),
    )
    return [Table("", wording.attacks, columns, rows, notes)]


def _attacked(attack: Attack) -> str:
    name = _PROTOCOLS.get(attack.protocol, f"{attack.protocol}/IP")
    return name if attack.port is None else f"{attack.port}/{name}"


def _sensors(desk: Desk, side: Side) -> list[Table]:
    wording = desk.wording
    apart = bool(side.surveys)
    rows = tuple(
        (
            sensor.sensor,
            rate_text(sensor.rate),
            f"{rate_text(sensor.rate_low)} - {rate_text(sensor.rate_high)}",
            *([rate_text(sensor.rate_without_surveys)] if apart else []),
            rate_text(sensor.compare_rate),
            f"{sensor.sources:,}",
            f"{sensor.days:,.1f}",
            f"{sensor.registered:,.1f}",
        )
        for sensor in side.sensors
    )
    heads = list(wording.sensor_columns)
    if apart:
        heads.insert(3, wording.without_surveys_column)
    columns = tuple(Column(head, "right" if place else "left") for place, head in enumerate(heads))
    return [Table("", wording.sensors, columns, rows, desk.exposure(side))] if rows else []


def _share(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 or share == 0 else "< 0.1%"  # noqa: PLR2004 - 0.05 %


def _large(number: float) -> str:
    """A number that is a rough one, to three figures."""
    return f"{float(f'{number:.3g}'):,.0f}"
