"""Keys hardly seen before, and keys hardly seen any more.

"17566/TCP は、8 月 19 日及び 20 日に大量のアクセスを検知した。"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from teiten_collector.analysis.chance import rate_rise
from teiten_collector.analysis.findings.finding import Finding, Kind, Part
from teiten_collector.analysis.findings.ground import LEVEL
from teiten_collector.analysis.ranks import MIN_COMPARED_RATE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    import numpy.typing as npt

    from teiten_collector.analysis.findings.ground import Ground
    from teiten_collector.analysis.ranks import Row

NEARLY_ALL = 0.95
"""The days that hold this share of the packets are the days it was seen on."""
FEW_DAYS = 7
"""On more days than these it was not seen for a while only."""
HARDLY = 0.02
"""Hardly any more: less than this share of what came before."""


def new_keys(ground: Ground) -> Iterator[Finding]:
    """Keys of the period that the compared one hardly had."""
    for row in ground.ports:
        if not is_new(ground, row):
            continue
        days = active_days(ground.days, ground.key_days(row.key)[0])
        yield Finding(
            Kind.NEW_KEY,
            Part.ACCESS,
            row.key,
            days[0],
            days[-1],
            row.change or 0.0,
            {
                "rate": row.rate,
                "compare_rate": row.compare_rate,
                "packets": row.count,
                "sources": row.sources,
                "days": [day.isoformat() for day in days] if len(days) <= FEW_DAYS else None,
            },
        )


def gone_keys(ground: Ground) -> Iterator[Finding]:
    """Keys that came for a few days of the compared period and hardly came in this one."""
    for row in ground.ports:
        if (
            row.rate is None
            or row.compare_rate is None
            or -(row.change or 0.0) < ground.material_rate
            or row.rate > max(HARDLY * row.compare_rate, MIN_COMPARED_RATE)
            or not _unlikely(ground, row.count, row.compare_count, rise=False)
        ):
            continue
        days = active_days(ground.accesses.then.calendar.days, ground.key_days(row.key)[1])
        yield Finding(
            Kind.GONE_KEY,
            Part.ACCESS,
            row.key,
            ground.days[0],
            ground.days[-1],
            -(row.change or 0.0),
            {
                "rate": row.rate,
                "compare_rate": row.compare_rate,
                "compare_days": [day.isoformat() for day in days] if len(days) <= FEW_DAYS else None,
            },
        )


def is_new(ground: Ground, row: Row) -> bool:
    """Whether a key was hardly seen before, and now more than chance makes it."""
    return (
        row.rate is not None
        and row.compare_rate is not None
        and row.compare_rate < min(MIN_COMPARED_RATE, row.rate)
        and row.rate >= ground.material_rate
        and _unlikely(ground, row.compare_count, row.count, rise=True)
    )


def active_days(days: tuple[date, ...], packets: npt.NDArray[np.float64]) -> list[date]:
    """The fewest days that hold nearly all packets, in order."""
    order = sorted(range(len(days)), key=lambda day: (-packets[day], day))
    held = np.cumsum(packets[order])
    number = int(np.searchsorted(held, NEARLY_ALL * packets.sum())) + 1
    return sorted(days[day] for day in order[:number])


def _unlikely(ground: Ground, fewer: int, more: int, *, rise: bool) -> bool:
    observed = (ground.accesses.previous.days, ground.accesses.current.days)
    fewer_days, more_days = observed if rise else observed[::-1]
    subjects = max(len(ground.accesses.ports), 1)
    return rate_rise(float(fewer), fewer_days, float(more), more_days) * subjects < LEVEL
