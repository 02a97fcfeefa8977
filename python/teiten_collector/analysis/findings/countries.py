"""Which country a key's accesses come from: more than its usual share, or most of the change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from teiten_collector.analysis.findings.finding import Finding, Kind, Part
from teiten_collector.analysis.findings.ground import MOST
from teiten_collector.analysis.findings.new_key import is_new
from teiten_collector.analysis.tallies import whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from teiten_collector.analysis.findings.ground import Ground
    from teiten_collector.analysis.ranks import Row
    from teiten_collector.analysis.tallies import Tally

UNUSUAL = 2.0
"""A country's share is unusual from so many times its share of everything else on."""
NOTABLE_PERCENT = 20.0
"""A change of a country within a key is worth a sentence from so many percent on."""
KEYS = 5
"""So many leading keys are looked at country by country."""
SOURCES = 5
"""Fewer sources say nothing of a country."""


def concentrations(ground: Ground) -> Iterator[Finding]:
    """Keys that are new or rose, most of which comes from one country that sends less of everything else."""
    usual = {row.key: row.count for row in ground.accesses.countries}
    total = ground.accesses.total.count
    for row in ground.ports:
        if (row.key not in ground.rises and not is_new(ground, row)) or row.sources < SOURCES:
            continue
        shares = _countries(ground.accesses.now, row.key)
        country, packets = max(shares.items(), key=lambda item: (item[1], item[0]))
        share = packets / row.count
        rest = total - row.count
        ordinary = (usual[country] - packets) / rest if rest else 0.0
        if share < MOST or share < UNUSUAL * ordinary:
            continue
        yield Finding(
            Kind.COUNTRY_CONCENTRATION,
            Part.ACCESS,
            row.key,
            ground.days[0],
            ground.days[-1],
            share * abs(row.change or 0.0),
            {
                "country": country,
                "share": share,
                "usual_share": ordinary,
                "packets": packets,
                "sources": row.sources,
            },
        )


def changes(ground: Ground) -> Iterator[Finding]:
    """Of a leading key's change, the country that makes most of it."""
    observed, compared = ground.accesses.current.days, ground.accesses.previous.days
    if not observed or not compared:
        return
    for row in ground.ports:
        if (
            row.rank is None
            or row.rank > KEYS
            or row.change is None
            or abs(row.change) < ground.material_rate
        ):
            continue
        now, then = _countries(ground.accesses.now, row.key), _countries(ground.accesses.then, row.key)
        differences = {
            country: now.get(country, 0) / observed - then.get(country, 0) / compared
            for country in sorted(now.keys() | then.keys())
        }
        sign = 1 if row.change > 0 else -1
        country = max(differences, key=lambda code: sign * differences[code])
        change, before = differences[country], then.get(country, 0) / compared
        if sign * change < MOST * abs(row.change) or not before:
            continue
        percent = change / before * 100
        if abs(percent) < NOTABLE_PERCENT or not _changed(ground, row, country):
            continue
        yield Finding(
            Kind.COUNTRY_CHANGE,
            Part.ACCESS,
            row.key,
            ground.days[0],
            ground.days[-1],
            min(abs(change), abs(row.change)),
            {
                "country": country,
                "rate": now.get(country, 0) / observed,
                "compare_rate": before,
                "change": change,
                "change_percent": percent,
                "explains": min(1.0, change / row.change),
            },
        )


def _changed(ground: Ground, row: Row, country: str) -> bool:
    now, then = (_days(found, row.key, country) for found in (ground.accesses.now, ground.accesses.then))
    return ground.changed(now, then, KEYS)


def _countries(found: Tally, key: str) -> dict[str, int]:
    grouped = found.of("key", key).group_by("country", use_threads=False).aggregate([("packets", "sum")])
    countries = (str(country) for country in grouped["country"].to_pylist())
    return dict(zip(countries, whole(grouped["packets_sum"]), strict=True))


def _days(found: Tally, key: str, country: str) -> npt.NDArray[np.float64]:
    table = found.of("key", key)
    chosen = table.filter(pc.equal(table["country"], pa.scalar(country)))
    days = np.zeros(len(found.calendar.days))
    np.add.at(days, chosen["local_day"].to_numpy(), chosen["packets"].cast(pa.float64()).to_numpy())
    return days
