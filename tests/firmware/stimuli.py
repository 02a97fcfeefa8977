"""Frames that a machine answers, or might: one of every kind, well formed, with right checksums."""

from __future__ import annotations

import ipaddress
import struct

OURS, THEIRS, OTHER = "198.51.100.1", "198.51.100.9", "198.51.100.2"
OURS6, THEIRS6 = "2001:db8::1", "2001:db8::9"
OUR_MAC, THEIR_MAC = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
OPEN_PORT, CLOSED_PORT = 8_080, 9

_BROADCAST = b"\xff" * 6
_FIN, _SYN, _RST, _PSH, _ACK, _URG = 1, 2, 4, 8, 16, 32
_TCP, _UDP, _ICMP, _ICMPV6, _IGMP, _GRE, _SCTP, _UNASSIGNED = 6, 17, 1, 58, 2, 47, 132, 200


def arp_request(address: str) -> bytes:
    """Who has an address? (RFC 826)."""
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1)
    body += THEIR_MAC + ipaddress.ip_address(THEIRS).packed + bytes(6) + ipaddress.ip_address(address).packed
    return _BROADCAST + THEIR_MAC + b"\x08\x06" + body


def over_ipv4() -> dict[str, bytes]:
    """By name: what goes to the sensor's IPv4 address, and what ARP and IGMP ask."""
    flags = {
        "syn": _SYN,
        "ack": _ACK,
        "fin": _FIN,
        "null": 0,
        "xmas": _FIN | _PSH | _URG,
        "syn-ack": _SYN | _ACK,
        "rst": _RST,
    }
    frames = {
        f"tcp {name} to {port}": _ipv4(_TCP, _tcp(port, bits))
        for name, bits in flags.items()
        for port in (OPEN_PORT, CLOSED_PORT)
    }
    return frames | {
        "arp request": arp_request(OURS),
        "arp request for another": arp_request(OTHER),
        "udp to a closed port": _ipv4(_UDP, _udp(CLOSED_PORT)),
        "udp to an open port": _ipv4(_UDP, _udp(OPEN_PORT)),
        "echo": _ipv4(_ICMP, _icmp(8)),
        "echo by broadcast": _ipv4(_ICMP, _icmp(8), to="198.51.100.255", mac=_BROADCAST),
        "timestamp": _ipv4(_ICMP, _icmp(13, bytes(12))),
        "information": _ipv4(_ICMP, _icmp(15)),
        "address mask": _ipv4(_ICMP, _icmp(17, bytes(4))),
        "router solicitation": _ipv4(_ICMP, _icmp(10)),
        "unknown protocol": _ipv4(_UNASSIGNED, bytes(16)),
        "gre": _ipv4(_GRE, struct.pack("!HH", 0, 0x0800) + bytes(20)),
        "sctp init": _ipv4(_SCTP, struct.pack("!HHII", 40_000, CLOSED_PORT, 0, 0) + bytes(20)),
        "igmp query": _ipv4(
            _IGMP,
            _checksummed(b"\x11\x01\0\0" + bytes(4), 2),
            to="224.0.0.1",
            mac=bytes.fromhex("01005e000001"),
        ),
        "first fragment": _ipv4(_UDP, _udp(CLOSED_PORT), fragment=0x2000),
        "expiring": _ipv4(_UDP, _udp(CLOSED_PORT), to=OTHER, ttl=1),
        "bad option": _ipv4(_UDP, _udp(CLOSED_PORT), options=b"\x83\x03\x09\x00"),
    }


def over_ipv6() -> dict[str, bytes]:
    """By name: what goes to the sensor's IPv6 address, and what neighbour discovery and MLD ask."""
    target = ipaddress.ip_address(OURS6).packed
    solicited = f"ff02::1:ff{target[-3]:02x}:{int.from_bytes(target[-2:]):x}"
    source = b"\x01\x01" + THEIR_MAC
    return {
        "neighbour solicitation": _ipv6(_ICMPV6, _icmpv6(135, bytes(4) + target + source), to=solicited),
        "duplicate address detection": _ipv6(
            _ICMPV6, _icmpv6(135, bytes(4) + target), to=solicited, source="::"
        ),
        "router solicitation": _ipv6(_ICMPV6, _icmpv6(133, bytes(4)), to="ff02::2"),
        "router advertisement": _ipv6(
            _ICMPV6, _icmpv6(134, b"\x40\0\x07\x08" + bytes(8) + source), to="ff02::1", source="fe80::9"
        ),
        "mld query": _ipv6(
            _ICMPV6, _icmpv6(130, b"\0\x0a\0\0" + bytes(16)), to="ff02::1", source="fe80::9", hops=1
        ),
        "echo6": _ipv6(_ICMPV6, _icmpv6(128, bytes(8))),
        "echo6 to all nodes": _ipv6(_ICMPV6, _icmpv6(128, bytes(8)), to="ff02::1"),
        "tcp6 syn to the open port": _ipv6(_TCP, _tcp(OPEN_PORT, _SYN)),
        "tcp6 syn to a closed port": _ipv6(_TCP, _tcp(CLOSED_PORT, _SYN)),
        "udp6 to a closed port": _ipv6(_UDP, _udp(CLOSED_PORT)),
        "unknown next header": _ipv6(_UNASSIGNED, bytes(16)),
        "bad option6": _ipv6(60, bytes([59, 0, 0x80, 4, 0, 0, 0, 0])),
    }


def _tcp(port: int, flags: int) -> bytes:
    return struct.pack("!HHIIBBHHH", 40_000, port, 1, 1 if flags & _ACK else 0, 0x50, flags, 1_024, 0, 0)


def _udp(port: int) -> bytes:
    return struct.pack("!HHHH", 40_000, port, 16, 0) + b"teiten!!"


def _icmp(kind: int, more: bytes = b"") -> bytes:
    return _checksummed(struct.pack("!BBHHH", kind, 0, 0, 7, 1) + more, 2)


def _icmpv6(kind: int, body: bytes) -> bytes:
    return struct.pack("!BBH", kind, 0, 0) + body


_CHECKSUM_AT = {_TCP: 16, _UDP: 6, _ICMPV6: 2}


def _ipv4(  # noqa: PLR0913  # a header has so many fields
    protocol: int,
    payload: bytes,
    *,
    to: str = OURS,
    mac: bytes = OUR_MAC,
    ttl: int = 64,
    fragment: int = 0,
    options: bytes = b"",
) -> bytes:
    source, target = ipaddress.ip_address(THEIRS).packed, ipaddress.ip_address(to).packed
    if protocol in _CHECKSUM_AT:
        pseudo = source + target + struct.pack("!BBH", 0, protocol, len(payload))
        payload = _checksummed(payload, _CHECKSUM_AT[protocol], pseudo)
    length = 20 + len(options)
    header = struct.pack(
        "!BBHHHBBH", 0x40 | length // 4, 0, length + len(payload), 1, fragment, ttl, protocol, 0
    )
    header = _checksummed(header + source + target + options, 10)
    return mac + THEIR_MAC + b"\x08\x00" + header + payload


def _ipv6(
    following: int, payload: bytes, *, to: str = OURS6, source: str = THEIRS6, hops: int = 255
) -> bytes:
    address, target = ipaddress.ip_address(source).packed, ipaddress.ip_address(to).packed
    if following in _CHECKSUM_AT:
        pseudo = address + target + struct.pack("!II", len(payload), following)
        payload = _checksummed(payload, _CHECKSUM_AT[following], pseudo)
    header = struct.pack("!IHBB", 6 << 28, len(payload), following, hops) + address + target
    mac = b"\x33\x33" + target[-4:] if target[0] == 0xFF else OUR_MAC
    return mac + THEIR_MAC + b"\x86\xdd" + header + payload


def _checksummed(content: bytes, at: int, pseudo: bytes = b"") -> bytes:
    """Put the Internet checksum (RFC 1071) in its place, which is zero."""
    summed = pseudo + content
    summed += b"\0" * (len(summed) % 2)
    total = sum(struct.unpack(f"!{len(summed) // 2}H", summed))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return content[:at] + struct.pack("!H", ~total & 0xFFFF) + content[at + 2 :]
