"""Days of any zone, and rhythms within them."""

from __future__ import annotations

import random
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from teiten_collector.analysis.calendar import calendar
from teiten_collector.analysis.findings.new_key import active_days
from teiten_collector.analysis.findings.periodic_source import find_rhythm
from teiten_collector.analysis.periods import parse_period


@pytest.mark.parametrize(
    ("zone", "slot"),
    [("Asia/Tokyo", 180), ("Asia/Kolkata", 30), ("Asia/Kathmandu", 15), ("Europe/Berlin", 60), ("UTC", 1440)],
)
def test_every_minute_is_in_its_day(zone: str, slot: int) -> None:
    period = parse_period("2024-03", ZoneInfo(zone))
    found = calendar(period)
    assert found.slot_minutes == slot
    pairs = zip(found.table["slot"].to_pylist(), found.table["local_day"].to_pylist(), strict=True)
    slots = {int(str(slot)): int(str(day)) for slot, day in pairs}
    for minute in range(period.start_minute, period.end_minute, 7):
        day = found.days[slots[minute - minute % slot]]
        assert parse_period(day.isoformat(), period.zone).start_minute <= minute
        assert minute < parse_period(day.isoformat(), period.zone).end_minute
    assert len(found.days) == 31


@pytest.mark.parametrize("every", [10, 240, 1440])
def test_visits_by_the_clock_are_a_rhythm(every: int) -> None:
    chance = random.Random(every)
    minutes = [every * number + chance.randint(0, every // 50) for number in range(40)]
    found = find_rhythm(minutes)
    assert found is not None
    assert found[0] == pytest.approx(every, abs=1)
    assert found[1] == 40


def test_a_visit_may_last_minutes() -> None:
    assert find_rhythm([240 * visit + minute for visit in range(30) for minute in range(3)]) == (240, 30)


@pytest.mark.parametrize("seed", range(20))
def test_visits_by_chance_are_no_rhythm(seed: int) -> None:
    chance = random.Random(seed)
    assert find_rhythm(sorted(chance.sample(range(44_640), 200))) is None


def test_few_visits_and_streams_are_no_rhythm() -> None:
    assert find_rhythm([240 * visit for visit in range(11)]) is None
    assert find_rhythm(list(range(1_000))) is None
    assert find_rhythm([]) is None


def test_active_days_hold_nearly_all() -> None:
    days = tuple(date(2009, 8, day) for day in range(1, 6))
    assert active_days(days, np.array([0.0, 50, 1, 48, 1])) == [date(2009, 8, 2), date(2009, 8, 4)]
