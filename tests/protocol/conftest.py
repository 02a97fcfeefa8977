"""A small batch that tests vary."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest

from teiten_protocol import (
    Batch,
    BatchKey,
    Class,
    DetectionRow,
    Family,
    Form,
    Span,
    Tool,
    TupleRow,
    detection_columns,
    tuple_columns,
)


@pytest.fixture
def batch() -> Batch:
    """The worked example of docs/reference/batch-format.md."""
    return Batch(
        key=BatchKey("tokyo-01", 1, 2),
        settings=bytes(range(32)),
        spans=(Span(1_249_052_400_000_000_000, 1_249_052_460_000_000_000),),
        counters={"packets": 3, "counted": 2, "malformed.arp": 1},
        ipv4=tuple_columns(
            Family.IPV4,
            [
                TupleRow(
                    minute=20_817_540,
                    source=IPv4Address("192.0.2.7"),
                    address=IPv4Address("198.51.100.1"),
                    form=Form.TCP,
                    value=445,
                    source_port=6000,
                    flags=0x02,
                    class_=Class.PROBE,
                    tool=Tool.NONE,
                    packets=1,
                    bytes_=48,
                )
            ],
        ),
        ipv6=tuple_columns(
            Family.IPV6,
            [
                TupleRow(
                    minute=20_817_540,
                    source=IPv6Address("2001:db8::7"),
                    address=IPv6Address("2001:db8:1::1"),
                    form=Form.ICMPV6,
                    value=128,
                    source_port=0,
                    flags=0,
                    class_=Class.PROBE,
                    tool=Tool.NONE,
                    packets=1,
                    bytes_=64,
                )
            ],
        ),
        detections=detection_columns(
            [
                DetectionRow(
                    minute=20_817_540,
                    signature=2_004_001,
                    source=IPv4Address("192.0.2.7"),
                    address=IPv4Address("198.51.100.1"),
                    count=1,
                )
            ]
        ),
    )
