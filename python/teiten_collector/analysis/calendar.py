"""The days of a period as a small table that minutes are joined with, whatever the zone and its clocks.

A slot is the longest stretch of minutes that divides a day and every midnight of the period: three hours in
Tokyo, half or a quarter of an hour in some zones. `minute - minute % slot_minutes` names a minute's slot in
any SQL, and the table says which local day the slot lies in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from math import gcd
from typing import TYPE_CHECKING

import pyarrow as pa

from teiten_collector.analysis.periods import Period

if TYPE_CHECKING:
    from collections.abc import Sequence

_MINUTES_A_DAY = 1440


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of one period.

    Attributes:
        days: In order, without a gap.
        slot_minutes: Length of a slot; every midnight is a multiple of it.
        table: Columns `slot` (its first minute since the Unix epoch, int32) and `local_day` (index into
            `days`, int32).
    """

    days: tuple[date, ...]
    slot_minutes: int
    table: pa.Table


def single_days(period: Period) -> tuple[Period, ...]:
    """Each day of a period as a period."""
    days = (period.first + timedelta(days=number) for number in range(period.days))
    return tuple(Period(day, day, period.zone) for day in days)


def calendar(period: Period) -> Calendar:
    """The calendar of a period."""
    days = single_days(period)
    starts = [*(day.start_minute for day in days), period.end_minute]
    length = reduce(gcd, starts, _MINUTES_A_DAY)
    slots, numbers = _slots(starts, length)
    return Calendar(
        tuple(day.first for day in days),
        length,
        pa.table({"slot": pa.array(slots, pa.int32()), "local_day": pa.array(numbers, pa.int32())}),
    )


def _slots(starts: Sequence[int], length: int) -> tuple[list[int], list[int]]:
    slots: list[int] = []
    numbers: list[int] = []
    for number, start in enumerate(starts[:-1]):
        within = range(start, starts[number + 1], length)
        slots += within
        numbers += [number] * len(within)
    return slots, numbers
