"""The benchmarks' capture: a flood of SYNs from very many sources, written in chunks of bounded memory.

Frames are 60 bytes. Packet `i` comes from source `i` modulo the number of sources, beginning elsewhere in
every round, so that each source sends equally often. A source keeps one source port; destination addresses
are drawn evenly and ports by Zipf's law. No packet carries a tool's mark.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from teiten_protocol.keys import Form
from teiten_scenario.appearance import SYN, mark
from teiten_scenario.errors import OutputError
from teiten_scenario.frames import ip_lengths
from teiten_scenario.mixing import generator, mix
from teiten_scenario.packets import Packets
from teiten_scenario.writer import CHUNK, write_header, write_packets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

START_US: Final = 1_249_052_400_000_000
"""2009-08-01 00:00 in Tokyo."""

FIRST_ADDRESS: Final = 0xC6336400
"""198.51.100.0 (RFC 5737)."""

_PORTS: Final = 4096
_ZIPF_EXPONENT: Final = 1.2
_FAVOURITES: Final = (445, 23, 22, 135, 1433, 3389, 80, 8080, 2967, 443, 5900, 4899, 2323, 1521, 25, 21)
_UNICAST: Final = (1 << 24, 224 << 24)
_ODD: Final = 0x9E3779B1  # odd, so that multiplying by it modulo a power of two is one-to-one


@dataclass(frozen=True, slots=True)
class Flood:
    """What to write.

    Attributes:
        packets: Number of packets, at least 1.
        sources: Number of different sources, at least 1.
        addresses: Number of monitored addresses, 1 to 256, from 198.51.100.0 on.
        packets_per_second: How fast they come on the capture's clock.
        seed: What chance is drawn from.
    """

    packets: int
    sources: int
    addresses: int = 256
    packets_per_second: int = 1_000_000
    seed: int = 0


def write_flood(flood: Flood, path: Path, progress: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
    """Write the capture.

    Returns:
        The counts that must come out: packets, bytes, sources, keys.

    Raises:
        OutputError: The file cannot be written.
    """
    ports, shares = _ports(flood.seed)
    keys: Counter[int] = Counter()
    octets = 0
    try:
        with path.open("wb") as stream:
            write_header(stream)
            for start in range(0, flood.packets, CHUNK):
                count = min(CHUNK, flood.packets - start)
                chunk = _chunk(flood, start, count, ports, shares)
                write_packets(stream, chunk)
                found, counts = np.unique(chunk.value, return_counts=True)
                keys.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))
                octets += int(chunk.ip_length.sum(dtype=np.int64))
                progress(start + count)
    except OSError as error:
        raise OutputError(f"{path}: cannot write ({error.strerror})") from error
    return {
        "packets": flood.packets,
        "bytes": octets,
        "sources": min(flood.sources, flood.packets),
        "keys": {f"{port}/TCP": count for port, count in keys.most_common()},
    }


def _chunk(
    flood: Flood,
    start: int,
    count: int,
    ports: npt.NDArray[np.int64],
    shares: npt.NDArray[np.float64],
) -> Packets:
    draws = generator(flood.seed, "flood", str(start))
    position = np.arange(start, start + count)
    packets = Packets.blank(count)
    packets.time_us[:] = START_US + position * 1_000_000 // flood.packets_per_second
    source = _sources(flood, position)
    packets.source_low[:] = source
    packets.address_low[:] = FIRST_ADDRESS + draws.integers(0, flood.addresses, count)
    packets.form[:] = Form.TCP
    packets.flags[:] = SYN
    packets.value[:] = ports[np.searchsorted(shares, draws.random(count), side="right")]
    mixed = mix(source, 1)
    packets.source_port[:] = 1024 + (mixed % np.uint64(64_512))
    packets.sequence[:] = draws.integers(0, 1 << 32, count)
    packets.identification[:] = draws.integers(0, 1 << 16, count)
    packets.window[:] = 8192
    packets.options[:] = 1
    hops = 5 + ((mixed >> np.uint64(32)) % np.uint64(20)).astype(np.int64)
    packets.ttl[:] = 128 - hops
    mark(packets, hops)
    packets.ip_length[:] = ip_lengths(packets)
    return packets


def _sources(flood: Flood, position: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Different unicast addresses for different sources, spread over the whole of IPv4."""
    turn, within = np.divmod(position, flood.sources)
    number = (within + (mix(turn, 2) % np.uint64(flood.sources)).astype(np.int64)) % flood.sources
    room = _UNICAST[1] - _UNICAST[0]
    step = _coprime(room)
    spread: npt.NDArray[np.uint64] = (_UNICAST[0] + number * step % room).astype(np.uint64)
    return spread


def _coprime(room: int) -> int:
    """A step through `room` addresses that visits each once: an odd number that shares no factor with it."""
    step = _ODD % room
    while np.gcd(step, room) != 1:
        step += 2
    return step


def _ports(seed: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Ports in order of rank, and the sums of their shares."""
    others = np.setdiff1d(np.arange(1, 1 << 16), np.array(_FAVOURITES))
    drawn = generator(seed, "flood", "ports").permutation(others)[: _PORTS - len(_FAVOURITES)]
    weights = np.arange(1, _PORTS + 1) ** -_ZIPF_EXPONENT
    sums = np.cumsum(weights / weights.sum())
    sums[-1] = 1.0
    return np.concatenate([np.array(_FAVOURITES), drawn]), sums
