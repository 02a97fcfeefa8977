"""`sensor.txt`: what people write, on whatever system, and what they are told when it cannot be used."""

from __future__ import annotations

from contextlib import suppress

import pytest
from firmware.provisioning.settings import LARGEST_BYTES, SettingsError, read
from hypothesis import given
from hypothesis import strategies as st

GOOD = """\
# The sensor in the cellar
sensor = tokyo-01
collector = https://collector.example:8443
code = enrol_0123456789abcdef_0123456789abcdefABCDEF
interface = eth0
monitored = 198.51.100.0/28, 2001:db8::/64
management = eth1
management-address = 192.0.2.10/24
gateway = 192.0.2.1
dns = 192.0.2.53
"""


def refused(text: str) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        read(text.encode())
    return [str(fault) for fault in raised.value.faults]


def test_what_the_how_to_shows_is_read() -> None:
    settings = read(GOOD.encode())
    assert settings.sensor == "tokyo-01"
    assert [str(network) for network in settings.monitored] == ["198.51.100.0/28", "2001:db8::/64"]
    assert str(settings.management_address) == "192.0.2.10/24"
    assert not settings.answer_arp
    assert settings.management_device == "eth1"


def test_an_editor_of_windows_changes_nothing() -> None:
    assert read(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()) == read(GOOD.encode())


def test_every_mistake_is_told_at_once_with_its_line_and_remedy() -> None:
    said = refused(
        "sensr = tokyo-01\ninterface = eth0\nmonitored = 198.51.100.1/28\nmanagement = eth1\nwhat?\n"
    )
    assert said == [
        "line 1: there is no setting 'sensr'; did you mean sensor?",
        "line 3: monitored: 198.51.100.1/28 has host bits set; write it as 198.51.100.0/28 or 2001:db8::/64",
        "line 5: 'what?' is no setting; write it as name = value",
        "sensor is missing; add a line sensor = tokyo-01",
    ]


def test_one_interface_for_both_takes_a_vlan() -> None:
    shared = GOOD.replace("management = eth1", "management = eth0")
    assert refused(shared) == [
        "line 7: management and observation are both eth0; use a second interface, or set management-vlan"
    ]
    assert read(f"{shared}management-vlan = 20\n".encode()).management_device == "vlan20"


def test_a_router_outside_the_network_is_refused() -> None:
    assert (
        "203.0.113.1 is not in 192.0.2.0/24"
        in refused(GOOD.replace("gateway = 192.0.2.1", "gateway = 203.0.113.1"))[0]
    )


def test_a_collector_by_name_takes_a_name_server() -> None:
    [said] = refused(GOOD.replace("dns = 192.0.2.53\n", ""))
    assert said.startswith("line 3: collector: collector.example is a name, and no name server is set")
    assert read(GOOD.replace("collector.example", "192.0.2.7").encode()).collector == "https://192.0.2.7:8443"


def test_a_setting_twice_is_refused() -> None:
    assert refused(GOOD + "sensor = osaka-01\n") == [
        "line 11: sensor is set in line 2 already; leave one of the two out"
    ]


def test_a_code_is_not_repeated_in_what_is_said() -> None:
    [said] = refused(GOOD.replace("enrol_0123456789abcdef", "secret with space "))
    assert said.startswith("line 4: code: is not as `teiten-collector sensor enrol` prints it")
    assert "secret" not in said


@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with suppress(SettingsError):
        read(content)


def test_a_file_too_long_is_refused_unread() -> None:
    assert "longer than" in refused("#" * (LARGEST_BYTES + 1))[0]
