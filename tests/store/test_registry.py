"""The registry: who may send, what it monitored when, and tokens that are shown once."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from teiten_collector.store import Registration, RegistryError

if TYPE_CHECKING:
    from teiten_collector.store import Store

HOUR = 3600 * 1_000_000_000


def test_a_token_names_its_sensor_until_it_is_disabled(store: Store) -> None:
    token = store.registry.add(
        "tokyo-01", ["198.51.100.0/28", "2001:db8::/64"], ["ids", "access", "ids"], now_ns=5
    )
    sensor = store.registry.authenticate(token)
    assert sensor is not None
    assert (sensor.id, sensor.groups, sensor.created_ns, sensor.enabled) == (
        "tokyo-01",
        ("access", "ids"),
        5,
        True,
    )
    assert sensor.registrations == (
        Registration(ip_network("198.51.100.0/28"), 0, None),
        Registration(ip_network("2001:db8::/64"), 0, None),
    )
    store.registry.disable("tokyo-01", now_ns=9)
    assert store.registry.authenticate(token) is None
    found = store.registry.find("tokyo-01")
    assert found is not None
    assert found.disabled_ns == 9


def test_the_token_stands_nowhere_in_the_store(store: Store) -> None:
    token = store.registry.add("tokyo-01", ["198.51.100.0/28"])
    secret = token[-43:].encode()
    store.close()
    assert [
        path for path in store.directory.rglob("*") if path.is_file() and secret in path.read_bytes()
    ] == []


def test_anything_but_the_token_is_refused(store: Store) -> None:
    token = store.registry.add("tokyo-01", ["198.51.100.0/28"])
    for other in (
        "",
        token[:-1],
        token + "A",
        token.swapcase(),
        f"é{token}",
        f"{token[:-43]}{'A' * 43}",
        f"{token}\n",
    ):
        assert store.registry.authenticate(other) is None


def test_rotation_leaves_the_old_token_for_the_overlap_and_no_longer(store: Store) -> None:
    old = store.registry.add("tokyo-01", ["198.51.100.0/28"], now_ns=0)
    new = store.registry.rotate("tokyo-01", now_ns=HOUR, overlap_ns=HOUR)
    newer = store.registry.rotate("tokyo-01", now_ns=HOUR + 1, overlap_ns=24 * HOUR)
    for token, moment, holds in [
        (old, 2 * HOUR - 1, True),
        (old, 2 * HOUR, False),
        (new, 25 * HOUR, True),
        (new, 25 * HOUR + 1, False),
        (newer, 1000 * HOUR, True),
    ]:
        assert (store.registry.authenticate(token, now_ns=moment) is not None) is holds


def test_rotation_enables_a_disabled_sensor_with_the_new_token_alone(store: Store) -> None:
    old = store.registry.add("tokyo-01", ["198.51.100.0/28"])
    store.registry.disable("tokyo-01")
    new = store.registry.rotate("tokyo-01")
    assert store.registry.authenticate(old) is None
    assert store.registry.authenticate(new) is not None


def test_a_change_of_addresses_ends_the_old_registration_where_the_new_one_begins(store: Store) -> None:
    store.registry.add("tokyo-01", ["198.51.100.0/28", "203.0.113.0/28"])
    store.registry.amend("tokyo-01", ["203.0.113.0/28", "192.0.2.0/24"], from_ns=HOUR)
    registrations = store.registry.registrations("tokyo-01")
    assert registrations == (
        Registration(ip_network("198.51.100.0/28"), 0, HOUR),
        Registration(ip_network("203.0.113.0/28"), 0, None),
        Registration(ip_network("192.0.2.0/24"), HOUR, None),
    )
    assert [r.holds_at(HOUR - 1) for r in registrations] == [True, True, False]
    assert [r.holds_at(HOUR) for r in registrations] == [False, True, True]
    with pytest.raises(RegistryError, match="later time"):
        store.registry.amend("tokyo-01", ["198.51.100.0/28"], from_ns=HOUR - 1)
    assert store.registry.registrations("tokyo-01") == registrations


@pytest.mark.parametrize(
    ("sensor", "monitored", "groups", "reason"),
    [
        ("Tokyo", ["198.51.100.0/28"], [], "must match"),
        ("tokyo-01", [], [], "at least one"),
        ("tokyo-01", ["198.51.100.1/28"], [], "host bits"),
        ("tokyo-01", ["198.51.100.0/24", "198.51.100.16/28"], [], "overlap"),
        ("tokyo-01", ["198.51.100.0/24", "198.51.100.0/24"], [], "overlap"),
        ("tokyo-01", ["somewhere"], [], "no network"),
        ("tokyo-01", ["198.51.100.0/28"], ["A b"], "group"),
    ],
)
def test_a_sensor_that_cannot_be_is_refused_with_the_reason(
    store: Store, sensor: str, monitored: list[str], groups: list[str], reason: str
) -> None:
    with pytest.raises(RegistryError, match=reason):
        store.registry.add(sensor, monitored, groups)
    assert store.registry.list() == ()


def test_an_id_is_given_once(store: Store) -> None:
    token = store.registry.add("tokyo-01", ["198.51.100.0/28"])
    with pytest.raises(RegistryError, match="registered already"):
        store.registry.add("tokyo-01", ["203.0.113.0/28"])
    assert store.registry.authenticate(token) is not None


def test_sensors_are_listed_in_order_and_unknown_ones_named(store: Store) -> None:
    for sensor in ("osaka-02", "tokyo-01", "nagoya"):
        store.registry.add(sensor, ["198.51.100.0/28"])
    assert [sensor.id for sensor in store.registry.list()] == ["nagoya", "osaka-02", "tokyo-01"]
    assert store.registry.find("kyoto") is None
    assert store.registry.registrations("kyoto") == ()
    for change in (store.registry.rotate, store.registry.disable):
        with pytest.raises(RegistryError, match="no sensor kyoto"):
            change("kyoto")
