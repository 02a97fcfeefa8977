"""Captures made byte by byte, so that what must be counted is known."""

from __future__ import annotations

import ipaddress
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SYN_BYTES = 40
"""IP length of `syn`'s packets: two headers without options (RFC 791, 3.1; RFC 9293, 3.1)."""

DAY_SECONDS = 86_400
MONDAY_NS = 1_249_257_600 * 10**9
"""2009-08-03T00:00:00Z."""


def syn(source: str, destination: str, port: int) -> bytes:
    """An Ethernet frame with a TCP SYN over IPv4."""
    ip = struct.pack(
        ">BBHHHBBH4s4s",
        0x45,
        0,
        SYN_BYTES,
        7,
        0,
        64,
        6,
        0,
        ipaddress.IPv4Address(source).packed,
        ipaddress.IPv4Address(destination).packed,
    )
    tcp = struct.pack(">HHIIBBHHH", 40_000, port, 1, 0, 5 << 4, 0x02, 65_535, 0, 0)
    return b"\x02" * 6 + b"\x04" * 6 + b"\x08\x00" + ip + tcp


def arp() -> bytes:
    """An Ethernet frame without an IP header."""
    return b"\xff" * 6 + b"\x04" * 6 + b"\x08\x06" + b"\0" * 28


def pcap(frames: Iterable[tuple[int, bytes]]) -> bytes:
    """A capture with microsecond time stamps, little-endian, of Ethernet (link type 1)."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)]
    for time_ns, frame in frames:
        seconds, rest = divmod(time_ns, 10**9)
        parts += [struct.pack("<IIII", seconds, rest // 1000, len(frame), len(frame)), frame]
    return b"".join(parts)


def days(count: int, *, first_ns: int = MONDAY_NS, port: int = 445) -> list[tuple[int, bytes]]:
    """Three SYNs on each of some days; a replay makes a batch of each day."""
    return [
        (
            first_ns + (day * DAY_SECONDS + 3600 * hour) * 10**9,
            syn(f"203.0.113.{hour}", f"192.0.2.{day % 16}", port),
        )
        for day in range(count)
        for hour in (1, 2, 3)
    ]


def write(path: Path, frames: Iterable[tuple[int, bytes]]) -> Path:
    """Write a capture and return where it is."""
    path.write_bytes(pcap(frames))
    return path
