"""The statements over real tables: united spans, distinct sources, periods and families kept apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from teiten_collector.analysis.exposure import observed_stretches
from teiten_collector.analysis.periods import parse_period
from teiten_collector.analysis.rates import Accesses, accesses, select_sensors
from teiten_collector.analysis.survey_scanners import SurveyScanners
from teiten_collector.errors import ConfigurationError
from teiten_collector.intake import Intake
from teiten_collector.store import Engine, Store
from teiten_protocol import Class, Family, Span
from tests.store.building import AUGUST, MINUTE_NS, admit, batch, countries, tuple4, tuple6

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from teiten_protocol import Batch

DAY = parse_period("2009-08-01", ZoneInfo("UTC"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        opened.registry.add("tokyo-01", ["198.51.100.0/28", "2001:db8::/64"], ["access"])
        opened.registry.add("osaka-01", ["198.51.100.0/28"], ["ids"])
        yield opened


def fill(store: Store, *batches: Batch) -> None:
    for item in batches:
        admit(store, item)
    Intake(store, countries(store.directory)).run_once()


def count(store: Store, family: Family = Family.IPV4, *, groups: tuple[str, ...] = ()) -> Accesses:
    chosen = select_sensors(store.registry.list(), groups, key="report.access_groups")
    with Engine(store.directory) as engine:
        return accesses(engine, chosen, family, DAY, DAY.before(), "JP", SurveyScanners())


def test_overlapping_touching_and_repeated_spans_are_one_stretch(store: Store) -> None:
    def spans(*pairs: tuple[int, int]) -> tuple[Span, ...]:
        return tuple(Span((AUGUST + a) * MINUTE_NS, (AUGUST + b) * MINUTE_NS) for a, b in pairs)

    fill(
        store,
        batch(0, spans=spans((0, 10), (10, 12), (20, 30))),
        batch(1, spans=spans((5, 8), (25, 26), (28, 40))),
        batch(2, spans=spans((-5, 1), (1430, 1500))),
    )
    with Engine(store.directory) as engine:
        found = observed_stretches(engine, DAY, store.registry.list())
    start = DAY.start_ns
    assert found == {
        "tokyo-01": tuple(
            (start + a * MINUTE_NS, start + b * MINUTE_NS) for a, b in ((0, 12), (20, 40), (1430, 1440))
        )
    }


def test_a_span_of_many_days_is_observed_on_each(store: Store) -> None:
    fill(store, batch(0, spans=(Span((AUGUST - 5000) * MINUTE_NS, (AUGUST + 5000) * MINUTE_NS),)))
    assert count(store).current.days == 16.0


def test_packets_sources_keys_and_countries_are_counted(store: Store) -> None:
    fill(
        store,
        batch(
            0,
            ipv4=(
                tuple4(AUGUST, "200.0.0.1", 445, 3),
                tuple4(AUGUST + 1, "200.0.0.1", 445, 2),
                tuple4(AUGUST + 1439, "61.128.0.1", 445, 1),
                tuple4(AUGUST, "200.0.0.1", 23, 1),
                replace(tuple4(AUGUST, "1.0.0.1", 23, 4), class_=Class.BACKSCATTER),
                tuple4(AUGUST - 1, "200.0.0.9", 23, 10),
                tuple4(AUGUST + 1440, "200.0.0.9", 23, 100),
            ),
        ),
    )
    found = count(store)
    assert (found.total.count, found.total.sources, found.total.compare_count) == (11, 3, 10)
    assert {row.key: (row.count, row.sources) for row in found.ports} == {"445/TCP": (6, 2), "23/TCP": (5, 2)}
    assert {row.key: (row.count, row.sources) for row in found.countries} == {
        "JP": (6, 1),
        "CN": (1, 1),
        "ZZ": (4, 1),
    }
    assert [(row.key, row.count) for row in found.backscatter_countries] == [("ZZ", 4)]


def test_families_are_never_mixed(store: Store) -> None:
    fill(store, batch(0, ipv4=(tuple4(AUGUST, "200.0.0.1"),), ipv6=(tuple6(AUGUST, 1, 7),)))
    assert count(store).total.count == 1
    assert [(row.key, row.count) for row in count(store, Family.IPV6).ports] == [("128/ICMPv6", 7)]
    assert count(store, Family.IPV6).current.days == 1 / 1440


def test_groups_choose_the_sensors_for_counts_and_for_address_days(store: Store) -> None:
    fill(
        store,
        batch(0, ipv4=(tuple4(AUGUST, "200.0.0.1", packets=5),)),
        batch(0, sensor="osaka-01", ipv4=(tuple4(AUGUST, "200.0.0.1", packets=8),)),
    )
    assert [count(store, groups=groups).total.count for groups in ((), ("access",), ("ids",))] == [13, 5, 8]
    assert [count(store, groups=groups).current.sensors for groups in ((), ("access",), ("ids",))] == [
        2,
        1,
        1,
    ]
    with pytest.raises(ConfigurationError, match="acces"):
        count(store, groups=("acces",))


def test_counts_at_the_edge_of_64_bits_still_add_up(store: Store) -> None:
    most = 2**63 - 1
    rows = tuple(replace(tuple4(AUGUST, source), packets=most, bytes_=0) for source in (1, 2))
    fill(store, batch(0, ipv4=rows, counters={}))
    assert count(store).total.count == 2 * most


def test_an_empty_store_gives_an_empty_answer(store: Store) -> None:
    found = count(store)
    assert (found.total.count, found.total.rate, found.ports) == (0, None, ())
    assert DAY.first == date(2009, 8, 1)
