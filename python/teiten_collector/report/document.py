"""The document behind every form of the report: figures as counted, unrounded, and what they rest on.

Its JSON has a fixed order of keys and of rows, so that a report of the same data is the same to the byte. It
holds no monitored address, and nothing of when or where it was made.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from teiten_collector.analysis.rates import Accesses, accesses, select_sensors
from teiten_protocol import Family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from teiten_collector.analysis.periods import Period
    from teiten_collector.store import Engine, Sensor


@dataclass(frozen=True, slots=True)
class Question:
    """What a report is asked for.

    Attributes:
        period: What it is about.
        compare: What that is compared with.
        access_groups: Groups of the sensors whose accesses count; empty: every sensor.
    """

    period: Period
    compare: Period
    access_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CountrySource:
    """Which database told the countries, and the credit its licence asks for (empty where it asks none)."""

    database: str
    credit: str


@dataclass(frozen=True, slots=True)
class Document:
    """One report.

    Attributes:
        question: What it answers.
        access: Accesses to monitored IPv4 addresses.
        access_ipv6: Accesses to monitored IPv6 prefixes, never mixed with the former.
        countries: Where countries come from.
    """

    question: Question
    access: Accesses
    access_ipv6: Accesses
    countries: CountrySource


def build_document(
    engine: Engine, sensors: Sequence[Sensor], question: Question, countries: CountrySource
) -> Document:
    """Counts everything a report says.

    Args:
        engine: Where the tables are read: one state of them for the whole report.
        sensors: Every registered sensor.
        question: What is asked.
        countries: Where countries come from.

    Raises:
        ConfigurationError: A group that is asked for has no sensor.
    """
    chosen = select_sensors(sensors, question.access_groups, key="report.access_groups")
    return Document(
        question=question,
        access=accesses(engine, chosen, Family.IPV4, question.period, question.compare),
        access_ipv6=accesses(engine, chosen, Family.IPV6, question.period, question.compare),
        countries=countries,
    )


def to_json(document: Document) -> str:
    """The document as JSON, ending in a newline. A row is as `teiten_collector.analysis.ranks.Row`."""
    content = {
        "period": _period(document.question.period),
        "compare": _period(document.question.compare),
        "timezone": document.question.period.zone.key,
        "access": _accesses(document.access, "address_days"),
        "access_ipv6": _accesses(document.access_ipv6, "prefix_days"),
        "country_database": document.countries.database,
        "country_credit": document.countries.credit,
    }
    return json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _period(period: Period) -> dict[str, object]:
    return {"from": period.first.isoformat(), "to": period.last.isoformat(), "days": period.days}


def _accesses(found: Accesses, unit: str) -> dict[str, object]:
    return {
        unit: found.current.days,
        f"compare_{unit}": found.previous.days,
        f"registered_{unit}": found.current.registered_days,
        f"compare_registered_{unit}": found.previous.registered_days,
        "sensors": found.current.sensors,
        "compare_sensors": found.previous.sensors,
        "total": asdict(found.total),
        "ports": [asdict(row) for row in found.ports],
        "countries": [asdict(row) for row in found.countries],
        "backscatter": {"countries": [asdict(row) for row in found.backscatter_countries]},
    }
