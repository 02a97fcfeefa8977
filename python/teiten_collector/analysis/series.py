"""Daily series: how often something was seen on each day, and what it was made of.

A day that was not observed has no rate (None), never zero. The parts of a day are rates too, the leading ones
by name and the rest as `OTHER`; they add up to the day's rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date


LEADING_PARTS = 6
"""How many parts of a series have their names."""
OTHER = "other"
"""The rest of the parts."""


@dataclass(frozen=True, slots=True)
class DayRate:
    """One day of a series.

    Attributes:
        day: Which, in the report's time zone.
        exposure: Address-days (IPv6: prefix-days) observed on it.
        count: Packets or detections.
        rate: `count` per day observed; None where nothing was observed.
        parts: Rates of what the count is made of.
    """

    day: date
    exposure: float
    count: int
    rate: float | None
    parts: Mapping[str, float]


Series = tuple[DayRate, ...]


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a period and what was observed on each."""

    days: tuple[date, ...]
    exposure: tuple[float, ...]


def series_of(
    table: pa.Table, subjects: Iterable[str], subject: str, part: str, days: Days
) -> dict[str, Series]:
    """A series of each subject, of what a column says of its parts.

    Args:
        table: Columns local_day, packets, and the two named.
        subjects: Whose series, in the order wanted.
        subject: The column of subjects.
        part: The column of parts.
        days: The days that `local_day` counts.
    """
    wanted = list(dict.fromkeys(subjects))
    column = table[subject].cast(pa.string())
    chosen = table.set_column(table.schema.get_field_index(subject), subject, column).filter(
        pc.is_in(column, value_set=pa.array(wanted, pa.string()))
    )
    grouped = chosen.group_by([subject, "local_day", part]).aggregate([("packets", "sum")])
    counts: dict[str, dict[int, dict[str, int]]] = {name: {} for name in wanted}
    for name, day, what, packets in zip(
        *(grouped[name].to_pylist() for name in (subject, "local_day", part, "packets_sum")), strict=True
    ):
        counts[name].setdefault(day, {})[str(what)] = int(packets)
    return {name: _series(counts[name], days) for name in wanted}


def whole_series(table: pa.Table, part: str, days: Days) -> Series:
    """The series of everything in a table, by parts."""
    grouped = table.group_by(["local_day", part]).aggregate([("packets", "sum")])
    counts: dict[int, dict[str, int]] = {}
    for day, what, packets in zip(
        *(grouped[name].to_pylist() for name in ("local_day", part, "packets_sum")), strict=True
    ):
        counts.setdefault(day, {})[str(what)] = int(packets)
    return _series(counts, days)


def _series(counts: Mapping[int, Mapping[str, int]], days: Days) -> Series:
    totals: dict[str, int] = {}
    for parts in counts.values():
        for name, count in parts.items():
            totals[name] = totals.get(name, 0) + count
    leading = sorted(totals, key=lambda name: (-totals[name], name))[:LEADING_PARTS]
    return tuple(
        _day(day, exposure, counts.get(number, {}), leading)
        for number, (day, exposure) in enumerate(zip(days.days, days.exposure, strict=True))
    )


def _day(day: date, exposure: float, counts: Mapping[str, int], leading: Sequence[str]) -> DayRate:
    count = sum(counts.values())
    if exposure <= 0:
        return DayRate(day, exposure, count, None, {})
    named = {name: counts[name] for name in leading if counts.get(name)}
    rest = count - sum(named.values())
    parts = {name: number / exposure for name, number in named.items()}
    return DayRate(day, exposure, count, count / exposure, parts | ({OTHER: rest / exposure} if rest else {}))
