"""The document behind every form of the report: everything that it says, counted, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from teiten_collector.analysis.bulletins import Bulletin, BulletinFinding, judge_bulletins
from teiten_collector.analysis.categories import Signatures, read_categories, read_signatures
from teiten_collector.analysis.completeness import Completeness, completeness
from teiten_collector.analysis.denial_of_service import Attack, Floor, attacks, floor
from teiten_collector.analysis.findings import Finding, Ground, find, make_ground
from teiten_collector.analysis.rates import Accesses, accesses
from teiten_collector.analysis.scope import select_sensors
from teiten_collector.analysis.signatures import Detections, detections
from teiten_collector.analysis.survey_scanners import SurveyScanners
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
        signature_groups: Groups of the sensors whose detections count; empty: every sensor.
        home_country: Code of the country that has figures of its own.
        bulletins: Whose keys are looked at before and after.
        scanners: The known survey scanners, without whom every rate is told too.
    """

    period: Period
    compare: Period
    access_groups: tuple[str, ...] = ()
    signature_groups: tuple[str, ...] = ()
    home_country: str = "JP"
    bulletins: tuple[Bulletin, ...] = ()
    scanners: SurveyScanners = field(default_factory=SurveyScanners)


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
        signatures: Detections at monitored IPv4 addresses.
        signatures_ipv6: Detections at monitored IPv6 prefixes.
        bulletins: What happened to the keys of bulletins, in the order of their list.
        findings: Sentences that say why, the one that explains most first.
        ground: What the findings about IPv4 accesses were made from.
        ground_ipv6: The same of IPv6.
        attacks: Denial-of-service attacks inferred from backscatter over IPv4, by falling packets.
        attack_floor: The smallest attack that could be seen; None where nothing was observed.
        missing: What is missing of the period's data.
        compare_missing: The same of the compared period.
        categories: Categories of signatures, and the list of signatures.
        countries: Where countries come from.
    """

    question: Question
    access: Accesses
    access_ipv6: Accesses
    signatures: Detections
    signatures_ipv6: Detections
    bulletins: tuple[BulletinFinding, ...]
    findings: tuple[Finding, ...]
    ground: Ground
    ground_ipv6: Ground
    attacks: tuple[Attack, ...]
    attack_floor: Floor | None
    missing: Completeness
    compare_missing: Completeness
    categories: Signatures
    countries: CountrySource


def build_document(
    engine: Engine,
    sensors: Sequence[Sensor],
    question: Question,
    countries: CountrySource,
    signatures: Signatures | None = None,
) -> Document:
    """Counts everything a report says.

    Args:
        engine: Where the tables are read: one state of them for the whole report.
        sensors: Every registered sensor.
        question: What is asked.
        countries: Where countries come from.
        signatures: What is known of signatures; without it, the categories of the 2009 report and no list.

    Raises:
        ConfigurationError: A group that is asked for has no sensor.
    """
    known = signatures or read_signatures((), read_categories())
    watching = select_sensors(sensors, question.access_groups, key="report.access_groups")
    detecting = select_sensors(sensors, question.signature_groups, key="report.signature_groups")
    spans = (question.period, question.compare)
    access, access_ipv6 = (
        accesses(engine, watching, family, *spans, question.home_country, question.scanners)
        for family in (Family.IPV4, Family.IPV6)
    )
    detected, detected_ipv6 = (
        detections(engine, detecting, family, *spans, known, question.scanners)
        for family in (Family.IPV4, Family.IPV6)
    )
    ground, ground_ipv6 = make_ground(engine, access), make_ground(engine, access_ipv6)
    everyone = {sensor.id: sensor for sensor in (*watching, *detecting)}
    missing, compare_missing = (completeness(engine, tuple(everyone.values()), period) for period in spans)
    seen = attacks(engine, access.now.scope)
    return Document(
        question=question,
        access=access,
        access_ipv6=access_ipv6,
        signatures=detected,
        signatures_ipv6=detected_ipv6,
        bulletins=judge_bulletins(engine, watching, question.bulletins, question.period.zone),
        findings=(*find(ground, detected), *find(ground_ipv6, detected_ipv6)),
        ground=ground,
        ground_ipv6=ground_ipv6,
        attacks=tuple(sorted(seen, key=lambda attack: (-attack.packets, attack.first_minute, attack.victim))),
        attack_floor=floor(access.current, question.period.end_ns - question.period.start_ns),
        missing=missing,
        compare_missing=compare_missing,
        categories=known,
        countries=countries,
    )
