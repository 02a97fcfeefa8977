"""Rows of the report's tables: rates, their change, and four ranks.

* `rank` and `compare_rank` go by rate, highest first; what was not seen has none.
* `rise_rank` and `fall_rank` go by the amount of change, so that a row has at most one of the two.
* A tie goes to the row with the higher count in the other period (of changes: in the period), then to the
  key in the order of its number, so that the same data give the same table.
* Without any observation of a period there is no rate of it, and nothing to compare: `None`, never zero.
* The interval of a rate is the exact one of a Poisson count (`teiten_collector.analysis.chance`): it says how
  little few packets tell. Packets that come in bursts tell less than that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from teiten_collector.analysis.chance import poisson_intervals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

MIN_COMPARED_RATE = 0.005
"""A compared rate below this prints as 0.00, and a percentage of it would say nothing."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What was counted of one subject in one period.

    Attributes:
        count: Packets.
        sources: Distinct source addresses.
        estimated: Whether `sources` holds an estimate (`teiten_collector.analysis.merged_sources`).
    """

    count: int
    sources: int
    estimated: bool = False


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
        rate_low: Lower limit of the rate's 95 % interval; None where there is no rate.
        rate_high: Upper limit of it.
        sources_estimated: Whether `sources` holds an estimate, and is an upper one.
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
    rate_low: float | None
    rate_high: float | None
    sources_estimated: bool


def compare(key: str, current: Figure, previous: Figure, days: float, compare_days: float) -> Row:
    """One row without ranks, of counts and of the days they were observed in."""
    limits = _limits([current.count], days)[0]
    return _row(key, current, previous, (days, compare_days), limits)


def _limits(counts: Sequence[int], days: float) -> list[tuple[float | None, float | None]]:
    """The interval of each count's rate."""
    if days <= 0:
        return [(None, None)] * len(counts)
    low, high = poisson_intervals(np.asarray(counts, dtype=np.float64))
    return list(zip((low / days).tolist(), (high / days).tolist(), strict=True))


def _row(
    key: str,
    current: Figure,
    previous: Figure,
    observed: tuple[float, float],
    limits: tuple[float | None, float | None],
) -> Row:
    days, compare_days = observed
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
        rate_low=limits[0],
        rate_high=limits[1],
        sources_estimated=current.estimated,
    )


def rank_rows(
    current: Mapping[str, Figure], previous: Mapping[str, Figure], days: float, compare_days: float
) -> tuple[Row, ...]:
    """A row for everything seen in either period, in order of `rank`, then of `compare_rank`."""
    nothing = Figure(0, 0)
    keys = sorted(current.keys() | previous.keys(), key=natural_order)
    limits = _limits([current.get(key, nothing).count for key in keys], days)
    rows = [
        _row(key, current.get(key, nothing), previous.get(key, nothing), (days, compare_days), interval)
        for key, interval in zip(keys, limits, strict=True)
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
        Row(
            row.key,
            row.count,
            row.rate,
            row.compare_count,
            row.compare_rate,
            row.change,
            row.change_percent,
            rank.get(row.key),
            compare_rank.get(row.key),
            rise_rank.get(row.key),
            fall_rank.get(row.key),
            row.sources,
            row.rate_low,
            row.rate_high,
            row.sources_estimated,
        )
        for row in rows
    ]
    last = len(ranked) + 1
    return tuple(sorted(ranked, key=lambda row: (row.rank or last, row.compare_rank or last)))


@lru_cache(maxsize=1 << 18)
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
