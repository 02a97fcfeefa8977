"""A card whose write cache goes with the power: what was flushed stays, the rest may, and one write is torn.

The file of the card always holds what the board reads back. For each write since the last flush it is
remembered what stood there before, so that a power cut can take back any of them.

Source: Linux, Documentation/block/writeback_cache_control.rst: what a device has acknowledged may be in a
cache that goes with the power; a flush brings out all that came before it, and FUA the write that has it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import random
    from pathlib import Path
    from types import TracebackType

SECTOR_BYTES = 512
"""What is written whole or not at all."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a power cut did to the writes since the last flush.

    Attributes:
        kept: Writes that reached the card all the same.
        lost: Writes of which nothing did.
        torn: Writes of which a part did; one at most.
    """

    kept: int = 0
    lost: int = 0
    torn: int = 0


@dataclass(frozen=True, slots=True)
class _Write:
    offset: int
    before: bytes
    data: bytes
    durable: bool


class WriteCache:
    """The card behind its cache."""

    def __init__(self, card: Path) -> None:
        """Open a card, as it is, with nothing in its cache.

        Raises:
            OSError: The file cannot be read and written.
        """
        self._card = os.open(card, os.O_RDWR | os.O_CLOEXEC)
        self._unflushed: list[_Write] = []
        self.size: int = os.fstat(self._card).st_size
        self.writes = 0
        """How many there were so far."""

    def __enter__(self) -> Self:
        """The cache itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the card as it is."""
        os.close(self._card)

    def read(self, offset: int, length: int) -> bytes:
        """What the board has written there last."""
        return os.pread(self._card, length, offset)

    def write(self, offset: int, data: bytes, *, durable: bool = False) -> None:
        """Take whole sectors into the cache.

        Args:
            offset: Where, in bytes.
            data: What.
            durable: As if only this write were flushed at once (FUA).

        Raises:
            ValueError: It is not of whole sectors, or not on the card.
        """
        if offset % SECTOR_BYTES or len(data) % SECTOR_BYTES or not 0 <= offset <= self.size - len(data):
            raise ValueError(f"{len(data)} bytes at {offset} are no sectors of a card of {self.size} bytes")
        self._unflushed.append(_Write(offset, self.read(offset, len(data)), data, durable))
        self._put(offset, data)
        self.writes += 1

    def flush(self) -> None:
        """Have everything so far stay, whatever comes."""
        self._unflushed.clear()

    def cut(self, chance: random.Random) -> Loss:
        """Cut the power: a random part of what was not flushed reaches the card, one write perhaps torn."""
        writes, self._unflushed = self._unflushed, []
        for write in reversed(writes):
            self._put(write.offset, write.before)
        share = chance.random()
        kept = [write.durable or chance.random() < share for write in writes]
        tearable = [
            number
            for number, write in enumerate(writes)
            if not write.durable and len(write.data) > SECTOR_BYTES
        ]
        torn = chance.choice([None, *tearable])
        for number, write in enumerate(writes):
            if number == torn:
                self._tear(write, chance)
            elif kept[number]:
                self._put(write.offset, write.data)
        whole = sum(keeps for number, keeps in enumerate(kept) if number != torn)
        return Loss(whole, len(writes) - whole - (torn is not None), int(torn is not None))

    def _tear(self, write: _Write, chance: random.Random) -> None:
        """The head or the tail of a write reaches the card."""
        at = chance.randrange(SECTOR_BYTES, len(write.data), SECTOR_BYTES)
        if chance.random() < 0.5:
            self._put(write.offset, write.data[:at])
        else:
            self._put(write.offset + at, write.data[at:])

    def _put(self, offset: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._card, view, offset)
            view, offset = view[written:], offset + written
