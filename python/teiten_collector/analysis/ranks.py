"""Rows of the report's tables: rates, their change, and four ranks.

* `rank` and `compare_rank` go by rate, highest first; what was not seen has none.
* `rise_rank` and `fall_rank` go by the amount of change, so that a row has at most one of the two.
* A tie goes to the row with the higher count in the other period (of changes: in the period), then to the
  key in the order of its number, so that the same data give the same table.
* Without any observation of a period there is no rate of it, and nothing to compare: `None`, never zero.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MIN_COMPARED_RATE = 0.005
"""A compared rate below this prints as 0.00, and a percentage of it would say nothing."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What was counted of one subject in one period: packets, and distinct source addresses."""

    count: int
    sources: int


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table; rates are accesses per address-day (IPv6: per prefix-day) observed.

    Attributes:
        key: What the row is about: a key, a country's code.
        count: Packets in the period.
        rate: `count` per day observed; None where nothing was observed.
        compare_count: Packets in the compared period.
        compare_rate: As `rate`, of the compared period.
        change: `rate` less `compare_rate`; None where one of them is.
        change_percent: The change in percent of `compare_rate`; None where that is below `MIN_COMPARED_RATE`.
        rank: Place by rate, from 1; None where `count` is 0 or there is no rate.
        compare_rank: The same in the compared period.
        rise_rank: Place by the amount of increase, from 1; None where there is none.
        fall_rank: Place by the amount of decrease, from 1; None where there is none.
        sources: Distinct source addresses in the period.
    """

    key: str
    count: int
    rate: float | None
    compare_count: int
    compare_rate: float | None
    change: float | None
    change_percent: float | None
    rank: int | None
    compare_rank: int | None
    rise_rank: int | None
    fall_rank: int | None
    sources: int


def compare(key: str, current: Figure, previous: Figure, days: float, compare_days: float) -> Row:
    """One row without ranks, of counts and of the days they were observed in."""
    rate = current.count / days if days > 0 else None
    compare_rate = previous.count / compare_days if compare_days > 0 else None
    change = None if rate is None or compare_rate is None else rate - compare_rate
    percent = (
        None
        if change is None or compare_rate is None or compare_rate < MIN_COMPARED_RATE
        else change / compare_rate * 100
    )
    return Row(
        key=key,
        count=current.count,
        rate=rate,
        compare_count=previous.count,
        compare_rate=compare_rate,
        change=change,
        change_percent=percent,
        rank=None,
        compare_rank=None,
        rise_rank=None,
        fall_rank=None,
        sources=current.sources,
    )


def rank_rows(
    current: Mapping[str, Figure], previous: Mapping[str, Figure], days: float, compare_days: float
) -> tuple[Row, ...]:
    """A row for everything seen in either period, in order of `rank`, then of `compare_rank`."""
    nothing = Figure(0, 0)
    rows = [
        compare(key, current.get(key, nothing), previous.get(key, nothing), days, compare_days)
        for key in sorted(current.keys() | previous.keys(), key=natural_order)
    ]
    rank = _places(rows, lambda row: row.rate if row.count else None, lambda row: row.compare_count)
    compare_rank = _places(
        rows, lambda row: row.compare_rate if row.compare_count else None, lambda row: row.count
    )
    rise_rank = _places(
        rows, lambda row: row.change if (row.change or 0) > 0 else None, lambda row: row.count
    )
    fall_rank = _places(
        rows,
        lambda row: -row.change if row.change is not None and row.change < 0 else None,
        lambda row: row.count,
    )
    ranked = [
        replace(
            row,
            rank=rank.get(row.key),
            compare_rank=compare_rank.get(row.key),
            rise_rank=rise_rank.get(row.key),
            fall_rank=fall_rank.get(row.key),
        )
        for row in rows
    ]
    last = len(ranked) + 1
    return tuple(sorted(ranked, key=lambda row: (row.rank or last, row.compare_rank or last)))


def natural_order(key: str) -> tuple[tuple[int, int, str], ...]:
    """An order in which 80/TCP stands before 443/TCP, and numbers before words."""
    return tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"[0-9]+|[^0-9]+", key)
    )


def _places(
    rows: Iterable[Row], measure: Callable[[Row], float | None], tie: Callable[[Row], int]
) -> dict[str, int]:
    """Places from 1, by falling measure and tie, then in the order given; none without a measure."""
    measured = [(value, tie(row), row.key) for row in rows if (value := measure(row)) is not None]
    measured.sort(key=lambda entry: (-entry[0], -entry[1]))
    return {key: place for place, (_, _, key) in enumerate(measured, start=1)}
