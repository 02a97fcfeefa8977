"""Which databases told the countries of what a report counts."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from teiten_collector.analysis.scope import utc_day
from teiten_collector.analysis.statements import COUNTRY_DATABASES
from teiten_collector.store import Days

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from teiten_collector.analysis.periods import Period
    from teiten_collector.store import Engine, Sensor


def country_databases(
    engine: Engine, sensors: Sequence[Sensor], periods: Iterable[Period]
) -> tuple[str, ...]:
    """The databases that were asked when what some sensors observed in some periods came in, by name.

    A period in which the operator changed the database has several; one without any observation has none.
    """
    names = [sensor.id for sensor in sensors]
    found: set[str] = set()
    for period in periods if names else ():
        days = Days(date.min, utc_day(period.end_minute - 1))
        rows = engine.rollup(COUNTRY_DATABASES, [period.end_ns, period.start_ns, names], days).to_pylist()
        found |= {row["country_database"] for row in rows}
    return tuple(sorted(found))
