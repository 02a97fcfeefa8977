"""What is missing of a period's data is named: which sensor, when, how much."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from teiten_collector.analysis.completeness import Completeness, completeness
from teiten_collector.analysis.exposure import DAY_NS
from teiten_collector.analysis.periods import parse_period
from teiten_collector.intake import Intake
from teiten_collector.store import Engine, Store
from teiten_protocol import Span
from tests.store.building import AUGUST, MINUTE_NS, admit, batch, countries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from teiten_protocol import Batch

DAY = parse_period("2009-08-01", ZoneInfo("UTC"))
HOUR_NS = 60 * MINUTE_NS
START = AUGUST * MINUTE_NS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        opened.registry.add("tokyo-01", ["198.51.100.0/28"], ["access"])
        yield opened


def found(store: Store, *batches: Batch) -> Completeness:
    for item in batches:
        admit(store, item)
    Intake(store, countries(store.directory)).run_once()
    with Engine(store.directory) as engine:
        return completeness(engine, store.registry.list(), DAY)


def hours(sequence: int, first: int, end: int, **said: int) -> Batch:
    """A batch that observed some hours of the day."""
    span = Span(START + first * HOUR_NS, START + end * HOUR_NS)
    return batch(sequence, spans=(span,), counters={name.replace("__", "."): n for name, n in said.items()})


def test_nothing_is_missing_of_a_day_that_came_whole(store: Store) -> None:
    assert found(store, hours(0, 0, 12), hours(1, 12, 24)).complete


def test_a_batch_that_never_came_lies_between_its_neighbours(store: Store) -> None:
    seen = found(store, hours(0, 0, 6), hours(3, 8, 24))
    (gap,), (run,) = seen.gaps, seen.missing
    assert (gap.sensor, gap.from_ns, gap.to_ns) == ("tokyo-01", START + 6 * HOUR_NS, START + 8 * HOUR_NS)
    assert (run.first, run.last, run.from_ns, run.to_ns) == (1, 2, gap.from_ns, gap.to_ns)
    assert not seen.complete


def test_the_end_of_a_day_that_is_not_sent_yet_is_a_gap(store: Store) -> None:
    (gap,) = found(store, hours(0, 0, 20)).gaps
    assert (gap.from_ns, gap.to_ns) == (START + 20 * HOUR_NS, START + DAY_NS)


def test_first_batches_that_never_came_have_no_known_start(store: Store) -> None:
    (run,) = found(store, hours(2, 1, 24)).missing
    assert (run.first, run.last, run.from_ns, run.to_ns) == (0, 1, None, START + HOUR_NS)


def test_batches_missing_on_another_day_are_not_of_this_one(store: Store) -> None:
    before = batch(0, spans=(Span(START - 3 * HOUR_NS, START - 2 * HOUR_NS),))
    assert found(store, before, hours(2, -1, 24)).missing == ()


def test_losses_are_added_up_by_sensor_and_reason(store: Store) -> None:
    lost = {"lost__full_batches": 2, "lost__full_packets": 50, "kernel_dropped": 7}
    seen = found(store, hours(0, 0, 12, **lost), hours(1, 12, 24, lost__full_batches=1, kernel_dropped=0))
    assert [(loss.reason, loss.batches, loss.packets) for loss in seen.losses] == [
        ("full", 3, 50),
        ("kernel_dropped", 0, 7),
    ]
    assert (seen.losses[0].from_ns, seen.losses[0].to_ns) == (START, START + DAY_NS)
    assert seen.gaps == ()


def test_a_sensor_that_is_registered_for_a_part_of_the_day_lacks_no_other_part(store: Store) -> None:
    store.registry.add("osaka-01", ["203.0.113.0/28"], ["access"], from_ns=START + 23 * HOUR_NS)
    (gap,) = found(store, hours(0, 0, 24)).gaps
    assert (gap.sensor, gap.from_ns, gap.to_ns) == ("osaka-01", START + 23 * HOUR_NS, START + DAY_NS)
