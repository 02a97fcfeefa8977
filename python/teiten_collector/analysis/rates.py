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
from teiten_collector.analysis.statements import BY_NETWORK, BY_SENSOR, for_family
from teiten_collector.analysis.tallies import Tally, tally
from teiten_protocol import Class, Tool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from teiten_collector.analysis.periods import Period
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
        gaps: Times within the period when nothing was observed though addresses were registered.
    """

    sensor: str
    current: Exposure
    row: Row
    gaps: tuple[Stretch, ...]


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
        networks: The same for each autonomous system; none where no database told them.
        classes: A row for each class of packets.
        tools: A row for each scanner's tool that betrayed itself; sources are not told apart (0).
        sensors: Every sensor that is registered or sent something, in the order of their ids.
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
    networks: tuple[Row, ...]
    classes: tuple[Row, ...]
    tools: tuple[Row, ...]
    sensors: tuple[SensorFigures, ...]
    now: Tally
    then: Tally

    def rank(self, current: Mapping[str, int], previous: Mapping[str, int]) -> tuple[Row, ...]:
        """Rows of counts over this family's observed days, without distinct sources (0)."""
        return rank_rows(
            {key: Figure(count, 0) for key, count in current.items()},
            {key: Figure(count, 0) for key, count in previous.items()},
            self.current.days,
            self.previous.days,
        )


def accesses(
    engine: Engine, sensors: Sequence[Sensor], family: Family, current: Period, previous: Period
) -> Accesses:
    """Counts and compares the accesses of two periods.

    Args:
        engine: Where the tables are read; one state of them for the whole answer.
        sensors: Whose accesses count.
        family: Which monitored addresses.
        current: The period.
        previous: The period it is compared with.
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

    def queried(statement: str) -> tuple[Row, ...]:
        counted = [_queried(engine, statement, scope) for scope in scopes]
        return rank_rows(counted[0], counted[1], *days)

    def named(column: str, names: type[Class | Tool]) -> tuple[Row, ...]:
        counted = [
            {names(int(number)).text: Figure(count, 0) for number, count in found.by_one(column).items()}
            for found in (now, then)
        ]
        return rank_rows(counted[0], counted[1], *days)

    totals = [Figure(found.total, found.sources.total) for found in (now, then)]
    return Accesses(
        family=family,
        current=observed[0],
        previous=observed[1],
        current_days=daily_exposure(stretches[0], current, chosen, family),
        previous_days=daily_exposure(stretches[1], previous, chosen, family),
        total=compare("total", totals[0], totals[1], *days),
        ports=rows("key"),
        countries=rows("country"),
        backscatter_countries=rows("country", Class.BACKSCATTER),
        networks=queried(BY_NETWORK),
        classes=named("class", Class),
        tools=tuple(row for row in named("tool", Tool) if row.key != Tool.NONE.text),
        sensors=_sensors(engine, chosen, family, (current, previous), stretches),
        now=now,
        then=then,
    )


def _figures(found: Tally, column: str, class_: Class | None) -> dict[str, Figure]:
    counts = found.by_one(column, class_)
    if column == "key":
        sources = found.sources.keys
    else:
        sources = found.sources.countries if class_ is None else found.sources.backscatter_countries
    return {subject: Figure(count, sources.get(subject, 0)) for subject, count in counts.items()}


def _queried(engine: Engine, statement: str, scope: Scope) -> dict[str, Figure]:
    if not scope.sensors:
        return {}
    rows = engine.rollup(for_family(statement, scope.family), scope.parameters, scope.days).to_pylist()
    return {row["subject"]: Figure(int(row["packets"]), row["sources"]) for row in rows}


def _sensors(
    engine: Engine,
    sensors: Sequence[Sensor],
    family: Family,
    periods: tuple[Period, Period],
    stretches: Sequence[Mapping[str, Sequence[Stretch]]],
) -> tuple[SensorFigures, ...]:
    counted = []
    for period in periods:
        scope = Scope(tuple(sensors), family, period)
        rows = (
            engine.rollup(for_family(BY_SENSOR, family), scope.parameters, scope.days).to_pylist()
            if scope.sensors
            else []
        )
        counted.append({row["sensor"]: Figure(int(row["packets"]), row["sources"]) for row in rows})
    found = []
    nothing = Figure(0, 0)
    for sensor in sorted(sensors, key=lambda sensor: sensor.id):
        seen = [
            exposure(spans, period, (sensor,), family)
            for spans, period in zip(stretches, periods, strict=True)
        ]
        if not any(part.registered for part in seen):
            continue
        row = compare(
            sensor.id,
            counted[0].get(sensor.id, nothing),
            counted[1].get(sensor.id, nothing),
            seen[0].days,
            seen[1].days,
        )
        found.append(
            SensorFigures(sensor.id, seen[0], row, _gaps(stretches[0].get(sensor.id, ()), periods[0]))
        )
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
