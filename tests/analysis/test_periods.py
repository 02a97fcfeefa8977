"""Periods are whole days of the configured zone, however they are written."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teiten_collector.analysis.periods import Period, parse_period
from teiten_collector.errors import UsageError

TOKYO = ZoneInfo("Asia/Tokyo")
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "first", "last", "before"),
    [
        ("2009-08-12", "2009-08-12", "2009-08-12", "2009-08-11..2009-08-11"),
        ("2009-W33", "2009-08-10", "2009-08-16", "2009-08-03..2009-08-09"),
        ("2009-W53", "2009-12-28", "2010-01-03", "2009-12-21..2009-12-27"),
        ("2009-08", "2009-08-01", "2009-08-31", "2009-07-01..2009-07-31"),
        ("2009-03", "2009-03-01", "2009-03-31", "2009-02-01..2009-02-28"),
        ("2009-01", "2009-01-01", "2009-01-31", "2008-12-01..2008-12-31"),
        ("2009-Q1", "2009-01-01", "2009-03-31", "2008-10-01..2008-12-31"),
        ("2009-Q4", "2009-10-01", "2009-12-31", "2009-07-01..2009-09-30"),
        ("2008", "2008-01-01", "2008-12-31", "2007-01-01..2007-12-31"),
        ("2009-08-01..2009-08-10", "2009-08-01", "2009-08-10", "2009-07-22..2009-07-31"),
        ("2009-07..2009-W33", "2009-07-01", "2009-08-16", "2009-05-15..2009-06-30"),
    ],
)
def test_every_way_to_write_a_period(text: str, first: str, last: str, before: str) -> None:
    period = parse_period(text, TOKYO)
    assert (str(period.first), str(period.last)) == (first, last)
    assert f"{period.before().first}..{period.before().last}" == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2009-8",
        "2009-13",
        "2009-02-29",
        "2009-W54",
        "2009-Q5",
        "..",
        "2009..",
        "9999",
        "1969",
        "\uff12\uff10\uff10\uff19",
    ],
)
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no period"):
        parse_period(text, TOKYO)


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(UsageError, match="before it begins"):
        parse_period("2009-09..2009-08", TOKYO)


def test_days_are_days_of_the_zone() -> None:
    august = parse_period("2009-08", TOKYO)
    assert august.start_ns == int(datetime(2009, 7, 31, 15, tzinfo=UTC).timestamp()) * 10**9
    assert august.end_ns - august.start_ns == 31 * 86_400 * 10**9
    assert august.start_minute * 60 * 10**9 == august.start_ns


def test_a_day_in_which_clocks_are_moved_is_as_long_as_it_was() -> None:
    spring, autumn = parse_period("2009-03-29", BERLIN), parse_period("2009-10-25", BERLIN)
    assert (spring.end_minute - spring.start_minute, autumn.end_minute - autumn.start_minute) == (
        23 * 60,
        25 * 60,
    )


@given(first=st.dates(date(1980, 1, 1), date(2200, 1, 1)), length=st.integers(1, 400))
def test_a_period_begins_where_the_one_before_ends(first: date, length: int) -> None:
    period = Period(first, date.fromordinal(first.toordinal() + length - 1), BERLIN)
    before = period.before()
    assert before.end_ns == period.start_ns
    assert before.days == period.days == length
