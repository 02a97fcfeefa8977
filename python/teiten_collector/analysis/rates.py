"""How many accesses came, to which keys, from which countries, from how many sources."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from teiten_collector.analysis.exposure import Exposure, exposure, observed_stretches
from teiten_collector.analysis.ranks import Figure, Row, compare, rank_rows
from teiten_collector.analysis.statements import BACKSCATTER_BY_COUNTRY, BY_COUNTRY, BY_KEY, TOTAL
from teiten_collector.errors import ConfigurationError
from teiten_protocol import Class, Family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from teiten_collector.analysis.periods import Period
    from teiten_collector.store import Engine, Sensor


@dataclass(frozen=True, slots=True)
class Accesses:
    """The accesses of two periods to monitored addresses of one family, compared.

    Attributes:
        family: Which addresses.
        current: What was observed of the period.
        previous: What was observed of the compared period.
        total: Every access.
        ports: A row for each key, in order of rank.
        countries: A row for each country of a source, in order of rank; ZZ is unknown.
        backscatter_countries: The same of backscatter alone.
    """

    family: Family
    current: Exposure
    previous: Exposure
    total: Row
    ports: tuple[Row, ...]
    countries: tuple[Row, ...]
    backscatter_countries: tuple[Row, ...]


def select_sensors(sensors: Sequence[Sensor], groups: Sequence[str], *, key: str) -> tuple[Sensor, ...]:
    """The sensors that belong to at least one of the groups; every sensor where no group is named.

    Args:
        sensors: Every sensor, disabled ones too: what they sent stays.
        groups: Names of groups.
        key: The key of the configuration that names them, for the error.

    Raises:
        ConfigurationError: No sensor belongs to one of the groups.
    """
    known = {group for sensor in sensors for group in sensor.groups}
    for group in groups:
        if group not in known:
            raise ConfigurationError(
                f"no sensor belongs to the group {group!r}",
                place=key,
                remedy=f"groups of the registered sensors: {', '.join(sorted(known)) or 'none'}",
            )
    wanted = set(groups)
    return tuple(sensor for sensor in sensors if not wanted or wanted & set(sensor.groups))


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
    exposures = [
        exposure(observed_stretches(engine, period, sensors), period, sensors, family)
        for period in (current, previous)
    ]
    now, then = exposures

    def rows(statement: str, *more: object) -> tuple[Row, ...]:
        counted = [
            _figures(engine, statement, sensors, family, period, *more) for period in (current, previous)
        ]
        return rank_rows(counted[0], counted[1], now.days, then.days)

    totals = [_total(engine, sensors, family, period) for period in (current, previous)]
    return Accesses(
        family=family,
        current=now,
        previous=then,
        total=compare("total", totals[0], totals[1], now.days, then.days),
        ports=rows(BY_KEY),
        countries=rows(BY_COUNTRY),
        backscatter_countries=rows(BACKSCATTER_BY_COUNTRY, int(Class.BACKSCATTER)),
    )


def _total(engine: Engine, sensors: Sequence[Sensor], family: Family, period: Period) -> Figure:
    if not sensors:
        return Figure(0, 0)
    row = engine.query(TOTAL, _parameters(sensors, family, period)).to_pylist()[0]
    return Figure(int(row["packets"]), row["sources"])


def _figures(
    engine: Engine, statement: str, sensors: Sequence[Sensor], family: Family, period: Period, *more: object
) -> dict[str, Figure]:
    if not sensors:
        return {}
    rows = engine.query(statement, [*_parameters(sensors, family, period), *more]).to_pylist()
    return {row["subject"]: Figure(int(row["packets"]), row["sources"]) for row in rows}


def _parameters(sensors: Sequence[Sensor], family: Family, period: Period) -> list[object]:
    return [
        _day(period.start_minute),
        _day(period.end_minute - 1),
        period.start_minute,
        period.end_minute,
        int(family),
        [sensor.id for sensor in sensors],
    ]


def _day(minute: int) -> date:
    """The UTC day of a minute: what the tables are partitioned by."""
    return datetime.fromtimestamp(minute * 60, UTC).date()
