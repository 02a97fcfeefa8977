"""What packets carry: payloads that signatures look for, written from the protocols' specifications.

None of them does anything: what a worm's packet is known by is there, its working code is not.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from teiten_protocol.keys import Form

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Vary = Callable[[npt.NDArray[np.uint8], npt.NDArray[np.uint32]], None]


class PayloadKind(StrEnum):
    """The payloads that a description can ask for."""

    NONE = "none"
    PLAIN = "plain"
    PING = "ping"
    NACHI = "nachi"
    SLAMMER = "slammer"
    DNS_ANY = "dns-any"
    DNS_VERSION = "dns-version"
    DNS_ANSWER = "dns-answer"
    SIP_OPTIONS = "sip-options"
    ISAKMP_VENDOR = "isakmp-vendor"
    POPUP = "popup"

    @property
    def number(self) -> int:
        """Position, as the plan of packets holds it."""
        return _NUMBERS[self]

    @property
    def forms(self) -> frozenset[Form]:
        """Forms of keys that can carry it."""
        if self in {PayloadKind.PING, PayloadKind.NACHI}:
            return frozenset({Form.ICMP, Form.ICMPV6})
        if self is PayloadKind.PLAIN:
            return frozenset(Form)
        return frozenset({Form.UDP})


def length(kind: PayloadKind) -> int:
    """Bytes of a payload; every payload of a kind has one length."""
    return len(_TEMPLATES[kind][0])


def build(kind: PayloadKind, variation: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    """Make one payload a row; what differs from packet to packet in life differs by `variation`."""
    template, vary = _TEMPLATES[kind]
    rows = np.tile(np.frombuffer(template, np.uint8), (len(variation), 1))
    if vary is not None:
        vary(rows, variation)
    return rows


_HEXADECIMAL: Final = np.frombuffer(b"0123456789abcdef", np.uint8)


def _binary(offset: int, width: int) -> Vary:
    def vary(rows: npt.NDArray[np.uint8], variation: npt.NDArray[np.uint32]) -> None:
        octets = variation.astype(">u4").view(np.uint8).reshape(-1, 4)
        for position in range(offset, offset + width):
            rows[:, position] = octets[:, (position - offset) % 4]

    return vary


def _text(*offsets: int) -> Vary:
    def vary(rows: npt.NDArray[np.uint8], variation: npt.NDArray[np.uint32]) -> None:
        for digit in range(8):
            digits = _HEXADECIMAL[(variation >> np.uint32(28 - 4 * digit)) & np.uint32(0xF)]
            for offset in offsets:
                rows[:, offset + digit] = digits

    return vary


def _slammer() -> bytes:
    """The shape of SQL Slammer's one packet: a resolution request that overruns its buffer; 376 bytes.

    The request's code 0x04 is CLNT_UCAST_INST of the SQL Server Resolution Protocol (MC-SQLR section 2.2.3).
    The worm is known by the run of 0x01 after it, by `81 f1 03 01 04 9b 81 f1 01` and by the names of
    functions; between these stand bytes without meaning.
    """
    head = b"\x04" + b"\x01" * 97
    marks = b"\x81\xf1\x03\x01\x04\x9b\x81\xf1\x01" + b"\0" * 7 + b"sock" + b"\0" * 4 + b"send"
    return (head + b"\0" * 30 + marks).ljust(376, b"\0")


def _dns(name: bytes, kind: int, dns_class: int, flags: int = 0x0100, answer: bytes = b"") -> bytes:
    """A message of one question (RFC 1035 sections 4.1.1 and 4.1.2)."""
    labels = b"".join(bytes([len(label)]) + label for label in name.split(b".")) + b"\0"
    header = struct.pack(">6H", 0, flags, 1, bool(answer), 0, 0)
    return header + labels + struct.pack(">2H", kind, dns_class) + answer


_SIP: Final = (
    b"OPTIONS sip:100@198.51.100.1 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-########;rport\r\n"
    b"Max-Forwards: 70\r\n"
    b"To: <sip:100@198.51.100.1>\r\n"
    b"From: <sip:100@192.0.2.1>;tag=########\r\n"
    b"Call-ID: ########\r\n"
    b"CSeq: 1 OPTIONS\r\n"
    b"Contact: <sip:100@192.0.2.1:5060>\r\n"
    b"Accept: application/sdp\r\n"
    b"Content-Length: 0\r\n\r\n"
)
"""A request of RFC 3261 section 11.1."""


def _isakmp() -> bytes:
    """Main mode's first message (RFC 2408 section 3): header, SA with one transform, vendor id."""
    attributes = struct.pack(
        ">8H", 0x8001, 5, 0x8002, 2, 0x8003, 1, 0x8004, 2
    )  # 3DES, SHA, shared key, group 2
    transform = struct.pack(">BBHBBH", 0, 0, 8 + len(attributes), 1, 1, 0) + attributes
    proposal = struct.pack(">BBHBBBB", 0, 0, 8 + len(transform), 1, 1, 0, 1) + transform
    association = struct.pack(">BBHII", 13, 0, 12 + len(proposal), 1, 1) + proposal
    # RFC 3706 section 5.1: the vendor id of dead peer detection.
    vendor = bytes.fromhex("afcad71368a1f1c96b8696fc77570100")
    payload = association + struct.pack(">BBH", 0, 0, 4 + len(vendor)) + vendor
    return bytes(16) + struct.pack(">BBBBII", 1, 0x10, 2, 0, 0, 28 + len(payload)) + payload


def _popup() -> bytes:
    """A message of the Messenger service: connectionless DCE/RPC (C706, 12.5), interface of MS-MSRP."""

    def string(text: bytes) -> bytes:
        padded = text + b"\0"
        return struct.pack("<3I", len(padded), 0, len(padded)) + padded.ljust(-(-len(padded) // 4) * 4, b"\0")

    body = string(b"SYSTEM") + string(b"ALERT") + string(b"Your computer has been inspected.")
    interface = bytes.fromhex("f8917b5a00ffd011a9b200c04fb6e6fc")  # 5a7b91f8-ff00-11d0-a9b2-00c04fb6e6fc
    header = struct.pack("<8B", 4, 0, 0x28, 0, 0x10, 0, 0, 0) + bytes(16) + interface + bytes(16)
    header += struct.pack("<IIIHHHHHBB", 0, 1, 0, 0, 0xFFFF, 0xFFFF, len(body), 0, 0, 0)
    return header + body


_ANSWER: Final = struct.pack(">HHHIH", 0xC00C, 16, 1, 300, 64) + b"\x3f" + b"v=teiten".ljust(63, b"-")
"""A TXT record (RFC 1035 section 3.3.14) whose name points back to the question."""

_TEMPLATES: Final[dict[PayloadKind, tuple[bytes, Vary | None]]] = {
    PayloadKind.NONE: (b"", None),
    PayloadKind.PLAIN: (bytes(16), _binary(0, 16)),
    PayloadKind.PING: (b"abcdefghijklmnopqrstuvwabcdefghi", None),
    PayloadKind.NACHI: (b"\xaa" * 64, None),  # the worm's ping: 64 bytes of 0xAA, as CyberKit 2.2 sends them
    PayloadKind.SLAMMER: (_slammer(), None),
    PayloadKind.DNS_ANY: (_dns(b"example.com", 255, 1), _binary(0, 2)),
    PayloadKind.DNS_VERSION: (_dns(b"version.bind", 16, 3), _binary(0, 2)),
    PayloadKind.DNS_ANSWER: (_dns(b"example.com", 16, 1, 0x8180, _ANSWER), _binary(0, 2)),
    PayloadKind.SIP_OPTIONS: (
        _SIP,
        _text(*(index for index in range(len(_SIP)) if _SIP[index : index + 8] == b"#" * 8)),
    ),
    PayloadKind.ISAKMP_VENDOR: (_isakmp(), _binary(0, 8)),
    PayloadKind.POPUP: (_popup(), _binary(40, 16)),
}
_NUMBERS: Final = {kind: number for number, kind in enumerate(PayloadKind)}
