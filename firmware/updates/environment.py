"""GRUB's environment block: which slot is booted, in the one sector that says so.

The partition `env` is a FAT file system with one file, made with the image. GRUB finds the block through it
and writes it in place; so does this module, straight through the device. Nothing else of it is ever written,
so there is nothing that a power cut could leave half done: all of the choice stands in one sector.

Source: GRUB 2.06, grub-core/lib/envblk.c: 1,024 bytes, a line that marks it, lines `name=value`, then `#`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

DEVICE = Path("/dev/disk/by-partlabel/env")
SLOTS = ("a", "b")
ATTEMPTS = 3
"""Boots of a slot that may end before `confirmed`; then GRUB takes the other one."""

_MARK = b"# GRUB Environment Block\n"
_BLOCK_BYTES = 1_024
_SECTOR_BYTES = 512
_LINE = re.compile(rb"^([A-Za-z_]+)=(.*)$", re.MULTILINE)


class EnvironmentDamagedError(ValueError):
    """There is no environment block where one must be."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What GRUB goes by.

    Attributes:
        order: The slots in the order in which they are tried.
        usable: Those that may be tried at all.
        attempts: Boots of each slot since it was last confirmed.
        trial: The slot that was installed last and has not proven itself; empty for none.
    """

    order: tuple[str, ...] = SLOTS
    usable: frozenset[str] = frozenset("a")
    attempts: tuple[int, int] = (0, 0)
    trial: str = ""

    @property
    def primary(self) -> str:
        """The slot that is tried next; the first one where none has an attempt left, as GRUB does."""
        usable = [slot for slot in self.order if slot in self.usable]
        left = [slot for slot in usable if self.attempts[SLOTS.index(slot)] < ATTEMPTS]
        return (left or usable or list(self.order))[0]

    def prefer(self, slot: str) -> Self:
        """Try a slot first, with every attempt, as one that has to prove itself."""
        order = (slot, *(other for other in self.order if other != slot))
        return replace(self._fresh(slot), order=order, usable=self.usable | {slot}, trial=slot)

    def confirm(self, slot: str) -> Self:
        """A slot has come up: it keeps its place, and is on trial no more."""
        trial = "" if self.trial == slot else self.trial
        return replace(self._fresh(slot), usable=self.usable | {slot}, trial=trial)

    def reject(self, slot: str) -> Self:
        """Never try a slot again, until it is installed anew."""
        trial = "" if self.trial == slot else self.trial
        return replace(self, usable=self.usable - {slot}, trial=trial)

    def _fresh(self, slot: str) -> Self:
        first, second = self.attempts
        return replace(self, attempts=(0, second) if slot == SLOTS[0] else (first, 0))


def read(device: Path = DEVICE) -> Choice:
    """What the block says.

    Raises:
        EnvironmentDamagedError: There is none.
        OSError: The device cannot be read.
    """
    content = device.read_bytes()
    at = _find(content)
    said = dict(_LINE.findall(content[at : at + _BLOCK_BYTES]))
    order = tuple(
        slot for slot in said.get(b"ORDER", b"a b").decode("ascii", "replace").split() if slot in SLOTS
    )
    return Choice(
        order=(*order, *(slot for slot in SLOTS if slot not in order)),
        usable=frozenset(
            slot
            for slot, default in zip(SLOTS, (b"1", b"0"), strict=True)
            if said.get(f"{slot}_OK".encode(), default) == b"1"
        ),
        attempts=(_attempts(said.get(b"a_TRY", b"0")), _attempts(said.get(b"b_TRY", b"0"))),
        trial=next((slot for slot in SLOTS if said.get(b"TRIAL") == slot.encode()), ""),
    )


def write(choice: Choice, device: Path = DEVICE) -> None:
    """Put a choice in the block's place; nothing is written if it stands there already.

    Raises:
        EnvironmentDamagedError, OSError: As `read`.
    """
    with device.open("r+b", buffering=0) as stream:
        content = stream.read()
        at = _find(content)
        block = _block(choice)
        if content[at : at + _BLOCK_BYTES] == block:
            return
        stream.seek(at)
        stream.write(block)
        os.fsync(stream.fileno())


def _find(content: bytes) -> int:
    for at in range(0, len(content) - _BLOCK_BYTES + 1, _SECTOR_BYTES):
        if content.startswith(_MARK, at):
            return at
    raise EnvironmentDamagedError("the partition env holds no environment block of GRUB: write the card anew")


def _block(choice: Choice) -> bytes:
    lines = [f"ORDER={' '.join(choice.order)}", f"TRIAL={choice.trial}"]
    for slot, attempts in zip(SLOTS, choice.attempts, strict=True):
        lines += [f"{slot}_OK={int(slot in choice.usable)}", f"{slot}_TRY={attempts}"]
    return (_MARK + "".join(f"{line}\n" for line in lines).encode("ascii")).ljust(_BLOCK_BYTES, b"#")


def _attempts(value: bytes) -> int:
    return min(int(value), ATTEMPTS) if value.isdigit() else 0
