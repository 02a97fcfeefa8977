"""Lists of survey scanners: who is told by an address, and what is wrong with a list."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teiten_collector.analysis.survey_scanners import (
    SurveyNetwork,
    SurveyScanners,
    read_survey_scanners,
)
from teiten_collector.errors import InputError
from teiten_protocol import Family

if TYPE_CHECKING:
    from pathlib import Path

HALF = 1 << 64


@st.composite
def ipv4_networks(draw: st.DrawFn) -> IPv4Network:
    length = draw(st.integers(12, 32))
    base = draw(st.integers(0, 2**12)) * 2**8 + draw(st.integers(0, 255))
    return IPv4Network((base >> (32 - length) << (32 - length), length))


@st.composite
def ipv6_networks(draw: st.DrawFn) -> IPv6Network:
    length = draw(st.integers(20, 128))
    base = draw(st.sampled_from([0x2001_0DB8, 0xFFFF_0000])) << 96 | draw(st.integers(0, 2**80))
    return IPv6Network((base >> (128 - length) << (128 - length), length))


def entries(
    networks: st.SearchStrategy[IPv4Network] | st.SearchStrategy[IPv6Network],
) -> st.SearchStrategy[SurveyScanners]:
    listed = st.lists(st.builds(SurveyNetwork, networks, st.sampled_from(["A", "B", "C"])), max_size=12)
    return listed.map(lambda found: SurveyScanners(tuple(found)))


def expected(scanners: SurveyScanners, address: int, version: int) -> str | None:
    """The operator of the longest prefix around an address, of equal ones the last."""
    around = [
        entry
        for entry in scanners.networks
        if entry.network.version == version
        and int(entry.network.network_address) <= address <= int(entry.network.broadcast_address)
    ]
    longest = max((entry.network.prefixlen for entry in around), default=0)
    return next((entry.operator for entry in reversed(around) if entry.network.prefixlen == longest), None)


def edges(scanners: SurveyScanners) -> set[int]:
    found = set()
    for entry in scanners.networks:
        first, last = int(entry.network.network_address), int(entry.network.broadcast_address)
        found |= {first, last, (first + last) // 2, max(first - 1, 0), last + 1}
    return {address for address in found if address < 2**128}


@given(entries(ipv4_networks()))
def test_the_longest_prefix_says_whose_an_ipv4_address_is(scanners: SurveyScanners) -> None:
    rows = scanners.table(Family.IPV4).to_pylist()
    for address in edges(scanners):
        operator = expected(scanners, address, 4)
        assert scanners.operator_of(address, Family.IPV4) == operator
        joined = [
            row["scanner"]
            for row in rows
            if row["block"] == address - address % 256 and row["first_low"] <= address <= row["last_low"]
        ]
        assert joined == ([] if operator is None else [operator])


@given(entries(ipv6_networks()))
def test_the_longest_prefix_says_whose_an_ipv6_address_is(scanners: SurveyScanners) -> None:
    rows = scanners.table(Family.IPV6).to_pylist()
    for address in edges(scanners):
        operator = expected(scanners, address, 6)
        assert scanners.operator_of(address, Family.IPV6) == operator
        high, low = (half - HALF if half >= HALF // 2 else half for half in divmod(address, HALF))
        joined = [
            row["scanner"]
            for row in rows
            if row["first_high"] <= high <= row["last_high"] and row["first_low"] <= low <= row["last_low"]
        ]
        assert joined == ([] if operator is None else [operator])


def test_every_shipped_network_says_where_it_is_known_from_and_since_when() -> None:
    scanners = read_survey_scanners()
    assert "Censys" in scanners.operators
    for entry in scanners.networks:
        assert entry.source.startswith(("https://", "http://"))
        assert len(entry.checked) == len("2026-11-24")


def test_an_own_list_goes_before_the_shipped_one(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("network,operator\n162.142.125.0/24,Ours\n192.0.2.0/24,Ours\n", encoding="utf-8")
    for shipped, neighbour in ((True, "Censys"), (False, None)):
        scanners = read_survey_scanners([own], shipped=shipped)
        assert scanners.operator_of(int(ip_address("162.142.125.9")), Family.IPV4) == "Ours"
        assert scanners.operator_of(int(ip_address("192.0.2.9")), Family.IPV4) == "Ours"
        assert scanners.operator_of(int(ip_address("167.94.138.9")), Family.IPV4) == neighbour


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("network\n192.0.2.0/24\n", r"own\.csv:1: .*operator"),
        ("network,operator\n192.0.2.1/24,A\n", r"own\.csv:2"),
        ("network,operator\n192.0.2.0/24,A\n10.0.0.0/8,A\n", r"own\.csv:3: .*wide"),
        ("network,operator\n192.0.2.0/24,\n", r"own\.csv:2: .*name"),
    ],
)
def test_what_is_wrong_with_a_list_is_named(tmp_path: Path, text: str, named: str) -> None:
    own = tmp_path / "own.csv"
    own.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=named):
        read_survey_scanners([own])
