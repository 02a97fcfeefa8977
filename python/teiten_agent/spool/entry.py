"""A batch as the spool holds it: its name, its content, and what the collector says about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

    from teiten_protocol import BatchKey

BATCH_SUFFIX = ".batch"
_NAME = re.compile(r"([0-9a-f]{16})-([0-9a-f]{8})\.batch")


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """The name of a batch within a spool; entries sort in the order in which they are sent."""

    epoch: int
    sequence: int

    @property
    def name(self) -> str:
        """The file's name: epoch and sequence as 16 and 8 hexadecimal digits."""
        return f"{self.epoch:016x}-{self.sequence:08x}{BATCH_SUFFIX}"

    @property
    def reason_name(self) -> str:
        """The name of the file that tells why the collector refused it."""
        return f"{self.epoch:016x}-{self.sequence:08x}.reason"

    @classmethod
    def from_path(cls, path: Path) -> Self | None:
        """Read a file's name; None if it is no batch's."""
        return cls.from_name(path.name)

    @classmethod
    def from_name(cls, name: str) -> Self | None:
        """As `from_path`, from the name alone."""
        match = _NAME.fullmatch(name)
        return None if match is None else cls(int(match[1], 16), int(match[2], 16))


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch read from the spool and found whole.

    Attributes:
        key: The natural key that its body states; it agrees with the file's name.
        settings: SHA-256 of the settings of its epoch.
        compressed: The file's bytes, as they go over HTTP.
        sha256: SHA-256 of the uncompressed body, in lower-case hexadecimal digits.
    """

    key: BatchKey
    settings: bytes
    compressed: bytes
    sha256: str

    @property
    def entry(self) -> Entry:
        """Its name in the spool."""
        return Entry(self.key.epoch, self.key.sequence)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What the collector says it holds durably."""

    sensor: str
    epoch: int
    sequence: int
    sha256: str
    repeat: bool

    def names(self, batch: StoredBatch) -> bool:
        """Whether it speaks of this batch: same key, same content."""
        return (self.sensor, self.epoch, self.sequence, self.sha256) == (
            batch.key.sensor,
            batch.key.epoch,
            batch.key.sequence,
            batch.sha256,
        )
