"""Daily series: how often something was seen on each day, and what it was made of.

A day that was not observed has no rate (None), never zero. The parts of a day are rates too, the leading ones
by name and the rest as `OTHER`; they add up to the day's rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from teiten_collector.analysis.tallies import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    import numpy.typing as npt


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
    names, places = encoded(table[subject])
    position = {name: number for number, name in enumerate(wanted)}
    whose = np.asarray([position.get(str(name), -1) for name in names], dtype=np.int64)
    rows = whose[places.to_numpy()] if names else np.zeros(0, np.int64)
    cells = _cells(table, part, rows, len(wanted), days)
    return {name: _series(cells, number, days) for number, name in enumerate(wanted)}


def whole_series(table: pa.Table, part: str, days: Days) -> Series:
    """The series of everything in a table, by parts."""
    return _series(_cells(table, part, np.zeros(table.num_rows, np.int64), 1, days), 0, days)


@dataclass(frozen=True, slots=True)
class _Cells:
    """Counts by subject, day and part.

    Attributes:
        counts: Three axes; of the parts, the leading ones of the subject and, last, the rest.
        leading: The names of each subject's leading parts, the largest first.
    """

    counts: npt.NDArray[np.float64]
    leading: tuple[tuple[str, ...], ...]


def _cells(table: pa.Table, part: str, rows: npt.NDArray[np.int64], subjects: int, days: Days) -> _Cells:
    """Adds up the rows of a table whose subject is known (0 or more)."""
    known = rows >= 0
    names, places = encoded(table[part])
    order = sorted(range(len(names)), key=lambda number: str(names[number]))
    rank = np.empty(len(names), np.int64)  # equal parts go by their names
    rank[order] = np.arange(len(names))
    parts = rank[places.to_numpy()][known] if names else np.zeros(0, np.int64)
    packets = table["packets"].cast(pa.float64()).to_numpy()[known]
    local_day = table["local_day"].to_numpy()[known]
    whose = rows[known]
    totals = np.zeros((subjects, len(names)))
    np.add.at(totals, (whose, parts), packets)
    places_of = np.full((subjects, len(names)), LEADING_PARTS, np.int64)
    leading = []
    for number in range(subjects):
        best = np.argsort(-totals[number], kind="stable")[:LEADING_PARTS]
        best = best[totals[number][best] > 0]
        places_of[number, best] = np.arange(len(best))
        leading.append(tuple(str(names[order[place]]) for place in best))
    counts = np.zeros((subjects, len(days.days), LEADING_PARTS + 1))
    np.add.at(counts, (whose, local_day, places_of[whose, parts]), packets)
    return _Cells(counts, tuple(leading))


def _series(cells: _Cells, subject: int, days: Days) -> Series:
    return tuple(
        _day(day, exposure, cells.counts[subject, number], cells.leading[subject])
        for number, (day, exposure) in enumerate(zip(days.days, days.exposure, strict=True))
    )


def _day(day: date, exposure: float, counts: npt.NDArray[np.float64], leading: tuple[str, ...]) -> DayRate:
    count = float(counts.sum())
    if exposure <= 0:
        return DayRate(day, exposure, int(count), None, {})
    parts = {
        name: float(number) / exposure
        for name, number in zip(
            (*leading, *[""] * (LEADING_PARTS - len(leading)), OTHER), counts, strict=True
        )
        if number
    }
    return DayRate(day, exposure, int(count), count / exposure, parts)
