"""Captures hold what the truth says, read by a reader of its own."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from ipaddress import ip_network
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import maxminddb
import pytest

from teiten_scenario.world import plan, write
from tests.scenario.dissection import dissect, records, tally

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scenario.conftest import Written

SENSORS = ["tokyo-01", "osaka-01"]


def country_of(database: maxminddb.Reader, address: str) -> str:
    """The country that the scenario's own database gives an address."""
    record = database.get(address)
    assert isinstance(record, dict)
    country = record["country"]
    assert isinstance(country, dict)
    code = country["iso_code"]
    assert isinstance(code, str)
    return code


@pytest.mark.parametrize("sensor", SENSORS)
def test_keys_bytes_classes_tools_and_reasons_are_those_of_the_truth(small: Written, sensor: str) -> None:
    packets, reasons = small.dissected(sensor)
    truth = small.truth["sensors"][sensor]
    keys: dict[str, dict[str, int]] = {}
    for packet in packets:
        counts = keys.setdefault(packet.key, {"packets": 0, "bytes": 0})
        counts["packets"] += 1
        counts["bytes"] += packet.length
    assert keys == truth["keys"]
    assert tally(packet.class_ for packet in packets) == truth["classes"]
    assert tally(packet.tool for packet in packets if packet.tool != "none") == truth["tools"]
    assert reasons.pop("not_monitored", 0) == truth["not_monitored"]
    assert reasons == truth["malformed"]
    assert len(packets) == truth["counted"]
    assert truth["packets"] == truth["counted"] + truth["not_monitored"] + sum(truth["malformed"].values())


@pytest.mark.parametrize("sensor", SENSORS)
@pytest.mark.parametrize("period", ["before", "after"])
def test_periods_and_countries_are_those_of_the_truth(small: Written, sensor: str, period: str) -> None:
    truth = small.truth["periods"][period]
    zone = ZoneInfo(small.truth["timezone"])
    first, last = date.fromisoformat(truth["from"]), date.fromisoformat(truth["to"])
    packets, _ = small.dissected(sensor)
    inside = [
        packet
        for packet in packets
        if first <= datetime.fromtimestamp(packet.time_us / 1e6, zone).date() <= last
    ]
    with maxminddb.open_database(small.directory / "country.mmdb") as database:
        for version in (4, 6):
            family = [packet for packet in inside if packet.source.version == version]
            expected = truth["sensors"][sensor][f"ipv{version}"]
            assert tally(packet.key for packet in family) == expected["keys"]
            countries = [country_of(database, str(packet.source)) for packet in family]
            assert tally(countries) == expected["countries"]
            by_country: dict[str, list[str]] = {}
            for country, packet in zip(countries, family, strict=True):
                by_country.setdefault(country, []).append(packet.key)
            assert {country: tally(keys) for country, keys in by_country.items()} == expected[
                "keys_by_country"
            ]
            assert len({packet.source for packet in family}) == expected["sources"]
            assert sum(packet.length for packet in family) == expected["bytes"]


def test_every_class_tool_and_reason_occurs(small: Written) -> None:
    classes: set[str] = set()
    tools: set[str] = set()
    reasons: set[str] = set()
    for sensor in small.truth["sensors"].values():
        classes |= set(sensor["classes"])
        tools |= set(sensor["tools"])
        reasons |= set(sensor["malformed"])
    assert classes == {"probe", "backscatter", "reflected", "other"}
    assert tools == {"zmap", "masscan", "mirai"}
    assert reasons == {"arp", "not_ip", "ip_version", "ipv4_header_length"}


@pytest.mark.parametrize("sensor", SENSORS)
def test_packets_are_in_order_of_time_and_within_the_sensors_span(small: Written, sensor: str) -> None:
    times = [record.time_us for record in records(small.directory / f"{sensor}.pcap")]
    truth = small.truth["sensors"][sensor]
    assert times == sorted(times)
    assert datetime.fromisoformat(truth["from"]).timestamp() * 1e6 <= times[0]
    assert times[-1] < datetime.fromisoformat(truth["to"]).timestamp() * 1e6


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(small: Written, tmp_path: Path) -> None:
    write(plan(small.world.description), tmp_path / "again")
    write(plan(small.world.description, seed=99), tmp_path / "other")
    for path in sorted(small.directory.iterdir()):
        again = (tmp_path / "again" / path.name).read_bytes()
        if path.name.endswith(".toml"):
            assert (
                again.replace(str(tmp_path / "again").encode(), str(small.directory).encode())
                == path.read_bytes()
            )
        else:
            assert again == path.read_bytes()
    for sensor in SENSORS:
        other = (tmp_path / "other" / f"{sensor}.pcap").read_bytes()
        assert other != (small.directory / f"{sensor}.pcap").read_bytes()


def test_sums_of_the_truth_agree_with_one_another(small: Written) -> None:
    truth = small.truth
    for period in truth["periods"].values():
        for members, name in ((["tokyo-01", "osaka-01"], "access"), (["osaka-01"], "ids")):
            group = period["groups"][name]
            assert group["address_days"] == sum(
                period["sensors"][sensor]["address_days"] for sensor in members
            )
            for family in ("ipv4", "ipv6"):
                assert_sums(group[family])
                for part in ("packets", "bytes"):
                    assert group[family][part] == sum(
                        period["sensors"][sensor][family][part] for sensor in members
                    )
    counted = sum(sensor["counted"] for sensor in truth["sensors"].values())
    in_periods = sum(
        sensor[family]["packets"]
        for period in truth["periods"].values()
        for sensor in period["sensors"].values()
        for family in ("ipv4", "ipv6")
    )
    assert counted == in_periods


def assert_sums(family: dict[str, Any]) -> None:
    """Check that every breakdown adds up to the packets."""
    for part in ("keys", "countries", "classes"):
        assert sum(family[part].values()) == family["packets"]
    assert sum(sum(keys.values()) for keys in family["keys_by_country"].values()) == family["packets"]


def test_address_days_are_those_of_the_description(small: Written) -> None:
    before = small.truth["periods"]["before"]["sensors"]
    assert before["tokyo-01"]["address_days"] == 2 * 8
    assert before["osaka-01"]["address_days"] == 1 * 4  # it observes from the second day on
    assert before["tokyo-01"]["prefix_days"] == 2


def test_rates_are_those_of_the_description(small: Written) -> None:
    # Sensors of all groups receive the mix: 8 + 4 addresses on the third day.
    after = small.truth["periods"]["after"]["groups"]["access"]["ipv4"]
    assert after["keys"]["445/TCP"] == 40 * 12
    assert after["keys"]["23/TCP"] == 30 * 12
    assert after["countries"]["JP"] == 20 * 12
    assert after["countries"]["CN"] == 130 * 12 + 6 * 4  # and what the group `ids` receives besides


def test_payloads_are_those_of_the_truth_and_of_their_protocols(small: Written) -> None:
    packets, _ = small.dissected("osaka-01")
    expected: dict[str, int] = {}
    for period in small.truth["periods"].values():
        for name, count in period["groups"]["ids"]["ipv4"]["payloads"].items():
            expected[name] = expected.get(name, 0) + count
    ipv4 = [packet for packet in packets if packet.source.version == 4]
    slammer = [packet for packet in ipv4 if packet.key == "1434/UDP"]
    assert len(slammer) == expected["slammer"]
    assert all(len(packet.payload) == 376 and packet.payload[0] == 0x04 for packet in slammer)
    assert sum(packet.payload == b"\xaa" * 64 for packet in ipv4) == expected["nachi"]
    sip = [packet.payload for packet in ipv4 if packet.key == "5060/UDP"]
    assert len(sip) == expected["sip-options"]
    assert all(
        text.startswith(b"OPTIONS sip:") and text.endswith(b"\r\n\r\n") and b"#" not in text for text in sip
    )
    questions = [packet.payload for packet in ipv4 if packet.key == "53/UDP"]
    assert (
        sum(b"\x07example\x03com\x00\x00\xff\x00\x01" in question for question in questions)
        == expected["dns-any"]
    )
    isakmp = [packet.payload for packet in ipv4 if packet.key == "500/UDP"]
    assert all(int.from_bytes(message[24:28], "big") == len(message) for message in isakmp)


def test_icmp_errors_quote_a_packet_of_the_monitored_address_to_the_victim(small: Written) -> None:
    quoted = [packet for packet in small.dissected("tokyo-01")[0] if packet.key in {"3/ICMP", "11/ICMP"}]
    assert quoted
    for packet in quoted:
        assert packet.payload[12:16] == packet.address.packed
        assert packet.payload[16:20] == packet.source.packed
        assert packet.payload[22:24] == (80).to_bytes(2, "big")


def test_sources_lie_in_their_blocks_and_times_to_live_are_those_of_one_path(small: Written) -> None:
    blocks = [
        ip_network(str(block)) for country in small.world.description.countries for block in country.networks
    ]
    packets, _ = small.dissected("tokyo-01")
    paths: dict[str, set[int]] = {}
    for packet in packets:
        assert any(packet.source in block for block in blocks)
        if packet.tool == "none":
            paths.setdefault(str(packet.source), set()).add(packet.ttl)
    assert all(len(seen) == 1 for seen in paths.values())


def test_frames_are_padded_and_never_longer_than_ethernet_allows(small: Written) -> None:
    for record in records(small.directory / "tokyo-01.pcap"):
        found = dissect(record)
        shortest = 36 if not isinstance(found, str) and found.key.startswith("?/") else 60
        assert shortest <= len(record.frame) <= 1514


def test_events_are_where_and_when_the_description_says(small: Written) -> None:
    events = {event["name"]: event for event in small.truth["events"]}
    zone = ZoneInfo("Asia/Tokyo")
    packets = [packet for sensor in SENSORS for packet in small.dissected(sensor)[0]]
    fixed = [packet for packet in packets if packet.key == "1433/TCP"]
    assert {packet.source_port for packet in fixed} == {6000}
    assert len({packet.source for packet in fixed}) == 1
    assert len(fixed) == events["one source, one source port"]["packets"] == 8 * 12
    assert all(count == 8 for count in tally(str(packet.address) for packet in fixed).values())  # exhaustive
    victim = events["a victim"]
    assert victim["sources"] == 1
    start = datetime(2024, 3, 3, 2, 0, tzinfo=zone).timestamp() * 1e9
    end = datetime(2024, 3, 3, 9, 30, tzinfo=zone).timestamp() * 1e9
    assert start <= victim["first_ns"] <= victim["last_ns"] < end
    visits = sorted({packet.time_us for packet in packets if str(packet.source) == "118.112.7.7"})
    gaps = {round((later - earlier) / 1e6) for earlier, later in pairwise(visits)}
    assert gaps == {0, 4 * 3600}
    new_key = [packet for packet in packets if packet.key == "17566/TCP"]
    days = {datetime.fromtimestamp(packet.time_us / 1e6, zone).date() for packet in new_key}
    assert days == {date(2024, 3, 1) + timedelta(2)}
