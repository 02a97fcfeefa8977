"""Makes the seeds: one small input of each kind that a target tells apart; always the same."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

from teiten_agent import _core
from teiten_agent.observe import batch_of
from teiten_protocol import BatchKey, compress, encode
from teiten_protocol.bundle import pack

HERE = Path(__file__).parent
ETHERNET = bytes(12)


def ipv4(protocol: int, payload: bytes, *, options: bytes = b"", fragment: int = 0) -> bytes:
    """An IPv4 packet from 192.31.196.1 to 203.0.113.9."""
    header = struct.pack(
        ">BBHHHBBH",
        0x45 + len(options) // 4,
        0,
        20 + len(options) + len(payload),
        54321,
        fragment,
        64,
        protocol,
        0,
    )
    return header + bytes([192, 31, 196, 1, 203, 0, 113, 9]) + options + payload


def ipv6(next_header: int, payload: bytes) -> bytes:
    """An IPv6 packet."""
    return (
        struct.pack(">IHBB", 6 << 28, len(payload), next_header, 64) + b"\x2a" * 16 + b"\x2b" * 16 + payload
    )


SYN = struct.pack(">HHIIBBHHH", 6000, 445, 0x01020304, 0, 0x60, 2, 1024, 0, 0) + b"\x02\x04\x05\xb4"
DATAGRAM = struct.pack(">HHHH", 53, 1434, 12, 0) + b"abcd"
ECHO = bytes([8, 0, 0, 0, 0, 1, 0, 1])
UNREACHABLE = bytes([3, 1, 0, 0, 0, 0, 0, 0])

PACKETS = {
    "syn": b"\x08\x00" + ipv4(6, SYN),
    "udp": b"\x08\x00" + ipv4(17, DATAGRAM, options=b"\x94\x04\x00\x00"),
    "echo": b"\x08\x00" + ipv4(1, ECHO),
    "unreachable": b"\x08\x00" + ipv4(1, UNREACHABLE + ipv4(6, SYN[:8])),
    "fragment": b"\x08\x00" + ipv4(17, DATAGRAM, fragment=0x2005),
    "gre": b"\x08\x00" + ipv4(47, b"\x00\x00\x08\x00" + ipv4(6, SYN)),
    "vlan": b"\x81\x00\x00\x01\x88\x47\x00\x01\x01\x40" + ipv4(6, SYN),
    "pppoe": b"\x88\x64\x11\x00\x00\x01\x00\x2e\x00\x57" + ipv6(58, b"\x80\x00" + bytes(6)),
    "extensions": b"\x86\xdd"
    + ipv6(0, bytes([60, 0, 5, 2, 0, 0, 1, 0, 44, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 1, 0, 0, 0, 9]) + SYN),
    "packet_too_big": b"\x86\xdd" + ipv6(58, b"\x02\x00" + bytes(6) + ipv6(17, DATAGRAM)),
    "llc": b"\x00\x30\xaa\xaa\x03\x00\x00\x00\x08\x00" + ipv4(6, SYN),
    "arp": b"\x08\x06" + bytes(28),
}


def write(place: str, content: bytes) -> None:
    """Write one seed."""
    (HERE / place).write_bytes(content)


def pcap(order: str, magic: int, link: int = 1) -> bytes:
    """A pcap file of every packet."""
    frames = [ETHERNET + packet for packet in PACKETS.values()]
    records = b"".join(
        struct.pack(f"{order}IIII", 1249052400 + second, second, len(frame), len(frame)) + frame
        for second, frame in enumerate(frames)
    )
    return struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, link) + records


def block(order: str, kind: int, body: bytes) -> bytes:
    """A pcapng block."""
    body += bytes(-len(body) % 4)
    length = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + length + body + length


def pcapng(order: str) -> bytes:
    """A pcapng file: two sections, an interface with options, enhanced, simple and old packet blocks."""
    frame = ETHERNET + PACKETS["syn"]
    section = block(order, 0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))
    interface = block(order, 1, struct.pack(f"{order}HHIHHB3xHHqHH", 1, 0, 96, 9, 1, 9, 14, 8, 3600, 0, 0))
    size = len(frame)
    enhanced = block(order, 6, struct.pack(f"{order}IIIII", 0, 290_000_000, 7, size, size) + frame)
    simple = block(order, 3, struct.pack(f"{order}I", size) + frame)
    old = block(order, 2, struct.pack(f"{order}HHIIII", 0, 0, 290_000_000, 7, size, size) + frame)
    return (section + interface + enhanced + simple + old + block(order, 0x0BAD, b"abc")) * 2


def ring(packets: list[bytes]) -> bytes:
    """A block of a TPACKET_V3 ring (little-endian machines)."""
    content = b""
    for packet in packets:
        frame = ETHERNET + packet
        length = (82 + len(frame) + 15) // 16 * 16
        header = struct.pack("<IIIIIIHH", length, 1249052400, 7, len(frame), len(frame), 1, 82, 96)
        content += (header.ljust(48, b"\0") + bytes(20)).ljust(82, b"\0") + frame
        content += bytes(length - 82 - len(frame))
    return struct.pack("<IIIII", 1, 0, 1, len(packets), 48).ljust(48, b"\0") + content


for name, packet in PACKETS.items():
    frame = ETHERNET + packet
    record = b"\x01\x00" + bytes([len(frame)]) + frame
    for shape in (0x00, 0x16, 0x3F):
        write(f"frame/{name}-{shape:02x}", b"\x01\x00" + bytes([shape]) + record * 2)
write(
    "frame/all",
    b"\x01\x00\x12" + b"".join(b"\x01\x00" + bytes([12 + len(p)]) + ETHERNET + p for p in PACKETS.values()),
)
for magic in (0xA1B2C3D4, 0xA1B23C4D):
    for order, label in (("<", "little"), (">", "big")):
        write(f"file/pcap-{label}-{magic:08x}", pcap(order, magic))
write("file/pcap-gzip", gzip.compress(pcap("<", 0xA1B2C3D4), mtime=0))
write("file/pcapng-little", pcapng("<"))
write("file/pcapng-big", pcapng(">"))
write("file/cut", pcap("<", 0xA1B2C3D4)[:-5])
write("block/one", ring([PACKETS["syn"]]))
write("block/all", ring(list(PACKETS.values())))
write("block/empty", ring([]))

RULES = {
    "content": 'alert udp any any -> any 1434 (msg:"a"; content:"|04|"; depth:1; content:"sock"; distance:0; '
    "within:99; dsize:>100; classtype:misc-attack; sid:1; rev:1;)",
    "expression": r'alert tcp $EXTERNAL_NET any -> $HOME_NET [80,8080:8090] (msg:"b"; flags:S,12; '
    r'pcre:"/^a(b|c)+[^\r\n]{2,9}$/Ri"; byte_test:2,>,10,0,relative,little; sid:2;)',
    "jump": 'alert udp any 53 <> any any (msg:"c"; byte_jump:2,4,align,multiplier 4; isdataat:!10,relative; '
    "threshold:type both, track by_src, count 3, seconds 60; sid:3;)",
    "header": 'alert icmp any any -> any any (msg:"d"; itype:8; icode:0; ttl:<5; fragbits:!M; ip_proto:!6; '
    "sameip; sid:4;)",
    "bits": 'alert ip any any -> any any (msg:"e"; flowbits:set,x; flowbits:noalert; sid:5;)\n'
    'alert ip any any -> any any (msg:"f"; flowbits:isset,x; sweep:addresses 8, seconds 60; sid:6;)',
    "broken": 'alert tcp any any -> any (msg:"g; content:"|0g|"; sid:x)',
}
for name, rule in RULES.items():
    write(f"rules/{name}", rule.encode() + b"\0" + ETHERNET + PACKETS["syn"])

NAME = b"\x03www\x07example\x00\x00\x01\x00\x01"
EVENTS = {
    "dns": b"\x00"
    + bytes.fromhex("123401000001000000000001")
    + NAME
    + bytes.fromhex("0000291000000000000000"),
    "dns-pointer": b"\x00"
    + bytes.fromhex("123481800001000100000000")
    + NAME
    + bytes.fromhex("c00c0005000100000e100002c00c"),
    "dhcp": b"\x00\x01\x01\x06" + bytes(233) + bytes.fromhex("63825363350101ff"),
    "ntp": b"\x00\x23" + bytes(47) + bytes.fromhex("0104001c") + bytes(24),
    "snmp": b"\x00"
    + bytes.fromhex("302602010104067075626c6963a019020101020100020100300e300c06082b060102010101000500"),
    "ike": b"\x00"
    + b"\x11" * 8
    + bytes(8)
    + bytes.fromhex("21202208000000000000004c")
    + bytes.fromhex(
        "000000300000002c010100040300000c0100000c800e01000300000802000005030000080300000c000000080400000e"
    ),
    "bittorrent": b"\x00d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe",
    "kerberos": b"\x00" + bytes.fromhex("6a1d301ba103020105a20302010aa40f300da00703050040810010a1023000"),
    "ldap": b"\x00" + bytes.fromhex("300c020101630704000a01000a0100"),
    "quic": b"\x00" + bytes.fromhex("c00000000108070707070707070700001e") + bytes(30),
    "ethernet": b"\x05" + ETHERNET + PACKETS["vlan"],
    "pppoe": b"\x05" + ETHERNET + PACKETS["pppoe"],
    "ppp": b"\x7b" + bytes(8) + b"\xff\x03\x00\x21" + ipv4(6, SYN),
    "mirrored": b"\x1d\x00\x00\x00\x01\x10\x05" + bytes(6) + ETHERNET + PACKETS["syn"],
    "nested": b"\x01" + ipv4(47, b"\x00\x00\x08\x00" + ipv4(4, ipv4(41, ipv6(59, b"")))),
}
for name, content in EVENTS.items():
    write(f"events/{name}", content)


def batches(**limits: int) -> list[bytes]:
    """The bodies of what a sensor makes of every packet, a batch an interval."""
    observer = _core.Observer(interval_seconds=0, **limits)
    capture = _core.Capture(HERE / "file/pcap-little-a1b2c3d4")
    found = []
    while not capture.exhausted:
        found.append(observer.advance(capture))
    found.append(observer.finish())
    whole = [interval for interval in found if interval is not None]
    return [
        encode(batch_of(BatchKey("tokyo-01", 1, number), bytes(32), [interval]))
        for number, interval in enumerate(whole)
    ]


# The first byte says what the rest is: a body, a compressed one, or a bundle.
(everything,) = batches()
degraded = batches(max_rows=2, early_closes=0)
write("batch/body", b"\x00" + everything)
write("batch/body-degraded", b"\x00" + degraded[-1])
write("batch/compressed", b"\x01" + compress(everything))
write("batch/bundle", b"\x02" + pack([compress(body) for body in degraded[:3]]))
