"""Packets in one line of text, for the cases of rules.

::

    [N*WHAT] udp SOURCE>DESTINATION [FIELD...] PAYLOAD
    [N*WHAT] tcp SOURCE>DESTINATION FLAGS [FIELD...] PAYLOAD
    [N*WHAT] icmp TYPE [FIELD...] PAYLOAD             icmp6: over IPv6
    [N*WHAT] ip PROTOCOL [FIELD...] PAYLOAD

FLAGS are letters of FSRPAUEC, or 0 for none. A FIELD is one of ttl= id= tos= src= dst= frag= ipopts= df
reserved more v6, of TCP seq= ack= win= mss=, of ICMP code= id= seq=. PAYLOAD is text in quotes and bytes in
hexadecimal; `AA*64` and `"C"*300` repeat. `30*src` sends thirty packets, a millisecond apart, that differ in
their source; it may be src, dst, dport, proto or same.

Layouts: IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293), UDP (RFC 768), ICMP (RFC 792), ICMPv6 (RFC 4443).
Checksums are 0: nothing looks at them but rules that ask for them.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from dataclasses import dataclass, field
from enum import StrEnum

from teiten_agent.errors import InputError

SOURCE = "192.0.2.7"
ADDRESS = "198.51.100.20"
SOURCE_IPV6 = "2001:db8::7"
ADDRESS_IPV6 = "2001:db8:1::20"

_FLAGS = {"F": 0x01, "S": 0x02, "R": 0x04, "P": 0x08, "A": 0x10, "U": 0x20, "E": 0x40, "C": 0x80, "0": 0}
_PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "icmp6": 58}
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"(?:\*\d+)?|\S+')
_REPEATED = re.compile(r"(\d+)\*([a-z]+)")
_PORTS = re.compile(r"(\d+)>(\d+)")
_BYTES = re.compile(r"([0-9A-Fa-f]{2})(?:\*(\d+))?")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"(?:\*(\d+))?')
_FIELD = re.compile(r"([a-z0-9]+)=(\S+)")
_WORDS = frozenset({"df", "more", "reserved", "v6"})
_MOST = 4096


class Varying(StrEnum):
    """What differs from packet to packet of a case."""

    SOURCE = "src"
    ADDRESS = "dst"
    PORT = "dport"
    PROTOCOL = "proto"
    NOTHING = "same"


@dataclass(slots=True)
class _Packet:
    """What a line says."""

    text: str
    kind: str
    count: int = 1
    varying: Varying = Varying.NOTHING
    numbers: tuple[int, int] = (0, 0)
    flags: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    payload: bytes = b""

    def number(self, name: str, default: int, most: int = 0xFFFF) -> int:
        """A field as a number."""
        text = self.fields.get(name)
        if text is None:
            return default
        if not text.isdigit() or int(text) > most:
            raise InputError(f"packet `{self.text}`: {name}={text} is no number from 0 to {most}")
        return int(text)


def packets(text: str) -> list[bytes]:
    """The packets a line stands for, from their IP headers on.

    Raises:
        InputError: The line is no packet.
    """
    packet = _read(text)
    return [_build(packet, number) for number in range(packet.count)]


def _read(text: str) -> _Packet:
    tokens = _TOKEN.findall(text)
    count, varying = 1, Varying.NOTHING
    repeated = _REPEATED.fullmatch(tokens[0]) if tokens else None
    if repeated is not None:
        count, varying = int(repeated[1]), _varying(text, repeated[2])
        tokens = tokens[1:]
    if len(tokens) < 2 or tokens[0] not in {*_PROTOCOLS, "ip"} or not 1 <= count <= _MOST:  # noqa: PLR2004
        raise InputError(
            f"`{text}` is no packet", "write it as `udp 5000>53 00 01`, `tcp 5000>23 S` or `icmp 8 61*32`"
        )
    packet = _Packet(text, tokens[0], count, varying)
    rest = tokens[2:]
    ports = _PORTS.fullmatch(tokens[1])
    if ports is not None:
        packet.numbers = int(ports[1]) & 0xFFFF, int(ports[2]) & 0xFFFF
    elif tokens[1].isdigit() and packet.kind in {"icmp", "icmp6", "ip"}:
        packet.numbers = int(tokens[1]) & 0xFF, 0
    else:
        raise InputError(f"packet `{text}`: `{tokens[1]}` is neither PORT>PORT nor a type or protocol")
    if packet.kind == "tcp":
        if not rest or not set(rest[0]) <= set(_FLAGS):
            raise InputError(f"packet `{text}`: behind the ports stand no TCP flags of FSRPAUEC or 0")
        packet.flags = sum(_FLAGS[letter] for letter in set(rest[0]))
        rest = rest[1:]
    for token in rest:
        _read_token(packet, token)
    return packet


def _varying(text: str, word: str) -> Varying:
    try:
        return Varying(word)
    except ValueError:
        raise InputError(f"packet `{text}`: `{word}` is none of {', '.join(Varying)}") from None


def _read_token(packet: _Packet, token: str) -> None:
    if token in _WORDS:
        packet.words.add(token)
    elif (named := _FIELD.fullmatch(token)) is not None:
        packet.fields[named[1]] = named[2]
    elif (octet := _BYTES.fullmatch(token)) is not None:
        packet.payload += bytes.fromhex(octet[1]) * int(octet[2] or 1)
    elif (quoted := _TEXT.fullmatch(token)) is not None:
        packet.payload += quoted[1].encode().decode("unicode_escape").encode("latin-1") * int(quoted[2] or 1)
    else:
        raise InputError(f"packet `{packet.text}`: `{token}` is neither a field, text in quotes nor a byte")


def _build(packet: _Packet, number: int) -> bytes:
    varying = packet.varying
    first, second = packet.numbers
    if varying is Varying.PORT:
        second = (second + number) & 0xFFFF
    if varying is Varying.PROTOCOL:
        first = (first + number) & 0xFF
    match packet.kind:
        case "udp":
            body = struct.pack(">4H", first, second, 8 + len(packet.payload), 0) + packet.payload
        case "tcp":
            body = _tcp(packet, first, second)
        case "icmp" | "icmp6":
            code = packet.number("code", 0, 0xFF)
            rest = struct.pack(">2H", packet.number("id", 0), packet.number("seq", 0))
            body = struct.pack(">BBH", first, code, 0) + rest + packet.payload
        case _:
            body = packet.payload
    protocol = first if packet.kind == "ip" else _PROTOCOLS[packet.kind]
    if packet.kind == "icmp6" or "v6" in packet.words:
        return _ipv6(packet, number, protocol, body)
    return _ipv4(packet, number, protocol, body)


def _tcp(packet: _Packet, source: int, destination: int) -> bytes:
    options = b"" if "mss" not in packet.fields else struct.pack(">BBH", 2, 4, packet.number("mss", 0))
    return (
        struct.pack(
            ">2H2I2B3H",
            source,
            destination,
            packet.number("seq", 0x01020304, 0xFFFFFFFF),
            packet.number("ack", 0, 0xFFFFFFFF),
            (5 + len(options) // 4) << 4,
            packet.flags,
            packet.number("win", 8192),
            0,
            0,
        )
        + options
        + packet.payload
    )


def _ipv4(packet: _Packet, number: int, protocol: int, body: bytes) -> bytes:
    options = bytes.fromhex(packet.fields.get("ipopts", ""))
    bits = ("reserved" in packet.words) << 15 | ("df" in packet.words) << 14 | ("more" in packet.words) << 13
    identification = packet.number("id", 0x1D) if packet.kind not in {"icmp", "icmp6"} else 0x1D
    return (
        struct.pack(
            ">2B3H2BH4s4s",
            0x40 | 5 + len(options) // 4,
            packet.number("tos", 0, 0xFF),
            20 + len(options) + len(body),
            identification,
            bits | packet.number("frag", 0, 0x1FFF),
            packet.number("ttl", 64, 0xFF),
            protocol,
            0,
            _address(packet, "src", SOURCE, number if packet.varying is Varying.SOURCE else 0),
            _address(packet, "dst", ADDRESS, number if packet.varying is Varying.ADDRESS else 0),
        )
        + options
        + body
    )


def _ipv6(packet: _Packet, number: int, protocol: int, body: bytes) -> bytes:
    head = struct.pack(">IHBB", 0x60000000, len(body), protocol, packet.number("ttl", 64, 0xFF))
    source = _address(packet, "src", SOURCE_IPV6, number if packet.varying is Varying.SOURCE else 0)
    address = _address(packet, "dst", ADDRESS_IPV6, number if packet.varying is Varying.ADDRESS else 0)
    return head + source + address + body


def _address(packet: _Packet, name: str, default: str, number: int) -> bytes:
    text = packet.fields.get(name, default)
    try:
        return (ipaddress.ip_address(text) + number).packed
    except ValueError:
        raise InputError(f"packet `{packet.text}`: {name}={text} is no address") from None
