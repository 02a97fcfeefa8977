"""What this sensor counted and will never deliver, until a batch has carried the numbers to the collector.

One file of two slots of `SLOT_BYTES`, written in turn and in place: it is made whole when the spool is made,
so that it can be written when the disk is full, and a torn write leaves the slot before it. A slot is a
CRC-32 and a JSON document with a generation; the later whole one counts.

A loss is noted before its file goes (`leaving`), and the batch that is to report it is noted before it is
written (`carried`), so that a crash between two steps neither forgets a loss nor tells it twice.
"""

from __future__ import annotations

import json
import os
import zlib
from collections import Counter
from enum import Enum
from typing import TYPE_CHECKING, Any

from teiten_agent.spool import durable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SLOT_BYTES = 4_096
"""A page of most media, and several times what every reason together needs."""

PREFIX = "lost."
"""How the counters' names begin in a batch: `lost.REASON_batches` and `lost.REASON_packets`; the packets are
all that the lost batch had met."""

KERNEL_DROPPED = "kernel_dropped"
"""A counter that must outlive the batch that carried it: these packets are in no other."""

_FILL = b" "


class Reason(Enum):
    """Why a batch was lost."""

    FULL = "full"
    """The spool was full, and it was the oldest."""
    REFUSED = "refused"
    """The collector had refused it, and the room that it took was wanted."""
    AGE = "age"
    """It waited longer than `spool.max_age_days`."""
    DAMAGED = "damaged"
    """Its file was no whole batch any more; its packets are not known."""
    TORN = "torn"
    """Power failed while it was being written; its packets are not known."""
    UNWRITABLE = "unwritable"
    """The disk took no more, or nothing at all."""


class Losses:
    """The numbers, in memory and on disk. Not for several threads: the spool's own lock guards it."""

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is read before `load`."""
        self._path = path
        self._generation = 0
        self.since_start: Counter[str] = Counter()
        """By counter's name: everything since this process began, told or not."""
        self.pending: Counter[str] = Counter()
        """By counter's name: not yet in any batch."""
        self.carried: Counter[str] = Counter()
        """In the batch named by `carrier`, which may not be on disk yet."""
        self.carrier = ""
        self.leaving = ""
        """The file whose loss is noted, and which may still be there."""

    def load(self) -> None:
        """Read the later whole slot; without one, begin at zero and make the file.

        Raises:
            OSError: The file can be neither read nor made.
        """
        document = read(self._path)
        if document is None:
            durable.write(self._path, _FILL * (2 * SLOT_BYTES))
            document = {}
        self._generation = int(document.get("generation", 0))
        self.pending = Counter(document.get("pending", {}))
        self.carried = Counter(document.get("carried", {}))
        self.carrier = str(document.get("carrier", ""))
        self.leaving = str(document.get("leaving", ""))

    def add(self, reason: Reason, batches: int = 1, packets: int = 0) -> None:
        """Count batches as lost, in memory; `save` makes it last."""
        for counted in (self.pending, self.since_start):
            counted[f"{PREFIX}{reason.value}_batches"] += batches
            if packets:
                counted[f"{PREFIX}{reason.value}_packets"] += packets

    def give_back(self, counters: Mapping[str, int]) -> None:
        """Take up again what a batch carried that is itself lost."""
        self.pending.update(
            {
                name: count
                for name, count in counters.items()
                if name.startswith(PREFIX) or name == KERNEL_DROPPED
            }
        )

    def load_onto(self, carrier: str) -> dict[str, int]:
        """Let a batch carry everything that is pending; return its counters."""
        self.carried, self.pending, self.carrier = self.pending, Counter(), carrier
        return {name: count for name, count in self.carried.items() if count}

    def unload(self) -> None:
        """The batch that was to carry them does not: they are pending again."""
        self.pending.update(self.carried)
        self.carried, self.carrier = Counter(), ""

    def save(self) -> bool:
        """Write the other slot and sync; whether that went well. What is in memory stays either way."""
        generation = self._generation + 1
        document = {
            "generation": generation,
            "pending": self.pending,
            "carried": self.carried,
            "carrier": self.carrier,
            "leaving": self.leaving,
        }
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.pwrite(descriptor, _slot(document), generation % 2 * SLOT_BYTES)
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
        except OSError:
            return False
        self._generation = generation
        return True


def read(path: Path) -> dict[str, Any] | None:
    """The later whole slot; None where there is none.

    Raises:
        OSError: The file is there and cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    slots = [_document(content[at : at + SLOT_BYTES]) for at in (0, SLOT_BYTES)]
    return max(
        (slot for slot in slots if slot is not None), key=lambda slot: slot["generation"], default=None
    )


def unreported(path: Path) -> dict[str, int]:
    """What no batch has carried yet, by counter's name; empty where the file is absent or damaged.

    Raises:
        OSError: The file is there and cannot be read.
    """
    document = read(path)
    return {} if document is None else {name: count for name, count in document["pending"].items() if count}


def _slot(document: dict[str, object]) -> bytes:
    text = json.dumps(document, sort_keys=True, separators=(",", ":")).encode().ljust(SLOT_BYTES - 9, _FILL)
    return f"{zlib.crc32(text):08x}\n".encode() + text


def _document(slot: bytes) -> dict[str, Any] | None:
    try:
        check, _, text = slot.partition(b"\n")
        if len(slot) != SLOT_BYTES or int(check, 16) != zlib.crc32(text):
            return None
        document = json.loads(text)
        valid = type(document["generation"]) is int and all(
            type(count) is int for name in ("pending", "carried") for count in document[name].values()
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return document if valid else None
