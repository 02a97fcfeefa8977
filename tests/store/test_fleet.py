"""The fleet: conditions, and releases that go out in stages and stop by themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from teiten_collector.store import RegistryError, Step, Store
from teiten_collector.store.stages import SILENT_NS
from teiten_protocol.fleet import Condition, Order, Outcome

if TYPE_CHECKING:
    from pathlib import Path

MINUTE = 60 * 1_000_000_000
SOAK = 30 * MINUTE
SENSORS = [f"sensor-{number:02d}" for number in range(20)]
OLD = Condition("1.0", "a")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "release.raucb"
    made.write_bytes(b"signed" * 1000)
    return made


@pytest.fixture
def fleet(store: Store, file: Path) -> Store:
    """Twenty sensors that told their condition, and a release on its way to them in stages of 1, 5 and 20."""
    for number, sensor in enumerate(SENSORS):
        store.registry.add(sensor, [f"198.51.100.{number}/32"], ["access"], now_ns=0)
    store.fleet.start(file, ["access"], stages=[1, 25, 100], soak_ns=SOAK, most_failures=0, now_ns=0)
    return store


def ask_all(store: Store, now_ns: int, conditions: dict[str, Condition]) -> dict[str, Order]:
    return {sensor: store.fleet.note(sensor, conditions.get(sensor, OLD), now_ns) for sensor in SENSORS}


def offered(store: Store, now_ns: int, conditions: dict[str, Condition]) -> set[str]:
    return {sensor for sensor, order in ask_all(store, now_ns, conditions).items() if order.release}


def good(release: str) -> Condition:
    return Condition("2.0", "b", release=release, outcome=Outcome.GOOD)


def test_a_release_goes_to_one_then_to_some_then_to_all_while_all_is_well(fleet: Store) -> None:
    [(rollout, _)] = fleet.fleet.rollouts(0)
    conditions: dict[str, Condition] = {}
    first = offered(fleet, 0, conditions)
    assert len(first) == 1
    assert offered(fleet, MINUTE, conditions) == first

    conditions |= dict.fromkeys(first, good(rollout.release))
    ask_all(fleet, 2 * MINUTE, conditions)
    assert offered(fleet, SOAK, conditions) == set()  # not good for long enough
    ask_all(fleet, 2 * MINUTE + SOAK, conditions)
    some = offered(fleet, 2 * MINUTE + SOAK, conditions)
    assert len(some) == 4

    conditions |= dict.fromkeys(some, good(rollout.release))
    ask_all(fleet, 3 * MINUTE + SOAK, conditions)
    ask_all(fleet, 3 * MINUTE + 2 * SOAK, conditions)
    rest = offered(fleet, 3 * MINUTE + 2 * SOAK, conditions)
    assert rest | some | first == set(SENSORS)

    conditions |= dict.fromkeys(rest, good(rollout.release))
    ask_all(fleet, 4 * MINUTE + 2 * SOAK, conditions)
    [(_, advance)] = fleet.fleet.rollouts(4 * MINUTE + 2 * SOAK)
    assert advance.done


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        (
            Condition("1.0", "a", release="", outcome=Outcome.ROLLED_BACK, said="too late"),
            "rolled-back: too late",
        ),
        (
            Condition("1.0", "a", release="", outcome=Outcome.REFUSED, said="no signature"),
            "refused: no signature",
        ),
        (Condition("2.0", "b", capturing=False, release="", outcome=Outcome.GOOD), "captures no more"),
    ],
)
def test_a_failure_stops_a_roll_out_until_somebody_resumes_it(
    fleet: Store, ending: Condition, said: str
) -> None:
    [(rollout, _)] = fleet.fleet.rollouts(0)
    [first] = offered(fleet, 0, {})
    conditions = {first: replace(ending, release=rollout.release)}
    assert offered(fleet, MINUTE, conditions) == set()
    [(stopped, _)] = fleet.fleet.rollouts(MINUTE)
    assert stopped.stopped_ns == MINUTE
    assert stopped.stopped_for.startswith(f"{first}: {said}")
    assert offered(fleet, 100 * MINUTE, conditions) == set()

    fleet.fleet.resume(rollout.number, most_failures=1)
    assert len(offered(fleet, 101 * MINUTE, conditions)) == 4


def test_a_sensor_that_falls_silent_with_a_release_stops_it(fleet: Store) -> None:
    [(rollout, _)] = fleet.fleet.rollouts(0)
    [first] = offered(fleet, 0, {})
    trying = Condition("1.0", "a", release=rollout.release, outcome=Outcome.INSTALLED)
    fleet.fleet.note(first, trying, MINUTE)
    other = next(sensor for sensor in SENSORS if sensor != first)
    fleet.fleet.note(other, OLD, MINUTE + SILENT_NS)
    assert fleet.fleet.rollouts(MINUTE)[0][0].stopped_ns is None
    fleet.fleet.note(other, OLD, MINUTE + SILENT_NS + 1)
    [(stopped, _)] = fleet.fleet.rollouts(MINUTE + SILENT_NS + 1)
    assert stopped.stopped_for == f"{first}: silent since it took the release"


def test_an_order_names_the_file_by_its_digest(fleet: Store, file: Path) -> None:
    [order] = [order for order in ask_all(fleet, 0, {}).values() if order.release]
    assert order.size == file.stat().st_size
    kept = fleet.fleet.release(order.release)
    assert kept is not None
    assert kept.read_bytes() == file.read_bytes()
    for other in ("0" * 64, "../registry.sqlite", ""):
        assert fleet.fleet.release(other) is None


def test_a_later_roll_out_takes_the_place_of_an_earlier_one(fleet: Store, file: Path) -> None:
    file.write_bytes(b"better")
    later = fleet.fleet.start(file, ["access"], stages=[100], soak_ns=0, most_failures=0, now_ns=1)
    assert {order.release for order in ask_all(fleet, 2, {}).values()} == {later.release}
    fleet.fleet.stop(later.number, "by hand", 3)
    assert offered(fleet, 4, {}) == set()


def test_a_disabled_sensor_holds_nothing_up(fleet: Store) -> None:
    [first] = offered(fleet, 0, {})
    fleet.registry.disable(first)
    [(_, advance)] = fleet.fleet.rollouts(MINUTE)
    assert first not in advance.steps
    assert Step.OFFERED in advance.steps.values()


@pytest.mark.parametrize("stages", [[], [0, 100], [10], [10, 5, 100], [100, 100], [1, 200]])
def test_stages_ascend_to_all(fleet: Store, file: Path, stages: list[int]) -> None:
    with pytest.raises(RegistryError, match="do not ascend to 100"):
        fleet.fleet.start(file, ["access"], stages=stages, soak_ns=0, most_failures=0, now_ns=0)


def test_a_group_without_sensors_is_refused(fleet: Store, file: Path) -> None:
    with pytest.raises(RegistryError, match="no enabled sensor is in nobody"):
        fleet.fleet.start(file, ["nobody"], stages=[100], soak_ns=0, most_failures=0, now_ns=0)
