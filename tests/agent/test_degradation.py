"""What a flood takes from a sensor's batches, and what it does not."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from teiten_agent import _core
from teiten_agent.observe import CountingSettings, batch_of, gather, observe
from teiten_protocol import Batch, BatchKey, Step, decode, encode

if TYPE_CHECKING:
    from pathlib import Path

PACKETS = 12_000
START = 1_249_052_400


def _flood(path: Path) -> Path:
    """SYNs to one port from as many sources as packets, a hundred a millisecond."""
    records = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 101)]
    for number in range(PACKETS):
        packet = struct.pack(">BBHHHBBH", 0x45, 0, 40, 1, 0, 64, 6, 0)
        packet += struct.pack(
            ">IIHHIIBBHHH", number * 2654435761 % 2**32, 0xCB007109, number, 445, 7, 0, 0x50, 2, 9, 0, 0
        )
        nanoseconds = number * 10_000
        records.append(struct.pack("<IIII", START, nanoseconds, 40, 40) + packet)
    path.write_bytes(b"".join(records))
    return path


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> list[Batch]:
    capture = _core.Capture(str(_flood(tmp_path_factory.mktemp("flood") / "flood.pcap")))
    settings = CountingSettings(max_rows=500)
    observer = settings.observer()
    intervals = [interval for interval in observe(observer, capture) if interval]
    last = observer.finish()
    intervals += [last] if last else []
    return [
        batch_of(BatchKey("tokyo-01", 1, sequence), settings.digest(), group)
        for sequence, group in enumerate(gather(intervals))
    ]


def _packets(batch: Batch) -> int:
    columns = (batch.ipv4, batch.ipv6, batch.merged_ipv4, batch.merged_ipv6)
    return sum(sum(struct.unpack(f"<{one.rows}Q", one.packets)) for one in columns)


def test_no_packet_is_lost_through_the_steps(batches: list[Batch]) -> None:
    assert sum(_packets(batch) for batch in batches) == PACKETS
    assert sum(batch.counters["counted"] for batch in batches) == PACKETS


def test_the_batch_says_which_step_held_when(batches: list[Batch]) -> None:
    steps = [held for batch in batches for held in batch.steps]
    assert [held.step for held in steps] == list(Step)
    assert steps[0].start_ns == START * 1_000_000_000
    for before, after in pairwise(steps):
        assert before.end_ns == after.start_ns
    assert steps[-1].end_ns == batches[-1].spans[-1].end_ns


def test_sources_are_merged_and_sketched_only_at_the_last_step(batches: list[Batch]) -> None:
    assert sum(batch.ipv4.rows for batch in batches) == 5_000
    assert sum(batch.merged_ipv4.rows for batch in batches) == 1
    sketches = [batch.sketches for batch in batches if batch.sketches.rows]
    assert [sketch.rows for sketch in sketches] == [1]
    assert (sketches[0].family, sketches[0].form, sketches[0].value) == (b"\x04", b"\x01", b"\xbd\x01")
    assert any(sketches[0].registers)


def test_such_batches_are_written_and_read(batches: list[Batch]) -> None:
    for batch in batches:
        assert decode(encode(batch)) == batch
