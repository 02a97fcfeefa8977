"""A surge is told from days that differ by chance, whatever they differ by."""

from __future__ import annotations

import numpy as np
import pytest

from teiten_collector.analysis.surges import find_rise

DAYS, AFTER = np.full(28, 12.0), np.full(14, 12.0)


def flat(rate: float, days: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.full(days, rate * 12)


def test_days_like_the_days_before_are_no_surge() -> None:
    rise = find_rise(flat(4, 28), DAYS, flat(4, 14), AFTER)
    assert rise is not None
    assert (rise.probability, rise.first, rise.elevated) == (1.0, None, ())


@pytest.mark.parametrize("burst", [1.0, 12.0, 48.0])
@pytest.mark.parametrize("rate", [0.05, 2.0, 200.0])
def test_false_surges_are_as_rare_as_stated_whatever_the_bursts(rate: float, burst: float) -> None:
    chance = np.random.default_rng(int(rate * 100 + burst))
    false = 0
    for _ in range(200):
        before, after = (
            (burst * chance.poisson(rate * 12 / burst, days)).astype(np.float64) for days in (28, 14)
        )
        rise = find_rise(before, DAYS, after, AFTER)
        false += rise is not None and rise.probability < 0.01 and before.sum() > 0
    assert false <= 8  # 2 are expected


def test_days_that_differ_more_than_poisson_counts_do_need_more() -> None:
    chance = np.random.default_rng(5)
    even = chance.poisson(60.0, 28).astype(float)
    rough = (10.0 * chance.poisson(6.0, 28)).astype(np.float64)
    after = flat(60 / 12, 14)
    after[3:6] *= 1.6
    smooth, uneven = (find_rise(before, DAYS, after, AFTER) for before in (even, rough))
    assert smooth is not None
    assert uneven is not None
    assert smooth.probability < 1e-4
    assert uneven.probability > 1e-2
    assert uneven.dispersion > 5


def test_a_surge_has_its_first_and_last_day_and_gaps_do_not_part_it() -> None:
    after = flat(0.5, 14)
    after[[2, 3, 5, 8]] = 60
    after[13] = 60
    rise = find_rise(flat(0.5, 28), DAYS, after, AFTER)
    assert rise is not None
    assert rise.probability < 1e-6
    assert (rise.first, rise.last, rise.elevated) == (2, 8, (2, 3, 5, 8))


def test_a_key_never_seen_before_surges_with_few_packets_but_not_with_one() -> None:
    nothing = np.zeros(28)
    for count, surged in ((1.0, False), (6.0, True)):
        after = np.zeros(14)
        after[0] = count
        rise = find_rise(nothing, DAYS, after, AFTER)
        assert rise is not None
        assert (rise.probability < 0.01) == surged


def test_time_not_observed_is_no_zero() -> None:
    before, days = flat(2, 28), DAYS.copy()
    before[5:15], days[5:15] = 0, 0
    rise = find_rise(before, days, flat(2, 14), AFTER)
    assert rise is not None
    assert (rise.before_rate, rise.dispersion, rise.probability) == (2.0, 1.0, 1.0)


def test_too_few_days_before_give_no_answer() -> None:
    days = np.concatenate([np.zeros(22), np.full(6, 12.0)])
    assert find_rise(flat(2, 28), days, flat(9, 14), AFTER) is None
    assert find_rise(flat(2, 28), DAYS, flat(9, 14), np.zeros(14)) is None
