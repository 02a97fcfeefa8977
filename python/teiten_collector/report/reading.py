"""The JSON document as the forms read it: the only module that knows where in it a thing stands.

Forms read the document that `report --format json` prints and nothing else, so that all they show can be
checked there. A part that is absent reads as empty, and the sections that need it are left out.
docs/reference/report-format.md describes the document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from teiten_collector.analysis.ranks import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from teiten_collector.config import Language

Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """A period in days, both included."""

    first: date
    last: date
    days: int


@dataclass(frozen=True, slots=True)
class Days:
    """One subject day by day: a rate, None where not observed, and the parts it is made of."""

    days: tuple[date, ...]
    rates: tuple[float | None, ...]
    parts: tuple[Mapping[str, float], ...]


@dataclass(frozen=True, slots=True)
class Observed:
    """What rates rest on: days of addresses observed (or of prefixes), those registered, and sensors."""

    prefixes: bool
    days: float
    compare_days: float
    registered: float
    compare_registered: float
    sensors: int
    compare_sensors: int


@dataclass(frozen=True, slots=True)
class Side:
    """Accesses, or detections, of one address family.

    Attributes:
        observed: What rates rest on.
        total: Everything.
        subjects: Rows of keys (of accesses) or of categories (of detections).
        countries: Rows of countries.
        subjects_by_country: Counts of each subject from each country.
        subject_days: Each subject day by day, parts being countries.
        country_days: Each country day by day, parts being subjects.
        total_days: Everything day by day, parts being countries.
        backscatter: Rows of backscatter by country.
        backscatter_days: Backscatter day by day, parts being countries.
        signatures: Rows of single signatures.
        signatures_by_country: Counts of each signature from each country.
        messages: What signatures are called, by number.
        home_subjects: Rows of keys of the home country's accesses.
        networks: Rows of autonomous systems.
        classes: Rows of classes of packets.
        tools: Rows of scanners' tools.
        sensors: Rows of sensors, beside one another.
        victims: Sources of backscatter: who was attacked in our name.
        attacks: Denial-of-service attacks on them, by falling packets.
        attacks_seen: How many there were; more than `attacks` where many.
        attack_floor: The smallest attack that could be seen; None where that is not known.
        tools_by_port: Packets of each tool, by key.
        reflected: UDP replies, by the service that they come from.
        surveys: Rows of known survey scanners, by operator.
        total_without_surveys: Everything but what they sent.
        without_surveys: The other rows without it, by table and then by key; empty where they sent nothing.
    """

    observed: Observed
    total: Row
    subjects: tuple[Row, ...]
    countries: tuple[Row, ...]
    subjects_by_country: Mapping[str, Mapping[str, float]]
    subject_days: Mapping[str, Days]
    country_days: Mapping[str, Days]
    total_days: Days | None
    backscatter: tuple[Row, ...]
    backscatter_days: Days | None
    signatures: tuple[Row, ...]
    signatures_by_country: Mapping[str, Mapping[str, float]]
    messages: Mapping[str, str]
    home_subjects: tuple[Row, ...]
    networks: tuple[Row, ...]
    classes: tuple[Row, ...]
    tools: tuple[Row, ...]
    sensors: tuple[Sensor, ...]
    victims: tuple[Victim, ...]
    attacks: tuple[Attack, ...]
    attacks_seen: int
    attack_floor: AttackFloor | None
    tools_by_port: Mapping[str, Mapping[str, int]]
    reflected: tuple[Reflected, ...]
    surveys: tuple[Row, ...]
    total_without_surveys: Row
    without_surveys: Mapping[str, tuple[Row, ...]]


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor beside the others; None where nothing was observed."""

    sensor: str
    days: float
    registered: float
    rate: float | None
    rate_low: float | None
    rate_high: float | None
    rate_without_surveys: float | None
    compare_rate: float | None
    sources: int


@dataclass(frozen=True, slots=True)
class Victim:
    """A source of backscatter."""

    source: str
    country: str
    packets: int
    rate: float | None
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Attack:
    """An attack that a victim's replies betray; `victim_packets` is about what it answered in all."""

    victim: str
    country: str
    protocol: int
    port: int | None
    first: datetime
    last: datetime
    packets: int
    most_in_a_minute: int
    victim_packets: float | None


@dataclass(frozen=True, slots=True)
class AttackFloor:
    """The smallest attack that could be seen, by the replies of its victim."""

    addresses: float
    packets_a_second: float
    packets: float


@dataclass(frozen=True, slots=True)
class Reflected:
    """UDP replies of one service."""

    row: Row
    bytes: int


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that is wrong with the data: what kind, of which sensor, when, and how much of it.

    Attributes:
        kind: "gap", "batches" or "loss", which are missing, or "overlap", which counts twice.
        sensor: Whose.
        first: When it begins, as ISO 8601; None where that is not known.
        last: When it ends.
        reason: Why, of a loss; else empty.
        batches: How many batches.
        packets: How many packets, as far as that is known.
    """

    kind: str
    sensor: str
    first: datetime | None
    last: datetime | None
    reason: str = ""
    batches: int = 0
    packets: int = 0


@dataclass(frozen=True, slots=True)
class Category:
    """A category of signatures, with typical ones."""

    key: str
    title: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence that the data wrote, what it is about, and in which part of the report ("access")."""

    kind: str
    part: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """The document."""

    period: Span
    compare: Span
    timezone: str
    home: str
    access: Side
    access_ipv6: Side | None
    signatures: Side | None
    signatures_ipv6: Side | None
    bulletins: tuple[Content, ...]
    findings: tuple[Finding, ...]
    country_database: str
    country_credit: str
    categories: tuple[Category, ...]
    signatures_known: int
    missing: tuple[Lack, ...]
    compare_missing: tuple[Lack, ...]
    survey_operators: tuple[str, ...]

    def bulletin_days(self, bulletin: Content) -> Days | None:
        """The accesses to a bulletin's key day by day: the bulletin's own, else the port's."""
        return _days(bulletin.get("series")) or self.access.subject_days.get(bulletin["key"])


def read(content: Content, language: Language) -> Report:
    """Reads a document.

    Args:
        content: The JSON document.
        language: Of the findings' sentences.
    """
    return Report(
        period=_span(content["period"]),
        compare=_span(content["compare"]),
        timezone=content["timezone"],
        home=content.get("home_country", "JP"),
        access=_side(content["access"], "address_days", "ports"),
        access_ipv6=_optional(content.get("access_ipv6"), "prefix_days", "ports"),
        signatures=_optional(content.get("signatures"), "address_days", "categories"),
        signatures_ipv6=_optional(content.get("signatures_ipv6"), "prefix_days", "categories"),
        bulletins=tuple(content.get("bulletins") or ()),
        findings=tuple(_finding(found, language) for found in content.get("findings") or ()),
        country_database=content.get("country_database", ""),
        country_credit=content.get("country_credit", ""),
        categories=tuple(_category(found, language) for found in content.get("categories") or ()),
        signatures_known=content.get("signatures_known", 0),
        missing=_lacks(content.get("missing") or {}),
        compare_missing=_lacks(content.get("compare_missing") or {}),
        survey_operators=tuple(sorted({entry["operator"] for entry in content.get("survey_scanners") or ()})),
    )


def _span(content: Content) -> Span:
    return Span(date.fromisoformat(content["from"]), date.fromisoformat(content["to"]), content["days"])


def _optional(content: Content | None, unit: str, subjects: str) -> Side | None:
    """A side where anything was registered or seen."""
    if not content or not (
        content.get(f"registered_{unit}")
        or content.get(f"compare_registered_{unit}")
        or content["total"]["count"]
        or content["total"]["compare_count"]
    ):
        return None
    return _side(content, unit, subjects)


def _side(content: Content, unit: str, subjects: str) -> Side:
    series = content.get("series") or {}
    backscatter = content.get("backscatter") or {}
    without = content.get("without_surveys") or {}
    days = content[unit]
    compare_days = content[f"compare_{unit}"]
    return Side(
        observed=Observed(
            prefixes=unit == "prefix_days",
            days=days,
            compare_days=compare_days,
            registered=content.get(f"registered_{unit}", days),
            compare_registered=content.get(f"compare_registered_{unit}", compare_days),
            sensors=content["sensors"],
            compare_sensors=content.get("compare_sensors", 0),
        ),
        total=_row(content["total"]),
        subjects=_rows(content.get(subjects)),
        countries=_rows(content.get("countries")),
        subjects_by_country=content.get(f"{subjects}_by_country") or {},
        subject_days=_each(series.get(subjects)),
        country_days=_each(series.get("countries")),
        total_days=_days(series.get("total")),
        backscatter=_rows(backscatter.get("countries")),
        backscatter_days=_days(backscatter.get("series")),
        signatures=_rows(content.get("by_signature")),
        signatures_by_country=content.get("signatures_by_country") or {},
        messages={row["key"]: row.get("message", row["key"]) for row in content.get("by_signature") or ()},
        home_subjects=_rows(content.get("home_ports")),
        networks=_rows(content.get("networks")),
        classes=_rows(content.get("classes")),
        tools=_rows(content.get("tools")),
        sensors=tuple(_sensor(found) for found in content.get("by_sensor") or ()),
        victims=tuple(
            Victim(**{field.name: found[field.name] for field in fields(Victim)})
            for found in backscatter.get("sources") or ()
        ),
        attacks=tuple(_attack(found) for found in backscatter.get("attacks") or ()),
        attacks_seen=backscatter.get("attacks_seen", 0),
        attack_floor=(
            AttackFloor(**floor) if (floor := backscatter.get("attack_floor")) is not None else None
        ),
        tools_by_port=content.get("tools_by_port") or {},
        reflected=tuple(Reflected(_row(found), found["bytes"]) for found in content.get("reflected") or ()),
        surveys=_rows(without.get("scanners")),
        total_without_surveys=_row(without.get("total") or content["total"]),
        without_surveys={
            name: _rows(rows) for name, rows in without.items() if name not in {"scanners", "total"}
        },
    )


def _rows(content: Iterable[Content] | None) -> tuple[Row, ...]:
    return tuple(_row(row) for row in content or ())


def _row(content: Content) -> Row:
    """A row; what it tells beyond the row of a table is left to those who ask for it."""
    return Row(**{field.name: content[field.name] for field in fields(Row)})


def _each(content: Mapping[str, Sequence[Content]] | None) -> Mapping[str, Days]:
    return {key: found for key, days in (content or {}).items() if (found := _days(days)) is not None}


def _days(content: Sequence[Content] | None) -> Days | None:
    if not content:
        return None
    return Days(
        days=tuple(date.fromisoformat(entry["day"]) for entry in content),
        rates=tuple(entry["rate"] for entry in content),
        parts=tuple(_parts(entry) for entry in content),
    )


def _parts(content: Content) -> Mapping[str, float]:
    return next((value for value in content.values() if isinstance(value, Mapping)), {})


def _sensor(content: Content) -> Sensor:
    return Sensor(
        sensor=content["sensor"],
        days=content["days"],
        registered=content["registered_days"],
        rate=content["rate"],
        rate_low=content["rate_low"],
        rate_high=content["rate_high"],
        rate_without_surveys=(content.get("without_surveys") or content)["rate"],
        compare_rate=content["compare_rate"],
        sources=content["sources"],
    )


def _attack(content: Content) -> Attack:
    moments = {name: datetime.fromisoformat(content[name]) for name in ("first", "last")}
    return Attack(**{field.name: content[field.name] for field in fields(Attack)} | moments)


def _lacks(content: Content) -> tuple[Lack, ...]:
    """What is missing or counts twice, sensor by sensor."""

    def moment(text: str | None) -> datetime | None:
        return None if text is None else datetime.fromisoformat(text)

    found = [
        *(
            Lack(kind, times["sensor"], moment(times["from"]), moment(times["to"]))
            for kind, name in (("gap", "gaps"), ("overlap", "overlaps"))
            for times in content.get(name, ())
        ),
        *(
            Lack(
                "batches",
                run["sensor"],
                moment(run["from"]),
                moment(run["to"]),
                batches=run["last"] - run["first"] + 1,
            )
            for run in content.get("batches", ())
        ),
        *(
            Lack(
                "loss",
                loss["sensor"],
                moment(loss["from"]),
                moment(loss["to"]),
                loss["reason"],
                loss["batches"],
                loss["packets"],
            )
            for loss in content.get("losses", ())
        ),
    ]
    return tuple(sorted(found, key=lambda lack: lack.sensor))


def _category(content: Content, language: Language) -> Category:
    return Category(content["id"], content["title"][language], tuple(content["examples"]))


def _finding(content: Content, language: Language) -> Finding:
    return Finding(
        content["kind"], content.get("part", "access"), content["subject"], content["text"][language]
    )
