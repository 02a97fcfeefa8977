"""Writes captures: pcap with microseconds, little-endian (draft-ietf-opsawg-pcap)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from teiten_scenario import frames

if TYPE_CHECKING:
    import numpy.typing as npt

    from teiten_scenario.packets import Packets

MAGIC: Final = 0xA1B2C3D4
ETHERNET: Final = 1
SNAP_LENGTH: Final = 262_144
RECORD_HEADER: Final = 16
CHUNK: Final = 1 << 16
"""Packets written at once: what bounds the memory of writing."""


def write_header(stream: BinaryIO) -> None:
    """Write the header of a capture file."""
    stream.write(struct.pack("<IHHiIII", MAGIC, 2, 4, 0, 0, SNAP_LENGTH, ETHERNET))


def write_packets(stream: BinaryIO, packets: Packets) -> None:
    """Write packets, which are in order of time, as records."""
    for start in range(0, len(packets), CHUNK):
        chunk = packets.take(np.arange(start, min(start + CHUNK, len(packets))))
        stream.write(records(chunk).data)


def records(packets: Packets) -> npt.NDArray[np.uint8]:
    """The records of packets, one after another."""
    lengths = np.zeros(len(packets), np.int64)
    built = list(frames.build(packets))
    for positions, group in built:
        lengths[positions] = group.shape[1]
    starts = np.cumsum(lengths + RECORD_HEADER) - (lengths + RECORD_HEADER)
    octets = np.zeros(int((lengths + RECORD_HEADER).sum()), np.uint8)
    for positions, group in built:
        record = np.empty((len(positions), RECORD_HEADER + group.shape[1]), np.uint8)
        record[:, :RECORD_HEADER] = record_headers(packets.time_us[positions], group.shape[1])
        record[:, RECORD_HEADER:] = group
        octets[starts[positions][:, None] + np.arange(record.shape[1])] = record
    return octets


def record_headers(time_us: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.uint8]:
    """Headers of records of one length, captured whole."""
    header = np.empty((len(time_us), 4), "<u4")
    header[:, 0] = time_us // 1_000_000
    header[:, 1] = time_us % 1_000_000
    header[:, 2:] = length
    return header.view(np.uint8)
