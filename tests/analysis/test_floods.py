"""What is known of sources that a sensor gave up, and which victims are told from backscatter."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from teiten_collector.analysis.denial_of_service import Thresholds, attacks, floor
from teiten_collector.analysis.exposure import DAY_NS, Exposure
from teiten_collector.analysis.merged_sources import STANDARD_ERROR, estimate, merged_sources
from teiten_collector.analysis.periods import parse_period
from teiten_collector.analysis.scope import Scope, select_sensors
from teiten_collector.analysis.tallies import tally
from teiten_collector.intake import Intake
from teiten_collector.store import Engine, Store
from teiten_protocol import SKETCH_REGISTERS, Class, Family
from tests.store.building import AUGUST, admit, batch, countries, quotation, sketch, tuple4

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from teiten_protocol import Batch, TupleRow

DAY = parse_period("2009-08-01", ZoneInfo("UTC"))
VICTIM = "192.52.193.7"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        opened.registry.add("tokyo-01", ["198.51.100.0/28"], ["access"])
        yield opened


def fill(store: Store, *batches: Batch) -> Scope:
    for item in batches:
        admit(store, item)
    Intake(store, countries(store.directory)).run_once()
    return Scope(select_sensors(store.registry.list(), (), key=""), Family.IPV4, DAY)


def mixed(number: int) -> int:
    """One step of SplitMix64."""
    number = (number + 0x9E3779B97F4A7C15) % 2**64
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    number = (number ^ number >> 27) * 0x94D049BB133111EB % 2**64
    return number ^ number >> 31


def registers_of(sources: range) -> bytes:
    """A sketch as docs/reference/batch-format.md has it."""
    registers = bytearray(SKETCH_REGISTERS)
    for source in sources:
        hashed = mixed(mixed(0) ^ source)
        rest = hashed % 2**54
        index = hashed >> 54
        registers[index] = max(registers[index], 55 - rest.bit_length())
    return bytes(registers)


@pytest.mark.parametrize("number", [0, 1, 30, 900, 2600, 6000, 50_000])
def test_an_estimate_stays_within_four_standard_errors(number: int) -> None:
    found = estimate(np.frombuffer(registers_of(range(number)), np.uint8))
    assert abs(found - number) <= 4 * STANDARD_ERROR * number + 1


def test_sketches_join_over_minutes_and_add_to_what_is_known(store: Store) -> None:
    merged = replace(tuple4(AUGUST, "0.0.0.0", packets=5000), source_port=0)  # noqa: S104 - no socket
    scope = fill(
        store,
        batch(0, ipv4=(tuple4(AUGUST, "1.2.3.4"), tuple4(AUGUST, "1.2.3.5", 80))),
        batch(1, merged=(merged,), sketches=sketch(AUGUST + 1, registers_of(range(3000)))),
        batch(2, merged=(merged,), sketches=sketch(AUGUST + 2, registers_of(range(2000, 4000)))),
    )
    with Engine(store.directory) as engine:
        found = merged_sources(engine, scope)
        counts = tally(engine, scope)
    assert found.total == found.keys["445/TCP"] == pytest.approx(4000, rel=4 * STANDARD_ERROR)
    assert counts.sources.total == 2 + found.total
    assert counts.sources.keys == {"445/TCP": 1 + found.total, "80/TCP": 1}
    assert counts.sources.is_estimate()
    assert counts.sources.is_estimate("445/TCP")
    assert not counts.sources.is_estimate("80/TCP")
    assert counts.total == 10_002


def reply(minute: int, packets: int, *, port: int = 80) -> TupleRow:
    """SYN+ACKs of the victim."""
    row = tuple4(minute, VICTIM, 5000, packets)
    return replace(row, source_port=port, flags=0x12, class_=Class.BACKSCATTER)


def test_a_victim_is_told_from_its_replies_and_from_errors_about_them(store: Store) -> None:
    scope = fill(
        store,
        batch(0, ipv4=(reply(AUGUST, 20), reply(AUGUST + 1, 25), reply(AUGUST + 2, 3))),
        batch(1, quoted=quotation(AUGUST + 1, VICTIM, 80, 10)),
    )
    with Engine(store.directory) as engine:
        (attack,) = attacks(engine, scope)
    assert attack.victim == (0, int(IPv4Address(VICTIM)))
    assert (attack.first_minute, attack.last_minute) == (AUGUST, AUGUST + 2)
    assert (attack.packets, attack.most_in_a_minute, attack.port, attack.protocol) == (58, 35, 80, 6)


@pytest.mark.parametrize(
    "rows",
    [
        (reply(AUGUST, 30), reply(AUGUST + 1, 30)),  # perhaps a minute, not surely
        (reply(AUGUST, 29), reply(AUGUST + 1, 29), reply(AUGUST + 2, 29)),  # never 30 a minute
        (reply(AUGUST, 30), reply(AUGUST + 6, 30)),  # two events, each too short
        (replace(reply(AUGUST, 30), class_=Class.PROBE), replace(reply(AUGUST + 2, 30), class_=Class.PROBE)),
    ],
)
def test_what_is_below_a_threshold_is_no_attack(store: Store, rows: tuple[TupleRow, ...]) -> None:
    scope = fill(store, batch(0, ipv4=rows))
    with Engine(store.directory) as engine:
        assert attacks(engine, scope) == ()


def test_thresholds_are_parameters(store: Store) -> None:
    scope = fill(store, batch(0, ipv4=(reply(AUGUST, 2), reply(AUGUST + 9, 1))))
    with Engine(store.directory) as engine:
        found = attacks(
            engine, scope, Thresholds(packets=3, seconds=400, packets_a_minute=2, pause_minutes=9)
        )
    assert [attack.packets for attack in found] == [3]


def test_the_floor_follows_from_the_addresses_really_observed() -> None:
    # Half a day of 512 addresses is 256 on the average of a day.
    found = floor(Exposure(512 * DAY_NS // 2, 512 * DAY_NS, 1), DAY_NS)
    assert found is not None
    assert found.addresses == 256
    assert found.packets_a_second == pytest.approx(0.5 * 2**24)
    assert found.packets == pytest.approx(25 * 2**24)
    assert floor(Exposure(0, 512 * DAY_NS, 0), DAY_NS) is None
