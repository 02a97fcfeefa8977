"""How many accesses came, to which keys, from which countries, from how many sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from teiten_collector.analysis.exposure import (
    Exposure,
    Stretch,
    daily_exposure,
    exposure,
    observed_stretches,
)
from teiten_collector.analysis.ranks import Figure, Row, compare, natural_order, rank_rows
from teiten_collector.analysis.scope import Scope, select_sensors
from teiten_collector.analysis.statements import (
    BY_NETWORK,
    BY_SENSOR,
    HOME_SOURCES,
    MEMBERS,
    REFLECTED,
    for_family,
)
from teiten_collector.analysis.surveys import TOTAL, Surveyed, WithoutSurveys, rest, surveyed, without_surveys
from teiten_collector.analysis.tallies import Tally, code_key, sums, tally
from teiten_protocol import Class, Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from teiten_collector.analysis.periods import Period
    from teiten_collector.analysis.survey_scanners import SurveyScanners
    from teiten_collector.store import Engine, Sensor
    from teiten_protocol import Family

__all__ = ["Accesses", "SensorFigures", "accesses", "select_sensors"]


@dataclass(frozen=True, slots=True)
class SensorFigures:
    """One sensor beside the others.

    Attributes:
        sensor: Its id.
        current: What it observed of the period.
        row: Its accesses in both periods; `key` is the id, and it has no ranks.
        without_surveys: The same without what known survey scanners sent.
        gaps: Times within the period when nothing was observed though addresses were registered.
    """

    sensor: str
    current: Exposure
    row: Row
    without_surveys: Row
    gaps: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Reflected:
    """UDP replies of one service that forgers use as a reflector.

    Attributes:
        row: Its packets in both periods; `key` is the service's key, `53/UDP`.
        bytes: Bytes in the period.
    """

    row: Row
    bytes: int


@dataclass(frozen=True, slots=True)
class Accesses:
    """The accesses of two periods to monitored addresses of one family, compared.

    Attributes:
        family: Which addresses.
        current: What was observed of the period.
        previous: What was observed of the compared period.
        current_days: Address-days or prefix-days of each day of the period.
        previous_days: The same of the compared period.
        total: Every access.
        ports: A row for each key, in order of rank.
        countries: A row for each country of a source, in order of rank; ZZ is unknown.
        backscatter_countries: The same of backscatter alone.
        home_ports: A row for each key, of accesses from the home country alone.
        networks: The same for each autonomous system; none where no database told them.
        classes: A row for each class of packets.
        tools: A row for each scanner's tool that betrayed itself.
        reflected: UDP replies by the service that they come from, in order of rank.
        sensors: Every sensor that is registered or sent something, in the order of their ids.
        without_surveys: The same rows without what known survey scanners sent.
        now: The period's tally.
        then: The compared period's tally.
    """

    family: Family
    current: Exposure
    previous: Exposure
    current_days: tuple[float, ...]
    previous_days: tuple[float, ...]
    total: Row
    ports: tuple[Row, ...]
    countries: tuple[Row, ...]
    backscatter_countries: tuple[Row, ...]
    home_ports: tuple[Row, ...]
    networks: tuple[Row, ...]
    classes: tuple[Row, ...]
    tools: tuple[Row, ...]
    reflected: tuple[Reflected, ...]
    sensors: tuple[SensorFigures, ...]
    without_surveys: WithoutSurveys
    now: Tally
    then: Tally


def accesses(  # noqa: PLR0913, PLR0917 - one question, and what is known of sources
    engine: Engine,
    sensors: Sequence[Sensor],
    family: Family,
    current: Period,
    previous: Period,
    home: str,
    scanners: SurveyScanners,
) -> Accesses:
    """Counts and compares the accesses of two periods.

    Args:
        engine: Where the tables are read; one state of them for the whole answer.
        sensors: Whose accesses count.
        family: Which monitored addresses.
        current: The period.
        previous: The period it is compared with.
        home: Code of the country that has figures of its own.
        scanners: The known survey scanners.
    """
    chosen = tuple(sensors)
    stretches = [observed_stretches(engine, period, chosen) for period in (current, previous)]
    observed = [
        exposure(found, period, chosen, family)
        for found, period in zip(stretches, (current, previous), strict=True)
    ]
    scopes = [Scope(chosen, family, period) for period in (current, previous)]
    now, then = (tally(engine, scope) for scope in scopes)
    days = (observed[0].days, observed[1].days)

    def rows(column: str, class_: Class | None = None) -> tuple[Row, ...]:
        counted = [_figures(found, column, class_) for found in (now, then)]
        return rank_rows(counted[0], counted[1], *days)

    def ranked(count: Callable[[Engine, Tally], dict[str, Figure]]) -> tuple[Row, ...]:
        return rank_rows(count(engine, now), count(engine, then), *days)

    totals = [
        Figure(found.total, found.sources.total, estimated=found.sources.is_estimate())
        for found in (now, then)
    ]
    total = compare(TOTAL, totals[0], totals[1], *days)
    members = [_members(engine, found) for found in (now, then)]
    tables = {
        "ports": ("key", rows("key")),
        "countries": ("country", rows("country")),
        "backscatter_countries": ("backscatter", rows("country", Class.BACKSCATTER)),
        "home_ports": ("home-key", ranked(lambda engine, found: _home_ports(engine, found, home))),
        "networks": ("network", ranked(_networks)),
        "classes": ("class", rank_rows(members[0]["class"], members[1]["class"], *days)),
        "tools": ("tool", rank_rows(members[0]["tool"], members[1]["tool"], *days)),
    }
    both = (surveyed(engine, now, scanners, home), surveyed(engine, then, scanners, home))
    return Accesses(
        family=family,
        current=observed[0],
        previous=observed[1],
        current_days=daily_exposure(stretches[0], current, chosen, family),
        previous_days=daily_exposure(stretches[1], previous, chosen, family),
        total=total,
        **{name: found for name, (_, found) in tables.items()},
        reflected=_reflected(engine, (now, then), days),
        sensors=_sensors(engine, scopes, stretches, both),
        without_surveys=without_surveys(both, total, tables, days),
        now=now,
        then=then,
    )


def _figures(found: Tally, column: str, class_: Class | None) -> dict[str, Figure]:
    counts = found.by_one(column, class_)
    if column == "key":
        sources = found.sources.keys
    else:
        sources = found.sources.countries if class_ is None else found.sources.backscatter_countries
    return {
        subject: Figure(
            count,
            sources.get(subject, 0),
            estimated=column == "key" and found.sources.is_estimate(subject),
        )
        for subject, count in counts.items()
    }


def _networks(engine: Engine, found: Tally) -> dict[str, Figure]:
    if not found.total:
        return {}
    rows = engine.rollup(
        for_family(BY_NETWORK, found.scope.family), found.scope.parameters, found.scope.days
    ).to_pylist()
    return {row["subject"]: Figure(int(row["packets"]), row["sources"]) for row in rows}


def _members(engine: Engine, found: Tally) -> dict[str, dict[str, Figure]]:
    """The figures of classes and of tools."""
    sources: dict[tuple[str, int], int] = {}
    if found.total:
        rows = engine.rollup(
            for_family(MEMBERS, found.scope.family), found.scope.parameters, found.scope.days
        ).to_pylist()
        sources = {(row["kind"], row["number"]): row["sources"] for row in rows}
    figures: dict[str, dict[str, Figure]] = {}
    for kind, names in (("class", Class), ("tool", Tool)):
        counts = {names(int(number)): count for number, count in found.by_one(kind).items()}
        figures[kind] = {
            name.text: Figure(count, sources.get((kind, int(name)), 0))
            for name, count in counts.items()
            if name is not Tool.NONE
        }
    return figures


def _home_ports(engine: Engine, found: Tally, home: str) -> dict[str, Figure]:
    counts = sums(found.of("country", home), ("key",))
    if not counts:
        return {}
    rows = engine.rollup(
        for_family(HOME_SOURCES, found.scope.family), [*found.scope.parameters, home], found.scope.days
    ).to_pylist()
    sources = {code_key(row["code"]): row["sources"] for row in rows}
    return {str(key): Figure(count, sources.get(str(key), 0)) for (key,), count in counts.items()}


def _reflected(engine: Engine, both: tuple[Tally, Tally], days: tuple[float, float]) -> tuple[Reflected, ...]:
    counted: list[dict[str, Figure]] = []
    volumes: dict[str, int] = {}
    for found in both:
        scope, rows = found.scope, []
        if str(int(Class.REFLECTED)) in found.by_one("class"):
            rows = engine.rollup(
                for_family(REFLECTED, scope.family), scope.parameters, scope.days
            ).to_pylist()
        counted.append(
            {f"{row['source_port']}/UDP": Figure(int(row["packets"]), row["sources"]) for row in rows}
        )
        if found is both[0]:
            volumes = {f"{row['source_port']}/UDP": int(row["bytes"]) for row in rows}
    return tuple(Reflected(row, volumes.get(row.key, 0)) for row in rank_rows(counted[0], counted[1], *days))


def _sensors(
    engine: Engine,
    scopes: Sequence[Scope],
    stretches: Sequence[Mapping[str, Sequence[Stretch]]],
    both: tuple[Surveyed, Surveyed],
) -> tuple[SensorFigures, ...]:
    """Each sensor's figures in the period and the compared one, by its own days."""
    family = scopes[0].family
    counted = []
    for scope in scopes:
        rows = (
            engine.rollup(for_family(BY_SENSOR, family), scope.parameters, scope.days).to_pylist()
            if scope.sensors
            else []
        )
        counted.append({row["sensor"]: Figure(int(row["packets"]), row["sources"]) for row in rows})
    found = []
    nothing = Figure(0, 0)
    for sensor in sorted(scopes[0].sensors, key=lambda sensor: sensor.id):
        seen = [
            exposure(spans, scope.period, (sensor,), family)
            for spans, scope in zip(stretches, scopes, strict=True)
        ]
        if not any(part.registered for part in seen):
            continue
        days = (seen[0].days, seen[1].days)
        figures = [counts.get(sensor.id, nothing) for counts in counted]
        row = compare(sensor.id, figures[0], figures[1], *days)
        gaps = _gaps(stretches[0].get(sensor.id, ()), scopes[0].period)
        found.append(SensorFigures(sensor.id, seen[0], row, rest(row, both, "sensor", days), gaps))
    return tuple(found)


def _gaps(stretches: Sequence[Stretch], period: Period) -> tuple[Stretch, ...]:
    """The times of the period that no stretch covers."""
    gaps = []
    reached = period.start_ns
    for start, end in stretches:
        if start > reached:
            gaps.append((reached, start))
        reached = end
    if reached < period.end_ns:
        gaps.append((reached, period.end_ns))
    return tuple(gaps)


def parts(counts: Mapping[tuple[object, ...], int]) -> dict[str, dict[str, int]]:
    """Pairs and their counts, as counts by the second of each first."""
    found: dict[str, dict[str, int]] = {}
    for (first, second), count in counts.items():
        found.setdefault(str(first), {})[str(second)] = count
    return {subject: falling(found[subject]) for subject in sorted(found, key=natural_order)}


def falling(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts, the highest first, equal ones in the order of their names."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], natural_order(item[0]))))
