"""Periods of whole days in the configured time zone, as a person writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from teiten_collector.errors import UsageError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_NANOSECONDS = 1_000_000_000
_MONTHS_OF_A_YEAR = 12
_YEARS = range(1970, 2262)  # what nanoseconds of the Unix epoch can say in 64 bits, signed


class Unit(Enum):
    """What a period was written as: the period before it is one of the same unit."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    DAYS = "days"


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days of one time zone.

    Attributes:
        first: The first day.
        last: The last day, included; not before `first`.
        zone: Whose days they are.
        unit: What it was written as.
    """

    first: date
    last: date
    zone: ZoneInfo
    unit: Unit = Unit.DAYS

    def __post_init__(self) -> None:
        """Refuses a period that ends before it begins."""
        if self.last < self.first:
            raise UsageError(
                f"a period cannot end ({self.last}) before it begins ({self.first})",
                remedy="write it as FROM..TO",
            )

    @property
    def days(self) -> int:
        """How many days; at least 1."""
        return (self.last - self.first).days + 1

    @property
    def start_ns(self) -> int:
        """The first instant, in nanoseconds since the Unix epoch."""
        return _midnight(self.first, self.zone) * _NANOSECONDS

    @property
    def end_ns(self) -> int:
        """The instant after the last, in nanoseconds since the Unix epoch."""
        return _midnight(self.last + timedelta(days=1), self.zone) * _NANOSECONDS

    @property
    def start_minute(self) -> int:
        """The first minute, in minutes since the Unix epoch."""
        return _midnight(self.first, self.zone) // 60

    @property
    def end_minute(self) -> int:
        """The minute after the last."""
        return _midnight(self.last + timedelta(days=1), self.zone) // 60

    def before(self) -> Period:
        """The period of the same length before: of a month the month, of days as many days."""
        last = self.first - timedelta(days=1)
        match self.unit:
            case Unit.MONTH:
                first = last.replace(day=1)
            case Unit.QUARTER:
                first = last.replace(month=last.month - 2, day=1)
            case Unit.YEAR:
                first = last.replace(month=1, day=1)
            case Unit.DAY | Unit.WEEK | Unit.DAYS:
                first = self.first - timedelta(days=self.days)
        return Period(first, last, self.zone, self.unit)


def parse_period(text: str, zone: ZoneInfo) -> Period:
    """Reads a period.

    Args:
        text: A day ``2009-08-12``, an ISO week ``2009-W33``, a month ``2009-08``, a quarter ``2009-Q3``, a
            year ``2009``, or two of these as ``FROM..TO``: from the first day of FROM to the last day of TO.
        zone: Whose days are meant.

    Raises:
        UsageError: The text is none of these.
    """
    first_text, dots, last_text = text.partition("..")
    try:
        first = _parse_one(first_text, zone)
        if not dots:
            return first
        last = _parse_one(last_text, zone)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text!r} is no period of {_YEARS.start} to {_YEARS[-1]}",
            remedy="write a day 2009-08-12, a week 2009-W33, a month 2009-08, a quarter 2009-Q3, "
            "a year 2009, or 2009-08-01..2009-08-15",
        ) from error
    return Period(first.first, last.last, zone)


def _parse_one(text: str, zone: ZoneInfo) -> Period:
    if not (text[:4].isascii() and text[:4].isdigit() and int(text[:4]) in _YEARS):
        raise ValueError(text)
    if found := re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})", text, re.ASCII):
        day = date(*map(int, found.groups()))
        return Period(day, day, zone, Unit.DAY)
    if found := re.fullmatch(r"(\d{4})-W(\d{2})", text, re.ASCII):
        year, week = map(int, found.groups())
        monday = date.fromisocalendar(year, week, 1)
        return Period(monday, monday + timedelta(days=6), zone, Unit.WEEK)
    if found := re.fullmatch(r"(\d{4})-Q([1-4])", text, re.ASCII):
        year, quarter = map(int, found.groups())
        return _months(year, 3 * quarter - 2, 3, zone, Unit.QUARTER)
    if found := re.fullmatch(r"(\d{4})-(\d{2})", text, re.ASCII):
        year, month = map(int, found.groups())
        return _months(year, month, 1, zone, Unit.MONTH)
    if re.fullmatch(r"\d{4}", text, re.ASCII):
        return _months(int(text), 1, _MONTHS_OF_A_YEAR, zone, Unit.YEAR)
    raise ValueError(text)


def _months(year: int, month: int, count: int, zone: ZoneInfo, unit: Unit) -> Period:
    following = month + count
    after = date(year + (following - 1) // _MONTHS_OF_A_YEAR, (following - 1) % _MONTHS_OF_A_YEAR + 1, 1)
    return Period(date(year, month, 1), after - timedelta(days=1), zone, unit)


def _midnight(day: date, zone: ZoneInfo) -> int:
    """The first second of a day, in seconds since the Unix epoch.

    Where a zone skips midnight, `datetime` names the instant the clocks were moved at, so that a day begins
    where the day before ends.
    """
    return int(datetime.combine(day, time.min, zone).timestamp())
