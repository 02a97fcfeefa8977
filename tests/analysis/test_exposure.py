"""Address-days and prefix-days: what was observed, no more and no less."""

from __future__ import annotations

from ipaddress import ip_network
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teiten_collector.analysis.exposure import DAY_NS, Exposure, exposure
from teiten_collector.analysis.periods import parse_period
from teiten_collector.store import Registration, Sensor
from teiten_protocol import Family

DAY = parse_period("2009-08-12", ZoneInfo("Asia/Tokyo"))
NOON = DAY.start_ns + DAY_NS // 2
WHOLE = {"tokyo-01": ((DAY.start_ns, DAY.end_ns),)}


def sensor(*registrations: tuple[str, int, int | None]) -> Sensor:
    return Sensor(
        id="tokyo-01",
        groups=(),
        registrations=tuple(
            Registration(ip_network(network), start, end) for network, start, end in registrations
        ),
        created_ns=0,
        disabled_ns=None,
    )


def measured(given: Sensor, family: Family = Family.IPV4, stretches: object = None) -> Exposure:
    return exposure(WHOLE if stretches is None else stretches, DAY, [given], family)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("registrations", "days"),
    [
        ([("198.51.100.0/28", 0, None)], 16.0),
        ([("198.51.100.0/28", 0, NOON)], 8.0),
        ([("198.51.100.0/28", NOON, None)], 8.0),
        ([("198.51.100.0/28", 0, NOON), ("198.51.100.0/30", NOON, None)], 10.0),
        ([("198.51.100.0/28", 0, None), ("198.51.100.0/30", 0, None)], 16.0),  # an address counts once
        ([("198.51.100.0/28", 0, DAY.start_ns)], 0.0),
        ([("2001:db8::/64", 0, None)], 0.0),
        ([("0.0.0.0/0", 0, None)], float(2**32)),
    ],
)
def test_address_days_follow_what_was_registered_when(
    registrations: list[tuple[str, int, int | None]], days: float
) -> None:
    assert measured(sensor(*registrations)).days == days


@pytest.mark.parametrize(
    ("networks", "days"),
    [
        (["2001:db8::/64"], 1.0),
        (["2001:db8::/56"], 256.0),
        (["2001:db8::/96", "2001:db8::1/128"], 1.0),
        (["2001:db8::/96", "2001:db8:0:1::/96"], 2.0),
        (["198.51.100.0/28"], 0.0),
    ],
)
def test_prefix_days_count_the_prefixes_of_64_bits(networks: list[str], days: float) -> None:
    assert measured(sensor(*((network, 0, None) for network in networks)), Family.IPV6).days == days


def test_what_was_not_observed_is_not_counted_and_is_said() -> None:
    half = {"tokyo-01": ((DAY.start_ns, NOON),)}
    found = measured(sensor(("198.51.100.0/28", 0, None)), stretches=half)
    assert (found.days, found.registered_days, found.unobserved_share, found.sensors) == (8.0, 16.0, 0.5, 1)


def test_a_silent_sensor_adds_nothing_but_to_what_is_registered() -> None:
    found = measured(sensor(("198.51.100.0/28", 0, None)), stretches={})
    assert (found.days, found.registered_days, found.sensors) == (0.0, 16.0, 0)


minutes = st.lists(st.tuples(st.integers(0, 1440), st.integers(0, 1440)).map(sorted), max_size=5)


@given(pieces=minutes, cut=st.integers(0, 1440))
def test_cutting_a_registration_in_two_changes_nothing(pieces: list[list[int]], cut: int) -> None:
    minute = 60 * 10**9
    stretches = {"tokyo-01": tuple((DAY.start_ns + a * minute, DAY.start_ns + b * minute) for a, b in pieces)}
    moment = DAY.start_ns + cut * minute
    one = measured(sensor(("198.51.100.0/28", 0, None)), stretches=stretches)
    two = measured(
        sensor(("198.51.100.0/28", 0, moment), ("198.51.100.0/28", moment, None)), stretches=stretches
    )
    assert one == two
