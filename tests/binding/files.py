"""Captures written byte by byte, small enough to know what must come out."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SECOND = 1_000_000_000
START = 1_250_035_200 * SECOND
"""2009-08-12 00:00:00 UTC, the start of a minute."""

SOURCE = IPv4Address("203.0.113.7")
TARGET = IPv4Address("198.51.100.5")


@dataclass(frozen=True, slots=True)
class Syn:
    """A TCP segment with SYN alone, of 40 bytes, in a raw IP frame."""

    time_ns: int
    port: int = 445
    source: IPv4Address = SOURCE
    target: IPv4Address = TARGET
    source_port: int = 6000

    def frame(self) -> bytes:
        """IPv4 (RFC 791) without options, TCP (RFC 9293) without options; checksums are 0."""
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, self.source.packed, self.target.packed)
        tcp = struct.pack("!HHIIBBHHH", self.source_port, self.port, 7, 0, 0x50, 0x02, 8192, 0, 0)
        return ip + tcp


def pcap(packets: Iterable[Syn]) -> bytes:
    """A pcap file of little-endian order, with nanoseconds, of raw IP."""
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 101)]
    for packet in packets:
        frame = packet.frame()
        seconds, nanoseconds = divmod(packet.time_ns, SECOND)
        parts.append(struct.pack("<IIII", seconds, nanoseconds, len(frame), len(frame)) + frame)
    return b"".join(parts)


def pcapng(packets: Iterable[Syn]) -> bytes:
    """A pcapng file of big-endian order, with nanoseconds, of raw IP."""
    parts = [
        _block(0x0A0D0D0A, struct.pack(">IHHq", 0x1A2B3C4D, 1, 0, -1)),
        _block(1, struct.pack(">HHIHHBxxxHH", 101, 0, 0, 9, 1, 9, 0, 0)),
    ]
    for packet in packets:
        frame = packet.frame()
        high, low = divmod(packet.time_ns, 1 << 32)
        parts.append(_block(6, struct.pack(">IIIII", 0, high, low, len(frame), len(frame)) + frame))
    return b"".join(parts)


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(">I", len(body) + 12)
    return struct.pack(">I", kind) + length + body + length
