"""How far a search went: the verdict is right, or says that it cannot be known."""

from __future__ import annotations

import numpy as np
import pytest

from teiten_collector.analysis.scan_range import Hit, judge_range

SENSORS = {f"sensor-{number}": 16 for number in range(8)}
PLACES = [
    (sensor, (192 << 24) + (number << 16) + host)
    for number, sensor in enumerate(SENSORS)
    for host in range(16)
]


def hit(place: tuple[str, int], source: int, day: int = 0, minute: int = 0) -> Hit:
    return Hit(place[0], source, place[1], day, minute)


def sweep(sources: int, days: int = 1) -> list[Hit]:
    """Every address once a day for each source, in order."""
    return [
        hit(place, source, day, day * 1440 + 10 * source + at)
        for day in range(days)
        for source in range(sources)
        for at, place in enumerate(PLACES)
    ]


def strewn(count: int, seed: int, days: int = 3) -> list[Hit]:
    chance = np.random.default_rng(seed)
    return [
        hit(PLACES[int(at)], number, number % days, int(minute))
        for number, (at, minute) in enumerate(
            zip(chance.integers(0, len(PLACES), count), chance.integers(0, 1440, count), strict=True)
        )
    ]


def test_one_sweep_of_one_source_is_exhaustive_and_in_order() -> None:
    found = judge_range(sweep(1), SENSORS, 1.0)
    assert (found.reach, found.verdict) == ("all", "exhaustive")
    assert found.confidence is not None
    assert found.confidence > 0.99
    assert found.order == pytest.approx(1)
    assert found.addresses_reached == 128 > found.addresses_by_chance


def test_many_sources_that_share_a_sweep_are_exhaustive_among_what_came_before() -> None:
    hits = [
        hit(place, (at * 7 + day) % 50, day, at) for day in range(4) for at, place in enumerate(PLACES * 4)
    ]
    assert judge_range(hits + strewn(200, 1, 4), SENSORS, 0.9).verdict == "exhaustive"


@pytest.mark.parametrize("seed", range(20))
def test_hits_by_chance_are_random_and_never_exhaustive(seed: int) -> None:
    assert judge_range(strewn(1_500, seed), SENSORS, 1.0).verdict != "exhaustive"


def test_enough_hits_by_chance_are_called_random() -> None:
    verdicts = [judge_range(strewn(3_000, seed), SENSORS, 1.0).verdict.value for seed in range(10)]
    assert verdicts.count("random") >= 8


def test_few_hits_are_insufficient_evidence() -> None:
    for count in (0, 1, 4, 7):
        found = judge_range(strewn(count, 1), SENSORS, 1.0)
        assert (found.verdict, found.confidence) == ("insufficient-evidence", None)


def test_a_search_that_leaves_sensors_out_is_local() -> None:
    near = [hit(place, source) for source in range(10) for place in PLACES[:32]]
    found = judge_range(near, SENSORS, 1.0)
    assert (found.verdict, found.reach) == ("local", "few")


def test_sources_close_to_what_they_reach_are_local() -> None:
    hits = [hit(place, (place[1] & ~0xFFFF) | 0x8000 | at) for at, place in enumerate(PLACES * 2)]
    found = judge_range(hits, SENSORS, 1.0)
    assert found.verdict == "local"
    assert found.closeness is not None
    assert found.closeness > 1


def test_hits_that_came_before_too_say_nothing_of_the_surge() -> None:
    assert judge_range(sweep(3), SENSORS, 0.3).verdict == "insufficient-evidence"


@pytest.mark.parametrize(
    ("reached", "reach"), [(8, "all"), (7, "nearly-all"), (4, "several"), (2, "few"), (0, "none")]
)
def test_reach_is_in_the_words_of_table_2_1(reached: int, reach: str) -> None:
    hits = [hit(PLACES[16 * number], number) for number in range(reached)]
    found = judge_range(hits, SENSORS, 1.0)
    assert (found.reach, found.sensors_reached, found.sensors_observing) == (reach, reached, 8)


def test_no_sensor_that_observed_gives_no_reach() -> None:
    found = judge_range((), {}, 0.0)
    assert (found.reach, found.verdict, found.sensors_observing) == ("none", "insufficient-evidence", 0)
