"""Batches as a sensor makes them, for tests of the spool and the uplink."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from teiten_agent.spool import LIVE, Spool
from teiten_protocol import Batch, BatchKey, DetectionColumns, Family, Span, TupleColumns

if TYPE_CHECKING:
    from pathlib import Path

    from teiten_agent.spool.clock import Clocks

SENSOR = "tokyo-01"
SETTINGS: dict[str, object] = {"interval_seconds": 60}
LIVE_SETTINGS: dict[str, object] = {**SETTINGS, **LIVE}
DIGEST = b"\x07" * 32
EPOCH = 0x0123456789ABCDEF


def batch(sequence: int = 0, *, counted: int = 1, epoch: int = EPOCH, padding: int = 0) -> Batch:
    """A batch without rows; `padding` counters make it larger."""
    return Batch(
        key=BatchKey(SENSOR, epoch, sequence),
        settings=DIGEST,
        spans=(Span(sequence, sequence + 1),),
        counters={
            "counted": counted,
            **{f"malformed.r{number}": hash((number, 7)) % (1 << 62) for number in range(padding)},
        },
        ipv4=TupleColumns.empty(Family.IPV4),
        ipv6=TupleColumns.empty(Family.IPV6),
        detections=DetectionColumns.empty(),
    )


@dataclass(slots=True)
class Spooling:
    """A spool of tests in a folder, and what it said."""

    directory: Path
    said: list[str] = field(default_factory=list)

    def open(self, max_megabytes: int = 10, clocks: Clocks | None = None) -> Spool:
        """The spool, to be entered."""
        return Spool(self.directory, max_megabytes, self.said.append, clocks=clocks)

    def fill(self, *sequences: int, epoch: int = EPOCH) -> None:
        """Store batches and complete their epoch."""
        with self.open() as spool:
            spool.begin(epoch, SENSOR, SETTINGS, DIGEST)
            for sequence in sequences:
                spool.store(batch(sequence, epoch=epoch))
            spool.complete(epoch, len(sequences))
