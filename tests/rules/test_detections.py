"""Detections reach the batch, aggregated by minute, signature, source and address."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from teiten_agent import _core
from teiten_agent.observe import CountingSettings, batch_of
from teiten_agent.rules import builtin
from teiten_agent.rules.library import compiled
from teiten_agent.rules.packet import packets
from teiten_protocol import BatchKey, decode, encode

if TYPE_CHECKING:
    from teiten_protocol import DetectionColumns

START = 1_249_084_800
RAW_IP = 101
ANY_UDP = "alert udp any any -> any any (sid:7;)"
ANY_TCP = "alert tcp any any -> any any (sid:8;)"

Row = tuple[int, int, int, bytes, bytes, int]


def buffer(sent: list[tuple[int, str]]) -> _core.PacketBuffer:
    """Packets at seconds after the start."""
    records, octets = [], b""
    for second, text in sent:
        for packet in packets(text):
            records.append(struct.pack("=4I", START + second, 0, len(octets), len(packet)))
            octets += packet
    return _core.PacketBuffer(octets, b"".join(records), RAW_IP)


def rules(*texts: str) -> _core.Rules:
    return compiled((("own", "\n".join(texts)),)).core


def rows(columns: _core.Detections | DetectionColumns) -> list[Row]:
    return [
        (
            *struct.unpack_from("<I", columns.minute, row * 4),
            *struct.unpack_from("<I", columns.signature, row * 4),
            columns.family[row],
            columns.source[row * 16 : row * 16 + 16],
            columns.address[row * 16 : row * 16 + 16],
            *struct.unpack_from("<Q", columns.count, row * 8),
        )
        for row in range(columns.rows)
    ]


def observed(sent: list[tuple[int, str]], used: _core.Rules) -> _core.Interval:
    observer = _core.Observer(interval_seconds=0, table_megabytes=1, rules=used)
    observer.advance(buffer(sent))
    interval = observer.finish()
    assert interval is not None
    return interval


def test_detections_add_up_by_minute_signature_source_and_address() -> None:
    sent = [(0, "udp 1>2"), (1, "udp 3>4"), (2, "udp 1>2 dst=198.51.100.21"), (61, "udp 1>2")]
    found = rows(observed(sent, rules(ANY_UDP)).detections)
    source = bytes(12) + bytes([192, 0, 2, 7])
    address = bytes(12) + bytes([198, 51, 100, 20])
    minute = START // 60
    assert found == [
        (minute, 7, 4, source, address, 2),
        (minute, 7, 4, source, bytes(12) + bytes([198, 51, 100, 21]), 1),
        (minute + 1, 7, 4, source, address, 1),
    ]


def test_ipv6_addresses_are_whole() -> None:
    (row,) = rows(observed([(0, "udp 1>2 v6")], rules(ANY_UDP)).detections)
    assert row[2] == 6
    assert row[3].hex() == "20010db8000000000000000000000007"


def test_packets_to_other_addresses_are_not_held_against_rules() -> None:
    observer = _core.Observer(["203.0.113.0/24"], interval_seconds=0, table_megabytes=1, rules=rules(ANY_UDP))
    observer.advance(buffer([(0, "udp 1>2"), (0, "udp 1>2 dst=203.0.113.1")]))
    interval = observer.finish()
    assert interval is not None
    assert interval.signatures() == {7: 1}
    assert interval.counters["signatures.inspected"] == 1


def test_without_rules_nothing_is_detected_and_nothing_counted_of_it() -> None:
    observer = _core.Observer(interval_seconds=0, table_megabytes=1)
    observer.advance(buffer([(0, "udp 1>2")]))
    interval = observer.finish()
    assert interval is not None
    assert (interval.detections.rows, interval.signatures()) == (0, {})
    assert not any("signatures" in name for name in interval.counters)


def test_new_rules_take_over_between_packets_and_keep_what_was_detected() -> None:
    observer = _core.Observer(interval_seconds=0, table_megabytes=1, rules=rules(ANY_UDP))
    observer.advance(buffer([(0, "udp 1>2"), (0, "tcp 1>2 S")]))
    observer.set_rules(rules(ANY_TCP, ANY_UDP))
    observer.advance(buffer([(1, "udp 1>2"), (1, "tcp 1>2 S")]))
    interval = observer.finish()
    assert interval is not None
    assert interval.signatures() == {7: 2, 8: 1}
    assert interval.counters["signatures.inspected"] == 4


def test_of_rules_that_exclude_each_other_the_first_in_their_order_speaks() -> None:
    texts = (("own", f'{ANY_UDP}\nalert udp any any -> any 2 (content:"A"; sid:9;)'),)
    for order, detected in (((9, 7), {9: 1}), ((7, 9), {7: 1}), ((9,), {7: 1, 9: 1}), ((), {7: 1, 9: 1})):
        assert observed([(0, "udp 1>2 41")], _core.Rules(texts, exclusive=order)).signatures() == detected


def test_more_detections_than_a_batch_holds_are_counted_and_their_signatures_exact() -> None:
    observer = _core.Observer(interval_seconds=0, table_megabytes=64, rules=rules(ANY_UDP))
    for block in range(17):
        observer.advance(buffer([(0, f"4096*src udp 1>2 src=10.{block}.0.0")]))
    interval = observer.finish()
    assert interval is not None
    assert interval.detections.rows == 65_536
    assert interval.counters["detections_overflow"] == 4096
    assert interval.signatures() == {7: 17 * 4096}


def test_a_batch_carries_detections_and_comes_back_the_same() -> None:
    settings = CountingSettings(rules=builtin())
    observer = settings.observer((START * 10**9, (START + 120) * 10**9), seed=1)
    observer.advance(buffer([(0, "icmp 8 AA*64"), (5, "icmp 8 AA*64"), (70, "udp 5000>19 01")]))
    intervals = [interval for interval in (observer.finish(),) if interval is not None]
    batch = batch_of(BatchKey("tokyo-01", 1, 0), settings.digest(), intervals)
    assert decode(encode(batch)) == batch
    assert sum(row[5] for row in rows(batch.detections)) == sum(
        sum(interval.signatures().values()) for interval in intervals
    )


@pytest.mark.parametrize("seed", [0, 1, 2**63])
def test_detections_do_not_depend_on_the_seed(seed: int) -> None:
    used = builtin().core
    sent = [(second, f"udp {second}>53 00 01 01 00 00 01 00*6 00 00 FF 00 01") for second in range(50)]
    observer = _core.Observer(interval_seconds=0, table_megabytes=1, seed=seed, rules=used)
    observer.advance(buffer(sent))
    interval = observer.finish()
    assert interval is not None
    assert rows(interval.detections) == rows(observed(sent, used).detections)
