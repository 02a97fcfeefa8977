"""A figure for who cannot see it: its numbers as a table, and what stands out in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from teiten_collector.report.figures.data import DailySeries, Shares, SharesByRow, StackedSeries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from teiten_collector.report.figures.data import FigureData, Part

_NAMED = 3


@dataclass(frozen=True, slots=True)
class Speech:
    """The words of one language; `{names}` are filled in.

    Attributes:
        share: Head of a column of shares.
        day: Head of a column of days.
        rate: Head of a column of rates.
        total: Head of a column of sums.
        unobserved: What stands for a day that was not observed.
        between: The days of a series.
        highest: The highest day of a series.
        nothing: A series without any.
        made_of: The parts that make up most of a stack.
        separator: What parts stand apart by.
        end: What a sentence ends with.
    """

    share: str
    day: str
    rate: str
    total: str
    unobserved: str
    between: str
    highest: str
    nothing: str
    made_of: str
    separator: str
    end: str


def description(data: FigureData, speech: Speech) -> str:
    """What stands out in a figure."""
    match data:
        case Shares():
            return _ranked(data.parts, data.values, len(data.parts), speech) + speech.end
        case SharesByRow():
            return "".join(
                f"{row}: {_ranked(data.parts, values, _NAMED, speech)}{speech.end}"
                for row, values in zip(data.rows, data.values, strict=True)
            ).strip()
        case DailySeries():
            return _course(data.days, data.rates, speech)
        case StackedSeries():
            totals = [None if rates is None else sum(rates) for rates in data.rates]
            sums = [sum(rates[place] for rates in data.rates if rates) for place in range(len(data.parts))]
            whole = sum(sums)
            if not whole:
                return _course(data.days, totals, speech)
            shares = [amount / whole for amount in sums]
            parts = speech.made_of.format(parts=_ranked(data.parts, shares, _NAMED, speech))
            return _course(data.days, totals, speech) + parts
        case _:
            assert_never(data)


def number_table(data: FigureData, speech: Speech) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Heads and rows of the table that holds a figure's numbers."""
    match data:
        case Shares():
            return ("", speech.share), tuple(
                (part.name, f"{value:.1%}") for part, value in zip(data.parts, data.values, strict=True)
            )
        case SharesByRow():
            return ("", *(part.name for part in data.parts)), tuple(
                (row, *(f"{value:.1%}" for value in values))
                for row, values in zip(data.rows, data.values, strict=True)
            )
        case DailySeries():
            return (speech.day, speech.rate), tuple(
                (day.isoformat(), speech.unobserved if rate is None else f"{rate:,.2f}")
                for day, rate in zip(data.days, data.rates, strict=True)
            )
        case StackedSeries():
            head = (speech.day, speech.total, *(part.name for part in data.parts))
            return head, tuple(
                (day.isoformat(), speech.unobserved, *("" for _ in data.parts))
                if rates is None
                else (day.isoformat(), f"{sum(rates):,.2f}", *(f"{rate:,.2f}" for rate in rates))
                for day, rates in zip(data.days, data.rates, strict=True)
            )
        case _:
            assert_never(data)


def _ranked(parts: Sequence[Part], values: Sequence[float], count: int, speech: Speech) -> str:
    ranked = sorted(zip(parts, values, strict=True), key=lambda pair: -pair[1])[:count]
    return speech.separator.join(f"{part.name} {value:.1%}" for part, value in ranked if value > 0)


def _course(days: Sequence[object], rates: Sequence[float | None], speech: Speech) -> str:
    seen = [(rate, day) for day, rate in zip(days, rates, strict=True) if rate is not None]
    between = speech.between.format(first=days[0], last=days[-1])
    highest = max(seen, key=lambda pair: pair[0], default=(0.0, days[0]))
    if not highest[0]:
        return between + speech.nothing
    return between + speech.highest.format(day=highest[1], rate=f"{highest[0]:,.2f}")
