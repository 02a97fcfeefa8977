"""What chance alone would do: against tables, against arithmetic, against dice."""

from __future__ import annotations

from math import comb, exp, factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from teiten_collector.analysis.chance import (
    count_tail,
    dispersion,
    evenness,
    false_discovery,
    occupied,
    occupied_tails,
    poisson_intervals,
    quasi_rise,
    rank_correlation,
    rate_rise,
    reached_tails,
    spread_tails,
)

probabilities = st.floats(0.0, 1.0)


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.390), (100, 81.36, 121.63)]
)
def test_intervals_are_those_of_the_tables(count: int, low: float, high: float) -> None:
    """Pearson and Hartley, Biometrika Tables for Statisticians I (1966), table 40."""
    found = poisson_intervals(np.array([count], dtype=np.float64))
    assert (found[0][0], found[1][0]) == pytest.approx((low, high), rel=1e-3, abs=1e-3)


@given(before=st.integers(0, 60), after=st.integers(0, 60), days=st.floats(0.1, 10))
def test_a_rise_of_whole_counts_is_the_binomial_tail(before: int, after: int, days: float) -> None:
    share, total = days / (1 + days), before + after
    exact = sum(comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(after, total + 1))
    assert rate_rise(before, 1.0, after, days) == pytest.approx(exact, abs=1e-9)


@given(
    before=st.integers(0, 10**9),
    after=st.integers(0, 10**9),
    spread=st.floats(1, 1e6),
    freedom=st.integers(1, 60),
)
def test_a_quasi_rise_is_a_probability_and_none_where_nothing_rose(
    before: int, after: int, spread: float, freedom: int
) -> None:
    found = quasi_rise(before, 3.0, after, 2.0, spread, freedom)
    assert 0 <= found <= 1
    if after / 2 <= before / 3:
        assert found == 1


def test_the_dispersion_of_poisson_days_is_about_one_and_of_bursts_about_their_size() -> None:
    chance = np.random.default_rng(1)
    days = np.ones(4_000)
    assert dispersion(chance.poisson(5.0, 4_000).astype(np.float64), days) == pytest.approx(1, abs=0.1)
    assert dispersion((20.0 * chance.poisson(0.5, 4_000)).astype(np.float64), days) == pytest.approx(
        20, rel=0.1
    )
    assert dispersion(np.array([3.0]), np.ones(1)) == 1


@given(count=st.integers(1, 50), mean=st.floats(0.01, 50))
def test_a_tail_without_overdispersion_is_the_poisson_one(count: int, mean: float) -> None:
    below = sum(exp(-mean) * mean**k / factorial(k) for k in range(count))
    assert count_tail(count, mean, mean) == pytest.approx(1 - below, abs=1e-9)
    assert count_tail(count, mean, mean * 1.000_01) == pytest.approx(1 - below, abs=1e-3)


def test_discoveries_are_those_of_the_paper() -> None:
    """Benjamini and Hochberg (1995), section 3.2: of these fifteen, four are discoveries at 0.05."""
    values = [
        *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
        *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000),
    ]
    assert sum(found <= 0.05 for found in false_discovery(values)) == 4
    assert false_discovery(values[::-1]) == false_discovery(values)[::-1]
    assert false_discovery([]) == []


@given(st.lists(probabilities, min_size=1, max_size=30))
def test_a_discovery_is_never_likelier_than_its_probability_says(values: list[float]) -> None:
    assert all(
        value <= found + 1e-12 <= 1 + 2e-12
        for value, found in zip(values, false_discovery(values), strict=True)
    )


@given(packets=st.integers(1, 400), places=st.integers(2, 200))
def test_occupancy_has_its_mean_and_its_tails_add_up(packets: int, places: int) -> None:
    mean, variance = occupied(packets, places)
    assert 1 - 1e-9 <= mean <= min(packets, places) + 1e-9
    assert variance >= 0
    reached = max(1, round(mean))
    few, many = occupied_tails(reached, packets, places)
    more = occupied_tails(reached + 1, packets, places)[1]
    assert few + more == pytest.approx(1, abs=1e-9)
    assert many >= more - 1e-12


def test_occupancy_without_a_repeat_is_the_birthday_product() -> None:
    """23 people have different birthdays with probability 0.4927."""
    assert occupied_tails(23, 23, 365)[1] == pytest.approx(0.492_703, abs=1e-6)


def test_the_limit_of_many_packets_meets_the_exact_chain() -> None:
    for reached in (3_100, 3_160, 3_220):
        exact = occupied_tails(reached, 4_000, 5_000 - 1)
        mean, variance = occupied(4_000, 4_999)
        assert (mean - 3 * variance**0.5 < reached < mean + 3 * variance**0.5) == (
            exact[0] > 0.001 < exact[1]
        )
    assert occupied_tails(4_999, 100_000, 4_999)[1] > 0.9


def test_places_with_chances_of_their_own() -> None:
    few, many = reached_tails(1, np.array([0.5, 0.2]))
    assert (few, many) == pytest.approx((0.9, 0.6))


def test_even_counts_are_evener_than_chance_and_heaps_are_not() -> None:
    even, freedom = evenness([np.full(50, 4.0)] * 2, 50)
    assert freedom == 98
    assert spread_tails(even, freedom)[0] < 1e-9
    heaped = evenness([np.array([200.0])], 50)
    assert spread_tails(*heaped)[1] < 1e-9
    assert evenness([], 50) == (0.0, 0)
    assert spread_tails(0.0, 0) == (1.0, 1.0)


def test_rank_correlation_of_an_order_and_of_none() -> None:
    order = np.arange(20, dtype=float)
    assert rank_correlation(order, order**3) == pytest.approx((1.0, 0.0))
    assert rank_correlation(order, -order)[0] == pytest.approx(-1)
    assert rank_correlation(order, np.ones(20)) == (0.0, 1.0)
    assert rank_correlation(order[:4], order[:4]) == (0.0, 1.0)
    shuffled = np.random.default_rng(3).permutation(order)
    assert rank_correlation(order, shuffled)[1] > 0.01
