"""Builds Ethernet frames from the plan of packets, whole columns at once, with right checksums.

Layouts: Ethernet II (IEEE 802.3 clause 3), IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293), UDP (RFC 768),
ICMP (RFC 792), ICMPv6 (RFC 4443), ARP (RFC 826). Checksums as RFC 1071 computes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from teiten_protocol.keys import Family, Form
from teiten_scenario import payloads
from teiten_scenario.description import Noise
from teiten_scenario.packets import COUNTED
from teiten_scenario.payloads import PayloadKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from teiten_scenario.packets import Packets

    Octets = npt.NDArray[np.uint8]

OPTIONS: Final = (
    b"",
    bytes.fromhex("020405b4"),  # MSS 1460
    bytes.fromhex("020405b401010402"),  # MSS, two no-operations, SACK permitted
    bytes.fromhex("020405b40402080a000003e80000000001030307"),  # MSS, SACK, time stamps, NOP, window scale 7
)
"""TCP options that senders choose from (RFC 9293 section 3.2, RFC 7323, RFC 2018)."""

SMALLEST_FRAME: Final = 60
"""Frames are padded to 60 bytes: IEEE 802.3's 64 without the check sequence, which captures do not hold."""

LINK: Final = 14
QUOTED: Final = 28
"""An ICMP error quotes an IPv4 header without options and 8 bytes more (RFC 792)."""
QUOTED_IPV6: Final = 48

_ICMP_ERRORS: Final = (3, 4, 5, 11, 12)
_ICMPV6_ERRORS: Final = (1, 2, 3, 4)
_LAYER_4: Final = {Form.TCP: 6, Form.UDP: 17, Form.ICMP: 1, Form.ICMPV6: 58}
_PROTOCOL_BYTES: Final = 24  # what packets of other protocols, and later fragments, carry
_CUT_BYTES: Final = 2
_KINDS: Final = tuple(PayloadKind)


def ip_lengths(packets: Packets) -> npt.NDArray[np.uint16]:
    """Length that each packet's IP header states: headers and payload, without padding."""
    lengths = np.where(packets.family == Family.IPV4, 20, 40)
    payload_lengths = np.array([payloads.length(kind) for kind in _KINDS])[packets.payload]
    option_lengths = np.array([len(options) for options in OPTIONS])[packets.options]
    form = packets.form
    transport = np.select(
        [
            form == Form.TCP,
            form == Form.UDP,
            _is_error(packets),
            (form == Form.ICMP) | (form == Form.ICMPV6),
            form == Form.CUT,
        ],
        [
            20 + option_lengths + payload_lengths,
            8 + payload_lengths,
            8 + np.where(packets.family == Family.IPV4, QUOTED, QUOTED_IPV6),
            8 + payload_lengths,
            _CUT_BYTES,
        ],
        _PROTOCOL_BYTES,
    )
    total: npt.NDArray[np.uint16] = (lengths + transport).astype(np.uint16)
    return total


def build(packets: Packets) -> Iterator[tuple[npt.NDArray[np.int64], Octets]]:
    """Build the frames, those of one layout together.

    Yields:
        Positions of packets, and their frames, one a row.
    """
    error = _is_error(packets)
    layout = (
        packets.family.astype(np.int64) * 10**7
        + packets.form.astype(np.int64) * 10**6
        + packets.options.astype(np.int64) * 10**5
        + packets.payload.astype(np.int64) * 10**3
        + packets.reason.astype(np.int64) * 10
        + error
    )
    order = np.argsort(layout, kind="stable")
    borders = np.flatnonzero(np.diff(layout[order])) + 1
    for positions in np.split(order, borders):
        if len(positions):
            yield positions, _layout(packets.take(positions), quoted=bool(error[positions[0]]))


def _is_error(packets: Packets) -> npt.NDArray[np.bool_]:
    icmp = (packets.form == Form.ICMP) & np.isin(packets.value, _ICMP_ERRORS)
    icmpv6 = (packets.form == Form.ICMPV6) & np.isin(packets.value, _ICMPV6_ERRORS)
    error: npt.NDArray[np.bool_] = icmp | icmpv6
    return error


def _layout(packets: Packets, *, quoted: bool) -> Octets:
    reason = int(packets.reason[0])
    noise = None if reason == COUNTED else list(Noise)[reason - 1]
    if noise is Noise.ARP:
        return _arp(packets)
    if noise is Noise.NOT_IP:
        return _foreign(packets)
    ipv4 = int(packets.family[0]) == Family.IPV4
    header = 20 if ipv4 else 40
    transport = _transport(packets, quoted=quoted)
    used = LINK + header + transport.shape[1]
    length = used if int(packets.form[0]) == Form.CUT else max(used, SMALLEST_FRAME)
    frames = np.zeros((len(packets), length), np.uint8)
    _link(frames, packets, 0x0800 if ipv4 else 0x86DD)
    (_ipv4 if ipv4 else _ipv6)(frames[:, LINK : LINK + header], packets, transport.shape[1])
    frames[:, LINK + header : used] = transport
    if noise is Noise.IP_VERSION:
        frames[:, LINK] = 0x95
    elif noise is Noise.IPV4_HEADER_LENGTH:
        frames[:, LINK] = 0x44
    return frames


def _link(frames: Octets, packets: Packets, ethertype: int) -> None:
    frames[:, 0] = 0x02  # locally administered (IEEE 802 section 8.2.2)
    _put(frames, 4, packets.sensor, 2)
    frames[:, 6] = 0x02
    frames[:, 11] = 0xFE
    frames[:, 12:14] = (ethertype >> 8, ethertype & 0xFF)


def _ipv4(header: Octets, packets: Packets, transport_length: int) -> None:
    form = Form(int(packets.form[0]))
    header[:, 0] = 0x45
    _put(header, 2, np.full(len(packets), 20 + transport_length), 2)
    _put(header, 4, packets.identification, 2)
    if form is Form.TCP:
        header[:, 6] = 0x40  # do not fragment
    elif form is Form.FRAGMENT:
        _put(header, 6, np.full(len(packets), 185), 2)  # a last fragment, 1,480 bytes in
    header[:, 8] = packets.ttl
    header[:, 9] = _LAYER_4.get(form, packets.value.astype(np.uint8))
    _put(header, 12, packets.source_low, 4)
    _put(header, 16, packets.address_low, 4)
    _put(header, 10, checksum(header), 2)


def _ipv6(header: Octets, packets: Packets, transport_length: int) -> None:
    header[:, 0] = 0x60
    _put(header, 4, np.full(len(packets), transport_length), 2)
    header[:, 6] = _LAYER_4[Form(int(packets.form[0]))]
    header[:, 7] = packets.ttl
    _addresses(header, 8, packets)


def _addresses(octets: Octets, offset: int, packets: Packets) -> None:
    if int(packets.family[0]) == Family.IPV4:
        _put(octets, offset, packets.source_low, 4)
        _put(octets, offset + 4, packets.address_low, 4)
        return
    for position, half in enumerate(
        (packets.source_high, packets.source_low, packets.address_high, packets.address_low)
    ):
        _put(octets, offset + 8 * position, half, 8)


def _transport(packets: Packets, *, quoted: bool) -> Octets:
    form = Form(int(packets.form[0]))
    payload = payloads.build(_KINDS[int(packets.payload[0])], packets.sequence)
    if form is Form.TCP:
        return _tcp(packets, payload)
    if form is Form.UDP:
        return _udp(packets, payload)
    if form in {Form.ICMP, Form.ICMPV6}:
        return _icmp(packets, _quotation(packets) if quoted else payload, quoted=quoted)
    count = _CUT_BYTES if form is Form.CUT else _PROTOCOL_BYTES
    return payloads.build(PayloadKind.PLAIN, packets.sequence).repeat(2, axis=1)[:, :count]


def _tcp(packets: Packets, payload: Octets) -> Octets:
    options = np.frombuffer(OPTIONS[int(packets.options[0])], np.uint8)
    head = 20 + len(options)
    segment = np.zeros((len(packets), head + payload.shape[1]), np.uint8)
    _put(segment, 0, packets.source_port, 2)
    _put(segment, 2, packets.value, 2)
    _put(segment, 4, packets.sequence, 4)
    _put(segment, 8, packets.acknowledgement, 4)
    segment[:, 12] = head // 4 << 4
    segment[:, 13] = packets.flags
    _put(segment, 14, packets.window, 2)
    segment[:, 20:head] = options
    segment[:, head:] = payload
    _put(segment, 16, checksum(segment, _pseudo_header(packets, segment.shape[1])), 2)
    return segment


def _udp(packets: Packets, payload: Octets) -> Octets:
    datagram = np.zeros((len(packets), 8 + payload.shape[1]), np.uint8)
    _put(datagram, 0, packets.source_port, 2)
    _put(datagram, 2, packets.value, 2)
    _put(datagram, 4, np.full(len(packets), datagram.shape[1]), 2)
    datagram[:, 8:] = payload
    total = checksum(datagram, _pseudo_header(packets, datagram.shape[1]))
    _put(datagram, 6, np.where(total == 0, 0xFFFF, total), 2)  # 0 would mean that there is none (RFC 768)
    return datagram


def _icmp(packets: Packets, payload: Octets, *, quoted: bool) -> Octets:
    message = np.zeros((len(packets), 8 + payload.shape[1]), np.uint8)
    message[:, 0] = packets.value.astype(np.uint8)
    message[:, 1] = packets.source_port.astype(np.uint8)
    if not quoted:
        _put(message, 4, packets.sequence, 4)  # identifier and sequence number of an echo
    message[:, 8:] = payload
    pseudo = _pseudo_header(packets, message.shape[1]) if int(packets.family[0]) == Family.IPV6 else None
    _put(message, 2, checksum(message, pseudo), 2)
    return message


def _quotation(packets: Packets) -> Octets:
    """The packet that an ICMP error answers: a SYN forged in the monitored address's name."""
    ipv4 = int(packets.family[0]) == Family.IPV4
    head = 20 if ipv4 else 40
    quotation = np.zeros((len(packets), head + 8), np.uint8)
    if ipv4:
        quotation[:, 0] = 0x45
        quotation[:, 3] = 40
        _put(quotation, 4, packets.identification, 2)
        quotation[:, 8] = 48
        quotation[:, 9] = 6
        _put(quotation, 12, packets.address_low, 4)
        _put(quotation, 16, packets.source_low, 4)
        _put(quotation, 10, checksum(quotation[:, :20]), 2)
    else:
        quotation[:, 0] = 0x60
        quotation[:, 5] = 20
        quotation[:, 6] = 6
        quotation[:, 7] = 48
        halves = (packets.address_high, packets.address_low, packets.source_high, packets.source_low)
        for position, half in enumerate(halves):
            _put(quotation, 8 + 8 * position, half, 8)
    _put(quotation, head, packets.sequence & np.uint32(0xFFFF), 2)
    _put(quotation, head + 2, packets.acknowledgement & np.uint32(0xFFFF), 2)
    _put(quotation, head + 4, packets.sequence, 4)
    return quotation


def _pseudo_header(packets: Packets, length: int) -> Octets:
    """What checksums cover besides (RFC 9293 section 3.1, RFC 8200 section 8.1)."""
    protocol = _LAYER_4[Form(int(packets.form[0]))]
    ipv4 = int(packets.family[0]) == Family.IPV4
    pseudo = np.zeros((len(packets), 12 if ipv4 else 40), np.uint8)
    _addresses(pseudo, 0, packets)
    if ipv4:
        pseudo[:, 9] = protocol
        _put(pseudo, 10, np.full(len(packets), length), 2)
    else:
        _put(pseudo, 32, np.full(len(packets), length), 4)
        pseudo[:, 39] = protocol
    return pseudo


def checksum(octets: Octets, pseudo: Octets | None = None) -> npt.NDArray[np.uint64]:
    """The Internet checksum of each row (RFC 1071), over a pseudo-header too where one is given."""
    total = _words(octets)
    if pseudo is not None:
        total = total + _words(pseudo)
    for _ in range(3):
        total = (total & np.uint64(0xFFFF)) + (total >> np.uint64(16))
    return total ^ np.uint64(0xFFFF)


def _words(octets: Octets) -> npt.NDArray[np.uint64]:
    high = octets[:, 0::2].sum(axis=1, dtype=np.uint64)
    low = octets[:, 1::2].sum(axis=1, dtype=np.uint64)
    words: npt.NDArray[np.uint64] = (high << np.uint64(8)) + low
    return words


def _arp(packets: Packets) -> Octets:
    """A router's question for an address."""
    frames = np.zeros((len(packets), SMALLEST_FRAME), np.uint8)
    _link(frames, packets, 0x0806)
    frames[:, 0:6] = 0xFF
    frames[:, 14:22] = (0, 1, 8, 0, 6, 4, 0, 1)
    frames[:, 22:28] = frames[:, 6:12]
    _put(frames, 28, packets.source_low, 4)
    _put(frames, 38, packets.address_low, 4)
    return frames


def _foreign(packets: Packets) -> Octets:
    """A frame of the local experimental type 1 (IEEE 802), empty but for its end."""
    frames = np.zeros((len(packets), SMALLEST_FRAME), np.uint8)
    _link(frames, packets, 0x88B5)
    return frames


def _put(octets: Octets, offset: int, values: npt.NDArray[Any], width: int) -> None:
    """Write a column of numbers in network order."""
    octets[:, offset : offset + width] = values.astype(f">u{width}").view(np.uint8).reshape(-1, width)
