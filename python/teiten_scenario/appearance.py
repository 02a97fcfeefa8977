"""How packets look: ports, flags, times to live, windows, and the marks that scanners leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from teiten_protocol.keys import Class, Family, Form, Tool
from teiten_scenario.description import Reply
from teiten_scenario.mixing import mix, unit

if TYPE_CHECKING:
    import numpy.typing as npt

    from teiten_scenario.description import Key, Shape
    from teiten_scenario.packets import Packets

SYN: Final = 0x02
SYN_ACK: Final = 0x12
RST_ACK: Final = 0x14

ZMAP_IDENTIFICATION: Final = 54321
"""ZMap up to 4.0 puts this into every packet (its src/probe_modules/packet.c)."""
MASSCAN_WINDOW: Final = 1024
"""Masscan's template of a SYN (its src/templ-pkt.c, before November 2023; 1025 since)."""

UDP_SOURCE_PORTS: Final = (49_152, 61_000)
"""UDP that asks comes from dynamic ports (RFC 6335 section 6): never from one that reflects."""
TCP_SOURCE_PORTS: Final = (1024, 65_536)

BACKSCATTER_ICMP: Final = (0, 3, 4, 5, 11, 12, 14, 16, 18)
BACKSCATTER_ICMPV6: Final = (1, 2, 3, 4, 129)

# Systems that senders run: initial time to live, window, position of the options.
_TTL: Final = np.array([64, 128, 128, 255])
_WINDOW: Final = np.array([5840, 65_535, 16_384, 8192])
_OPTIONS: Final = np.array([3, 2, 2, 1])
_HOPS: Final = (5, 25)


def dress(
    packets: Packets, shape: Shape, avoided: npt.NDArray[Any], draws: np.random.Generator, salt: int
) -> None:
    """Fill in whatever does not say who sends, where to, and when.

    Args:
        packets: Packets with families, sources, addresses; changed in place.
        shape: How they are to look.
        avoided: Ports that a key of any port leaves out, because they have rates of their own.
        draws: Where chance comes from.
        salt: Tells apart what one source does in several places.
    """
    count = len(packets)
    form = shape.key.form
    packets.form[:] = form
    packets.value[:] = values(shape.key, avoided, draws, count)
    packets.payload[:] = shape.payload.number
    packets.identification[:] = draws.integers(0, 1 << 16, count)
    packets.sequence[:] = draws.integers(0, 1 << 32, count)
    packets.class_[:] = class_of(shape, packets)
    source = mix(packets.source_low ^ mix(packets.source_high))
    system = (mix(source, 1) % np.uint64(len(_TTL))).astype(np.int64)
    hops = (mix(source, 2) % np.uint64(_HOPS[1] - _HOPS[0])).astype(np.int64) + _HOPS[0]
    packets.ttl[:] = _TTL[system] - hops
    if form in {Form.TCP, Form.UDP}:
        low, high = TCP_SOURCE_PORTS if form is Form.TCP else UDP_SOURCE_PORTS
        packets.source_port[:] = draws.integers(low, high, count)
        if shape.source_port is not None:
            fixed = unit(mix(source, salt + 3)) < shape.source_port_share
            packets.source_port[fixed] = shape.source_port
    elif form is Form.ICMP:
        packets.source_port[packets.value == 3] = 1  # noqa: PLR2004 - host unreachable (RFC 792)
    if form is Form.TCP:
        _tcp(packets, shape, system, draws)
        _tools(packets, shape, unit(mix(source, salt + 4)), hops)


def values(
    key: Key, avoided: npt.NDArray[Any], draws: np.random.Generator, count: int
) -> npt.NDArray[np.int64]:
    """Values of keys: the stated one, or any port but those avoided."""
    if not key.scattered:
        return np.full(count, key.low, np.int64)
    ports = np.setdiff1d(np.arange(key.low, key.high + 1), avoided)
    chosen: npt.NDArray[np.int64] = ports[draws.integers(0, len(ports), count)]
    return chosen


def class_of(shape: Shape, packets: Packets) -> npt.NDArray[np.uint8]:
    """Return the class that each packet is made to have, as docs and design define classes."""
    form = shape.key.form
    if shape.reply in {Reply.SYN_ACK, Reply.RST}:
        return np.full(len(packets), Class.BACKSCATTER, np.uint8)
    if shape.reply is Reply.REFLECTED:
        return np.full(len(packets), Class.REFLECTED, np.uint8)
    if form in {Form.IP, Form.FRAGMENT, Form.CUT}:
        return np.full(len(packets), Class.OTHER, np.uint8)
    answers = {Form.ICMP: BACKSCATTER_ICMP, Form.ICMPV6: BACKSCATTER_ICMPV6}.get(form, ())
    return np.where(np.isin(packets.value, answers), Class.BACKSCATTER, Class.PROBE).astype(np.uint8)


def _tcp(packets: Packets, shape: Shape, system: npt.NDArray[np.int64], draws: np.random.Generator) -> None:
    packets.flags[:] = {Reply.SYN_ACK: SYN_ACK, Reply.RST: RST_ACK}.get(shape.reply, SYN)
    if shape.reply is not Reply.NONE:
        packets.acknowledgement[:] = draws.integers(0, 1 << 32, len(packets))
    if shape.reply is not Reply.RST:
        packets.window[:] = _WINDOW[system]
        packets.options[:] = _OPTIONS[system]


def _tools(
    packets: Packets, shape: Shape, chance: npt.NDArray[np.float64], hops: npt.NDArray[np.int64]
) -> None:
    """Let each source use one tool or none, and make sure that none shows where none is used."""
    if shape.reply is not Reply.NONE or not len(packets) or int(packets.family[0]) != Family.IPV4:
        return
    floor = 0.0
    for tool, share in shape.tools.items():
        packets.tool[(chance >= floor) & (chance < floor + share)] = tool
        floor += share
    mark(packets, hops)


def mark(packets: Packets, hops: npt.NDArray[np.int64]) -> None:
    """Put its tool's marks on each SYN over IPv4, and none on a SYN without tool; changed in place."""
    address = packets.address_low.astype(np.uint32)
    zmap, masscan, mirai = (packets.tool == tool for tool in (Tool.ZMAP, Tool.MASSCAN, Tool.MIRAI))
    packets.options[packets.tool != Tool.NONE] = 0
    packets.ttl[zmap | masscan] = 255 - hops[zmap | masscan]
    packets.ttl[mirai] = 64 - hops[mirai]
    packets.window[zmap] = 65_535
    packets.window[masscan] = MASSCAN_WINDOW
    same = ~mirai & (packets.sequence == address)
    packets.sequence[same] ^= np.uint32(1)
    packets.sequence[mirai] = address[mirai]
    packets.identification[zmap] = ZMAP_IDENTIFICATION
    formula = masscan_identification(packets)
    packets.identification[masscan] = formula[masscan]
    # A chance in 65,536 each: two marks on one packet, or a mark without a tool.
    twice = masscan & (formula == ZMAP_IDENTIFICATION)
    packets.sequence[twice] ^= np.uint32(2)
    packets.identification[twice] ^= np.uint16(2)
    packets.sequence[zmap & (formula == ZMAP_IDENTIFICATION)] ^= np.uint32(2)
    formula = masscan_identification(packets)
    for _ in range(2):
        bare = ~zmap & ~masscan
        found = packets.identification
        stray = bare & ((found == ZMAP_IDENTIFICATION) | (found == formula))
        packets.identification[stray] += np.uint16(7)


def masscan_identification(packets: Packets) -> npt.NDArray[np.uint16]:
    """Identification that Masscan gives a SYN: address xor port xor sequence number, the low 16 bits."""
    mixed = packets.address_low.astype(np.uint32) ^ packets.value.astype(np.uint32) ^ packets.sequence
    return (mixed & np.uint32(0xFFFF)).astype(np.uint16)
