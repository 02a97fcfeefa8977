"""The benchmarks' capture is what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_scenario.flood import Flood, write_flood
from teiten_scenario.writer import CHUNK
from tests.scenario.dissection import Packet, dissect, records, tally

if TYPE_CHECKING:
    from pathlib import Path


def test_counts_sources_frames_and_checksums_are_right(tmp_path: Path) -> None:
    path = tmp_path / "flood.pcap"
    counts = write_flood(Flood(packets=5000, sources=1200, addresses=4), path)
    found = list(records(path))
    packets = [packet for packet in map(dissect, found) if isinstance(packet, Packet)]
    assert len(packets) == counts["packets"] == 5000
    assert {len(record.frame) for record in found} == {60}
    assert len({packet.source for packet in packets}) == counts["sources"] == 1200
    assert len({packet.address for packet in packets}) == 4
    assert tally(packet.key for packet in packets) == counts["keys"]
    assert sum(packet.length for packet in packets) == counts["bytes"]
    assert {packet.class_ for packet in packets} == {"probe"}
    assert {packet.tool for packet in packets} == {"none"}
    assert max(counts["keys"], key=counts["keys"].get) == "445/TCP"


def test_the_same_flood_has_the_same_bytes_across_chunks(tmp_path: Path) -> None:
    flood = Flood(packets=CHUNK + 10, sources=50_000, seed=3)
    told: list[int] = []
    write_flood(flood, tmp_path / "one.pcap", told.append)
    write_flood(flood, tmp_path / "two.pcap")
    assert (tmp_path / "one.pcap").read_bytes() == (tmp_path / "two.pcap").read_bytes()
    assert told == [CHUNK, CHUNK + 10]


def test_fewer_packets_than_sources_come_from_as_many_sources(tmp_path: Path) -> None:
    counts = write_flood(Flood(packets=100, sources=1000), tmp_path / "few.pcap")
    sources = {
        packet.source for packet in map(dissect, records(tmp_path / "few.pcap")) if isinstance(packet, Packet)
    }
    assert counts["sources"] == len(sources) == 100
