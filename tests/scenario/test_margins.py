"""Tables have exactly the sums that are asked for."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from teiten_scenario.margins import fit, whole

counts = st.lists(st.integers(0, 2000), min_size=1, max_size=7)


@given(counts, counts, st.integers(0, 2**32))
def test_a_fitted_table_has_the_sums_of_rows_and_columns(
    rows: list[int], shares: list[int], seed: int
) -> None:
    columns = whole(np.array(shares, float) + 0.5, sum(rows))
    leanings = np.random.default_rng(seed).uniform(1e-6, 5, (len(rows), len(shares)))
    table = fit(leanings, np.array(rows), columns)
    assert (table >= 0).all()
    assert table.sum(axis=1).tolist() == rows
    assert table.sum(axis=0).tolist() == columns.tolist()


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20), st.integers(0, 10**9))
def test_a_total_is_split_whole_and_in_proportion(shares: list[float], total: int) -> None:
    parts = whole(np.array(shares) + 1e-3, total)
    assert parts.sum() == total
    exact = (np.array(shares) + 1e-3) / (np.array(shares) + 1e-3).sum() * total
    assert (abs(parts - exact) <= 1 + 1e-6 * total).all()


def test_leanings_are_followed() -> None:
    table = fit(np.array([[9.0, 1.0], [1.0, 1.0]]), np.array([1000, 1000]), np.array([1000, 1000]))
    assert table[0, 0] == 750  # odds of 9 to 1 with even sums: 3/4
