"""A document as what JSON knows, which every form of the report is made from: figures unrounded.

`docs/reference/report-format.md` describes it. Keys and rows have a fixed order, so that a report of the same
data is the same to the byte. It holds no monitored address, and nothing of when or where it was made.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING

from teiten_collector.analysis.denial_of_service import IPV4_ADDRESSES
from teiten_collector.analysis.findings import Finding, Ground, Victim, victims
from teiten_collector.analysis.findings.ground import leading
from teiten_collector.analysis.flows import source_text
from teiten_collector.analysis.ranks import Row
from teiten_collector.analysis.rates import Accesses, Reflected, SensorFigures, parts
from teiten_collector.analysis.series import Days, Series, series_of, whole_series
from teiten_collector.analysis.tallies import sums
from teiten_collector.report.sentences import finding_text
from teiten_protocol import Class, Family, Tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from zoneinfo import ZoneInfo

    import pyarrow as pa

    from teiten_collector.analysis.bulletins import BulletinFinding
    from teiten_collector.analysis.completeness import Completeness, Times
    from teiten_collector.analysis.exposure import Stretch
    from teiten_collector.analysis.periods import Period
    from teiten_collector.analysis.signatures import Detections
    from teiten_collector.analysis.surveys import WithoutSurveys
    from teiten_collector.report.document import Document

KEYS_BY_COUNTRY = 1_000
"""So many leading keys are told country by country."""
VICTIMS = 20
"""So many sources of backscatter are told."""
ATTACKS = 100
"""So many denial-of-service attacks are told, those with the most packets."""
UNKNOWN = "ZZ"
"""The country of an address without one: ISO 3166-1 leaves the code to users."""

Content = dict[str, object]

_ROW = tuple(column.name for column in fields(Row))


def to_content(document: Document) -> Content:
    """The document as what JSON knows, in its fixed order."""
    question = document.question
    findings = [_finding(finding) for finding in document.findings]
    return {
        "period": _period(question.period),
        "compare": _period(question.compare),
        "timezone": question.period.zone.key,
        "home_country": question.home_country,
        "missing": _missing(document.missing, question.period),
        "compare_missing": _missing(document.compare_missing, question.compare),
        "access": _accesses(document.access, "address_days", document),
        "access_ipv6": _accesses(document.access_ipv6, "prefix_days", document),
        "signatures": _detections(document.signatures, "address_days"),
        "signatures_ipv6": _detections(document.signatures_ipv6, "prefix_days"),
        "bulletins": [_bulletin(finding) for finding in document.bulletins],
        "findings": findings,
        "categories": [
            {"id": category.id, "title": category.title.model_dump(), "examples": list(category.examples)}
            for category in document.categories.categories
        ],
        "survey_scanners": [
            {
                "network": str(entry.network),
                "operator": entry.operator,
                "source": entry.source,
                "checked": entry.checked,
            }
            for entry in document.question.scanners.networks
        ],
        "signatures_known": len(document.categories.listed),
        "country_database": document.countries.database,
        "country_credit": document.countries.credit,
    }


def _period(period: Period) -> Content:
    return {"from": period.first.isoformat(), "to": period.last.isoformat(), "days": period.days}


def _missing(found: Completeness, period: Period) -> Content:
    def moment(moment_ns: int | None) -> str | None:
        if moment_ns is None:
            return None
        return datetime.fromtimestamp(moment_ns // 1_000_000_000, period.zone).isoformat()

    def times(found: Iterable[Times]) -> list[Content]:
        return [{"sensor": one.sensor, "from": moment(one.from_ns), "to": moment(one.to_ns)} for one in found]

    return {
        "complete": found.complete,
        "gaps": times(found.gaps),
        "batches": [
            {
                "sensor": run.sensor,
                "epoch": f"{run.epoch:016x}",
                "first": run.first,
                "last": run.last,
                "from": moment(run.from_ns),
                "to": moment(run.to_ns),
            }
            for run in found.missing
        ],
        "losses": [
            {
                "sensor": loss.sensor,
                "reason": loss.reason,
                "batches": loss.batches,
                "packets": loss.packets,
                "from": moment(loss.from_ns),
                "to": moment(loss.to_ns),
            }
            for loss in found.losses
        ],
        "overlaps": times(found.overlaps),
    }


def _rows(rows: Iterable[Row]) -> list[Content]:
    return [_row_content(row) for row in rows]


def _row_content(row: Row) -> Content:
    return {name: getattr(row, name) for name in _ROW}


def _accesses(found: Accesses, unit: str, document: Document) -> Content:
    by_port = _pairs(found, "country")
    return {
        **_exposures(found, unit),
        "total": _row_content(found.total),
        "ports": _rows(found.ports),
        "countries": _rows(found.countries),
        "home_ports": _rows(found.home_ports),
        "networks": _rows(found.networks),
        "classes": _rows(found.classes),
        "tools": _rows(found.tools),
        "tools_by_port": _tools_by_port(found),
        "reflected": [_reflected(service) for service in found.reflected],
        "without_surveys": _without(found.without_surveys),
        "ports_by_country": {row.key: by_port[row.key] for row in found.ports if row.key in by_port},
        "backscatter": _backscatter(found, document),
        "series": _access_series(found, document),
        "by_sensor": [_sensor(figures) for figures in found.sensors],
    }


def _exposures(found: Accesses | Detections, unit: str) -> Content:
    return {
        unit: found.current.days,
        f"compare_{unit}": found.previous.days,
        f"registered_{unit}": found.current.registered_days,
        f"compare_registered_{unit}": found.previous.registered_days,
        "sensors": found.current.sensors,
        "compare_sensors": found.previous.sensors,
    }


def _without(found: WithoutSurveys) -> Content:
    return {
        "scanners": _rows(found.scanners),
        "total": _row_content(found.total),
        **{name: _rows(rows) for name, rows in found.rows.items()},
    }


def _reflected(service: Reflected) -> Content:
    return _row_content(service.row) | {"bytes": service.bytes}


def _pairs(found: Accesses, column: str) -> dict[str, dict[str, int]]:
    """Packets of the leading keys by another column."""
    keys = [row.key for row in found.ports[:KEYS_BY_COUNTRY]]
    return parts(sums(found.now.of("key", *keys), ("key", column)))


def _tools_by_port(found: Accesses) -> Content:
    """Packets of each tool, of the keys that any tool was seen on."""
    named = {
        key: {Tool(int(tool)).text: count for tool, count in tools.items() if int(tool) != Tool.NONE}
        for key, tools in _pairs(found, "tool").items()
    }
    return {row.key: named[row.key] for row in found.ports[:KEYS_BY_COUNTRY] if named.get(row.key)}


def _backscatter(found: Accesses, document: Document) -> Content:
    days = Days(found.now.calendar.days, found.current_days)
    ipv4 = found is document.access
    ground = document.ground if ipv4 else document.ground_ipv6
    content: Content = {
        "countries": _rows(found.backscatter_countries),
        "sources": [_victim(victim, ground) for _, victim in victims(ground)[:VICTIMS]],
        "series": _series(whole_series(_of_class(found, Class.BACKSCATTER), "country", days), "countries"),
    }
    if ipv4:
        content |= _attacks(document)
    return content


def _attacks(document: Document) -> Content:
    floor_, zone = document.attack_floor, document.question.period.zone
    scale = None if floor_ is None else IPV4_ADDRESSES / floor_.addresses
    return {
        "attacks": [
            {
                "victim": source_text(attack.victim, Family.IPV4),
                "country": attack.country or UNKNOWN,
                "protocol": attack.protocol,
                "port": attack.port,
                "first": _minute(attack.first_minute, zone),
                "last": _minute(attack.last_minute, zone),
                "packets": attack.packets,
                "most_in_a_minute": attack.most_in_a_minute,
                "victim_packets": None if scale is None else attack.packets * scale,
            }
            for attack in document.attacks[:ATTACKS]
        ],
        "attacks_seen": len(document.attacks),
        "attack_floor": None
        if floor_ is None
        else {
            "addresses": floor_.addresses,
            "packets_a_second": floor_.packets_a_second,
            "packets": floor_.packets,
        },
    }


def _victim(victim: Victim, ground: Ground) -> Content:
    zone = ground.accesses.now.scope.period.zone
    content: Content = {
        "source": victim.source,
        "country": victim.country,
        "packets": victim.packets,
        "rate": victim.packets / ground.accesses.current.days if ground.accesses.current.days else None,
        "first": _minute(victim.first_minute, zone),
        "last": _minute(victim.last_minute, zone),
        "days": [ground.days[day].isoformat() for day in victim.days],
        "replies": victim.replies,
        "attacked_port": victim.attacked_port,
        "attacked_port_share": victim.attacked_port_share,
    }
    return content


def _minute(minute: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(minute * 60, zone).isoformat()


def _of_class(found: Accesses, class_: Class) -> pa.Table:
    return found.now.of("class", int(class_))


def _access_series(found: Accesses, document: Document) -> Content:
    days = Days(found.now.calendar.days, found.current_days)
    daily = found.now.daily
    keys = [row.key for row in leading(found.ports)]
    if found is document.access:
        keys += [finding.key for finding in document.bulletins]
    countries = [row.key for row in leading(found.countries)]
    return {
        "total": _series(whole_series(daily, "country", days), "countries"),
        "ports": {
            key: _series(days_of_key, "countries")
            for key, days_of_key in series_of(daily, keys, "key", "country", days).items()
        },
        "countries": {
            country: _series(days_of_country, "ports")
            for country, days_of_country in series_of(daily, countries, "country", "key", days).items()
        },
    }


def _series(series: Series, name: str) -> list[Content]:
    return [
        {
            "day": day.day.isoformat(),
            "exposure": day.exposure,
            "count": day.count,
            "rate": day.rate,
            name: dict(day.parts),
        }
        for day in series
    ]


def _sensor(figures: SensorFigures) -> Content:
    row = figures.row
    return {
        "sensor": figures.sensor,
        "days": figures.current.days,
        "registered_days": figures.current.registered_days,
        "count": row.count,
        "rate": row.rate,
        "rate_low": row.rate_low,
        "rate_high": row.rate_high,
        "compare_rate": row.compare_rate,
        "change": row.change,
        "change_percent": row.change_percent,
        "sources": row.sources,
        "without_surveys": {
            name: getattr(figures.without_surveys, name)
            for name in ("count", "rate", "compare_rate", "change", "change_percent", "sources")
        },
        "gaps": [_gap(gap) for gap in figures.gaps],
    }


def _gap(gap: Stretch) -> Content:
    return {"from_ns": gap[0], "to_ns": gap[1]}


def _detections(found: Detections, unit: str) -> Content:
    days = Days(found.now.calendar.days, found.current_days)
    daily = found.now.daily
    categories = [row.key for row in found.categories]
    countries = [row.key for row in leading(found.countries)]
    return {
        **_exposures(found, unit),
        "total": _row_content(found.total),
        "categories": _rows(found.categories),
        "countries": _rows(found.countries),
        "by_signature": [
            _row_content(row)
            | {"message": found.known[row.key].message, "category": found.known[row.key].category}
            for row in found.signatures
        ],
        "without_surveys": _without(found.without_surveys),
        "categories_by_country": _ordered(parts(found.now.pairs("category", "country")), categories),
        "signatures_by_country": _ordered(
            parts(found.now.pairs("signature", "country")), [row.key for row in found.signatures]
        ),
        "series": {
            "total": _series(whole_series(daily, "category", days), "categories"),
            "categories": {
                name: _series(series, "countries")
                for name, series in series_of(daily, categories, "category", "country", days).items()
            },
            "countries": {
                name: _series(series, "categories")
                for name, series in series_of(daily, countries, "country", "category", days).items()
            },
        },
    }


def _ordered(by: Mapping[str, Mapping[str, int]], names: Iterable[str]) -> Content:
    return {name: dict(by[name]) for name in names if name in by}


def _bulletin(finding: BulletinFinding) -> Content:
    bulletin, rise, found = finding.bulletin, finding.rise, finding.scan_range
    return {
        "id": bulletin.id,
        "title": bulletin.title,
        "noticed": None if bulletin.noticed is None else bulletin.noticed.isoformat(),
        "published": bulletin.published.isoformat(),
        "key": finding.key,
        "before": finding.before,
        "after": finding.after,
        "surge": finding.surge,
        "probability": None if rise is None else rise.probability,
        "false_discovery": finding.discovery,
        "dispersion": None if rise is None else rise.dispersion,
        "begin": None if finding.begin is None else finding.begin.isoformat(),
        "end": None if finding.end is None else finding.end.isoformat(),
        "days_elevated": finding.days_elevated,
        "sources": finding.sources,
        "countries": dict(finding.countries),
        "sensors_reached": found.sensors_reached,
        "sensors_observing": found.sensors_observing,
        "reach": found.reach.value,
        "range": found.verdict.value,
        "confidence": found.confidence,
        "range_evidence": {
            "hits": found.hits,
            "addresses_reached": found.addresses_reached,
            "addresses_observing": found.addresses_observing,
            "addresses_by_chance": found.addresses_by_chance,
            "sensors_by_chance": found.sensors_by_chance,
            "evenness_probability": found.evenness,
            "unevenness_probability": found.unevenness,
            "fewer_sensors_probability": found.fewer_sensors,
            "order": found.order,
            "order_probability": found.order_probability,
            "closeness_bits": found.closeness,
            "closeness_probability": found.closeness_probability,
        },
        "series": [
            {"day": day.day.isoformat(), "exposure": day.exposure, "count": day.count, "rate": day.rate}
            for day in finding.series
        ],
    }


def _finding(finding: Finding) -> Content:
    return {
        "kind": finding.kind.value,
        "part": finding.part.value,
        "subject": finding.subject,
        "from": finding.first.isoformat(),
        "to": finding.last.isoformat(),
        "explained": finding.explained,
        "evidence": dict(finding.evidence),
        "text": {"ja": finding_text(finding, "ja"), "en": finding_text(finding, "en")},
    }
