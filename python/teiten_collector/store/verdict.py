"""What the store says to a batch: new, an exact repeat, or a conflict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from teiten_protocol import BatchKey


class ConflictReason(StrEnum):
    """Why a batch can never be admitted under its key."""

    CONTENT = "content"
    """Its key is taken by a batch with other content."""
    SETTINGS = "settings"
    """Its epoch was begun under other settings."""


@dataclass(frozen=True, slots=True)
class New:
    """The batch is durable and was not known before: it counts once, and may be acknowledged."""

    key: BatchKey


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same key with the same content is durable already: to be acknowledged, and not counted again."""

    key: BatchKey


@dataclass(frozen=True, slots=True)
class Conflict:
    """The batch contradicts what is already durable: to be refused, and never acknowledged."""

    key: BatchKey
    reason: ConflictReason

    @property
    def text(self) -> str:
        """The reason as a sentence for the sender, without a full stop."""
        where = f"sensor {self.key.sensor}, epoch {self.key.epoch}"
        match self.reason:
            case ConflictReason.CONTENT:
                return f"{where}, sequence {self.key.sequence} is known with other content"
            case ConflictReason.SETTINGS:
                return f"{where} was begun under other settings: a change of settings needs a new epoch"


Verdict = New | Repeat | Conflict
