"""Ranks, changes and percentages by the rules of the 2009 report."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teiten_collector.analysis.ranks import Figure, Row, natural_order, rank_rows

counts = st.dictionaries(st.sampled_from([f"{port}/TCP" for port in range(30)]), st.integers(0, 10**6))
days = st.one_of(st.just(0.0), st.floats(0.001, 1e6))


def figures(given: dict[str, int]) -> dict[str, Figure]:
    return {key: Figure(count, min(count, 7)) for key, count in given.items()}


def ranked(current: dict[str, int], previous: dict[str, int], *, over: float = 100.0) -> dict[str, Row]:
    return {row.key: row for row in rank_rows(figures(current), figures(previous), over, over)}


def test_ranks_go_by_rate_and_changes_by_their_amount() -> None:
    """The two ports of table 3-1 that changed places: 2967/TCP 10.09 to 23.40, 4899/TCP 10.48 to 5.74."""
    rows = ranked({"2967/TCP": 2340, "4899/TCP": 574}, {"2967/TCP": 1009, "4899/TCP": 1048})
    risen, fallen = rows["2967/TCP"], rows["4899/TCP"]
    assert (risen.rank, risen.compare_rank, risen.rise_rank, risen.fall_rank) == (1, 2, 1, None)
    assert (fallen.rank, fallen.compare_rank, fallen.rise_rank, fallen.fall_rank) == (2, 1, None, 1)
    assert risen.change == pytest.approx(13.31)
    assert f"{risen.change_percent:.1f}" == "131.9"
    assert f"{fallen.change_percent:.1f}" == "-45.2"


def test_a_rate_is_over_the_days_of_its_own_period() -> None:
    rows = rank_rows(figures({"445/TCP": 300}), figures({"445/TCP": 100}), 3.0, 1.0)
    assert (rows[0].rate, rows[0].compare_rate, rows[0].change, rows[0].rise_rank) == (
        100.0,
        100.0,
        0.0,
        None,
    )


@pytest.mark.parametrize(("previous", "expected"), [(4, None), (5, 9900.0)])
def test_no_percentage_where_the_compared_rate_prints_as_nothing(
    previous: int, expected: float | None
) -> None:
    row = ranked({"17566/TCP": 500}, {"17566/TCP": previous}, over=1000.0)["17566/TCP"]
    assert row.change_percent == (None if expected is None else pytest.approx(expected))
    assert row.rise_rank == 1


def test_what_was_not_observed_has_no_rate_and_no_comparison() -> None:
    row = rank_rows(figures({"445/TCP": 5}), {}, 10.0, 0.0)[0]
    assert (row.rate, row.rank) == (0.5, 1)
    assert (row.compare_rate, row.change, row.change_percent, row.rise_rank) == (None, None, None, None)


def test_a_tie_goes_to_the_count_of_the_other_period_then_to_the_number_of_the_key() -> None:
    rows = ranked({"443/TCP": 5, "80/TCP": 5, "22/TCP": 5}, {"443/TCP": 9})
    assert [row.key for row in sorted(rows.values(), key=lambda row: row.rank or 0)] == [
        "443/TCP",
        "22/TCP",
        "80/TCP",
    ]


def test_keys_are_in_the_order_of_their_numbers() -> None:
    assert sorted(["443/TCP", "frag/UDP", "80/TCP", "53/UDP"], key=natural_order) == [
        "53/UDP",
        "80/TCP",
        "443/TCP",
        "frag/UDP",
    ]


@given(current=counts, previous=counts, now=days, then=days)
def test_ranks_are_places_without_gaps_and_a_row_never_both_rises_and_falls(
    current: dict[str, int], previous: dict[str, int], now: float, then: float
) -> None:
    rows = rank_rows(figures(current), figures(previous), now, then)
    for name in ("rank", "compare_rank", "rise_rank", "fall_rank"):
        places = sorted(place for row in rows if (place := getattr(row, name)) is not None)
        assert places == list(range(1, len(places) + 1))
    for row in rows:
        assert row.rise_rank is None or row.fall_rank is None
        assert (row.rank is not None) == (row.count > 0 and now > 0)
        assert row.change is None or (row.change > 0) == (row.rise_rank is not None)


@given(current=counts, previous=counts)
def test_the_order_of_what_was_counted_does_not_matter(
    current: dict[str, int], previous: dict[str, int]
) -> None:
    forward = rank_rows(figures(current), figures(previous), 3.0, 7.0)
    backward = rank_rows(
        figures(dict(reversed(current.items()))), figures(dict(reversed(previous.items()))), 3.0, 7.0
    )
    assert forward == backward
