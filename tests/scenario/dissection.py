"""A tiny reader of captures, written apart from everything it checks."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PORT_NAMES = {6: "TCP", 17: "UDP"}
TYPE_NAMES = {1: "ICMP", 58: "ICMPv6"}
ANSWERS = {1: {0, 3, 4, 5, 11, 12, 14, 16, 18}, 58: {1, 2, 3, 4, 129}}


@dataclass(frozen=True)
class Record:
    """A frame with its time in microseconds."""

    time_us: int
    frame: bytes


@dataclass(frozen=True)
class Packet:
    """What a frame says, as far as the tests ask."""

    time_us: int
    source: IPv4Address | IPv6Address
    address: IPv4Address | IPv6Address
    length: int
    key: str
    source_port: int
    class_: str
    tool: str
    ttl: int
    payload: bytes


def records(path: Path) -> Iterator[Record]:
    """Read a little-endian microsecond pcap file of Ethernet frames."""
    octets = path.read_bytes()
    assert struct.unpack_from("<IHH", octets) == (0xA1B2C3D4, 2, 4)
    assert struct.unpack_from("<I", octets, 20) == (1,)
    offset = 24
    while offset < len(octets):
        seconds, micros, captured, wire = struct.unpack_from("<4I", octets, offset)
        assert captured == wire
        assert micros < 1_000_000
        yield Record(seconds * 1_000_000 + micros, octets[offset + 16 : offset + 16 + captured])
        offset += 16 + captured
    assert offset == len(octets)


def ones_complement(octets: bytes) -> int:
    """The sum of RFC 1071: 0xFFFF over data that hold their right checksum."""
    padded = octets + b"\0" * (len(octets) % 2)
    total: int = sum(word for (word,) in struct.iter_unpack(">H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def dissect(record: Record) -> Packet | str:
    """Read a frame: a packet, or the reason why there is none; checks checksums and lengths."""
    frame = record.frame
    (ethertype,) = struct.unpack_from(">H", frame, 12)
    if ethertype == 0x0806:
        return "arp"
    if ethertype not in {0x0800, 0x86DD}:
        return "not_ip"
    first = frame[14]
    if first >> 4 != (4 if ethertype == 0x0800 else 6):
        return "ip_version"
    if ethertype == 0x0800:
        if first & 0xF < 5:
            return "ipv4_header_length"
        return _ipv4(record, frame[14:])
    return _ipv6(record, frame[14:])


def _ipv4(record: Record, octets: bytes) -> Packet:
    (length,) = struct.unpack_from(">H", octets, 2)
    assert 20 <= length <= len(octets)
    assert ones_complement(octets[:20]) == 0xFFFF
    octets = octets[:length]
    (identification, fragment) = struct.unpack_from(">HH", octets, 4)
    source, address = ip_address(octets[12:16]), ip_address(octets[16:20])
    pseudo = octets[12:20] + struct.pack(">BBH", 0, octets[9], length - 20)
    fields = _transport(octets[9], octets[20:], pseudo, later=bool(fragment & 0x1FFF))
    key, source_port, class_, payload, tcp = fields
    tool = "none"
    if tcp is not None and tcp[13] == 0x02:
        tool = _tool(int(address), identification, tcp)
    return Packet(record.time_us, source, address, length, key, source_port, class_, tool, octets[8], payload)


def _ipv6(record: Record, octets: bytes) -> Packet:
    (payload_length,) = struct.unpack_from(">H", octets, 4)
    assert 40 + payload_length <= len(octets)
    body = octets[40 : 40 + payload_length]
    source, address = ip_address(octets[8:24]), ip_address(octets[24:40])
    pseudo = octets[8:40] + struct.pack(">IBBBB", payload_length, 0, 0, 0, octets[6])
    key, source_port, class_, payload, _ = _transport(octets[6], body, pseudo, later=False)
    length = 40 + payload_length
    return Packet(
        record.time_us, source, address, length, key, source_port, class_, "none", octets[7], payload
    )


def _transport(
    protocol: int, body: bytes, pseudo: bytes, *, later: bool
) -> tuple[str, int, str, bytes, bytes | None]:
    named = PORT_NAMES | TYPE_NAMES
    if later:
        return (f"frag/{named[protocol]}" if protocol in named else f"{protocol}/IP"), 0, "other", body, None
    if protocol not in named:
        return f"{protocol}/IP", 0, "other", body, None
    if len(body) < 4:
        return f"?/{named[protocol]}", 0, "other", body, None
    if protocol in TYPE_NAMES:
        assert ones_complement((pseudo if protocol == 58 else b"") + body) == 0xFFFF
        class_ = "backscatter" if body[0] in ANSWERS[protocol] else "probe"
        return f"{body[0]}/{TYPE_NAMES[protocol]}", body[1], class_, body[8:], None
    assert ones_complement(pseudo + body) == 0xFFFF
    source_port, port = struct.unpack_from(">HH", body)
    if protocol == 17:
        assert struct.unpack_from(">H", body, 4) == (len(body),)
        return f"{port}/UDP", source_port, "reflected" if source_port == 53 else "probe", body[8:], None
    flags = body[13]
    answer = flags & 0x12 == 0x12 or flags & 0x04
    return f"{port}/TCP", source_port, "backscatter" if answer else "probe", body[body[12] >> 4 << 2 :], body


def _tool(address: int, identification: int, tcp: bytes) -> str:
    (port, sequence) = struct.unpack_from(">HI", tcp, 2)
    (window,) = struct.unpack_from(">H", tcp, 14)
    marks = {
        "zmap": identification == 54321,
        "masscan": identification == (address ^ port ^ sequence) & 0xFFFF,
        "mirai": sequence == address,
    }
    found = [name for name, marked in marks.items() if marked]
    assert len(found) < 2
    assert found != ["masscan"] or window == 1024
    return found[0] if found else "none"


def monitored_only(packets: Iterable[Packet], networks: Iterable[str]) -> tuple[list[Packet], int]:
    """The packets to monitored addresses, and how many go elsewhere."""
    parsed = [ip_network(network) for network in networks]
    inside, outside = [], 0
    for packet in packets:
        if any(packet.address in network for network in parsed):
            inside.append(packet)
        else:
            outside += 1
    return inside, outside


def tally(values: Iterable[str]) -> dict[str, int]:
    """How often each value comes."""
    return dict(Counter(values))
