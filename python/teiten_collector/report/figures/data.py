"""What each kind of figure holds. Names are in the reader's language; nothing here draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

OTHERS = "other"
"""The key of what is left after the parts that are named; it is drawn in grey and stands last."""
NAMED_PARTS = 6
"""How many parts a stack names beside the others: as many as there are colours that stay
apart in grey and to the colour-blind."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a whole.

    Attributes:
        key: A key, a country's code, a category; `OTHERS` for the rest.
        name: What the reader sees.
    """

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Shares:
    """How a whole is made up: one bar a part.

    Attributes:
        parts: In the order they are drawn.
        values: The share of each, 0 to 1; they add up to 1 or to 0.
    """

    parts: tuple[Part, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SharesByRow:
    """How several wholes are made up of the same parts: one bar a row, filled from 0 to 100 %.

    Attributes:
        rows: Names of the wholes.
        parts: In the order they are drawn, the same in every row.
        values: A row of shares for each whole; each adds up to 1 or to 0.
    """

    rows: tuple[str, ...]
    parts: tuple[Part, ...]
    values: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Event:
    """A day to point at in a series, as the publication of a bulletin."""

    day: date
    name: str


@dataclass(frozen=True, slots=True)
class DailySeries:
    """One rate a day.

    Attributes:
        days: Every day, in order, without gaps.
        rates: The rate of each; None where the day was not observed, which is no zero.
        begins: The first day of the period, where the days begin before it.
        events: Days to point at.
    """

    days: tuple[date, ...]
    rates: tuple[float | None, ...]
    begins: date | None = None
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class StackedSeries:
    """One rate a day, made up of parts.

    Attributes:
        days: Every day, in order, without gaps.
        parts: From the foot of the stack upwards.
        rates: A row of rates for each day; None where the day was not observed.
        begins: The first day of the period, where the days begin before it.
    """

    days: tuple[date, ...]
    parts: tuple[Part, ...]
    rates: tuple[tuple[float, ...] | None, ...]
    begins: date | None = None


FigureData = Shares | SharesByRow | DailySeries | StackedSeries


def leading_keys(wholes: Sequence[Mapping[str, float]], count: int = NAMED_PARTS) -> tuple[str, ...]:
    """The keys that make up most of several wholes, each whole weighing the same; ties go by key.

    Args:
        wholes: The amounts of each key in each whole.
        count: How many keys at most.
    """
    weights: dict[str, float] = {}
    for whole in wholes:
        total = sum(whole.values())
        for key, amount in whole.items():
            if amount > 0 and total > 0 and key != OTHERS:
                weights[key] = weights.get(key, 0.0) + amount / total
    return tuple(sorted(weights, key=lambda key: (-weights[key], key))[:count])


def split(whole: Mapping[str, float], keys: Sequence[str]) -> tuple[float, ...]:
    """The amounts of the keys named, then of all others together."""
    named = tuple(whole.get(key, 0.0) for key in keys)
    rest = sum(amount for key, amount in whole.items() if key not in set(keys))
    return (*named, rest)
