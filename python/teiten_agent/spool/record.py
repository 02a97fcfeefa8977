"""What the spool knows about an epoch beyond the batches that lie in it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Self

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Sequences:
    """Sequence numbers as sorted, disjoint, half-open ranges: acknowledgements mostly come in order."""

    ranges: tuple[tuple[int, int], ...] = ()

    def __contains__(self, number: int) -> bool:
        """Whether the number is in one of the ranges."""
        return any(start <= number < end for start, end in self.ranges)

    def __len__(self) -> int:
        """How many numbers there are."""
        return sum(end - start for start, end in self.ranges)

    def having(self, number: int) -> Self:
        """The set with one number more."""
        if number in self:
            return self
        start, end = number, number + 1
        others = []
        for low, high in self.ranges:
            if high == start:
                start = low
            elif low == end:
                end = high
            else:
                others.append((low, high))
        return type(self)(tuple(sorted([*others, (start, end)])))


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """What is known about one epoch.

    Attributes:
        sensor: The sensor's id.
        settings_sha256: SHA-256 of the settings that shape its batches, as hexadecimal digits.
        settings: The settings themselves, so that a difference can be named; empty where unknown.
        batches: How many batches there are, once all are written; None before.
        faults: What was wrong with the captures it was counted from, one sentence each, for a repeated replay
            to say.
        acknowledged: The sequence numbers that the collector acknowledged.
        acknowledged_at: When the last acknowledgement came, ISO 8601 in UTC; empty if none did.
    """

    sensor: str
    settings_sha256: str
    settings: dict[str, object]
    batches: int | None = None
    faults: tuple[str, ...] = ()
    acknowledged: Sequences = Sequences()
    acknowledged_at: str = ""

    def with_acknowledged(self, sequence: int, at: str) -> Self:
        """The record after one more acknowledgement."""
        return replace(self, acknowledged=self.acknowledged.having(sequence), acknowledged_at=at)

    def to_bytes(self) -> bytes:
        """The file's content."""
        document = {
            "version": _VERSION,
            "sensor": self.sensor,
            "settings_sha256": self.settings_sha256,
            "settings": self.settings,
            "batches": self.batches,
            "faults": self.faults,
            "acknowledged": self.acknowledged.ranges,
            "acknowledged_at": self.acknowledged_at,
        }
        return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read a file's content.

        Raises:
            ValueError: It is no record of this version.
        """
        document = json.loads(content)
        try:
            return cls._from_document(document)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no record of an epoch ({error!r})") from error

    @classmethod
    def _from_document(cls, document: Any) -> Self:  # noqa: ANN401  # whatever JSON holds
        if document["version"] != _VERSION:
            raise ValueError(f"a record of version {document['version']}")
        batches = document["batches"]
        ranges = tuple((int(start), int(end)) for start, end in document["acknowledged"])
        return cls(
            sensor=str(document["sensor"]),
            settings_sha256=str(document["settings_sha256"]),
            settings=dict(document["settings"]),
            batches=None if batches is None else int(batches),
            faults=tuple(str(fault) for fault in document["faults"]),
            acknowledged=Sequences(ranges),
            acknowledged_at=str(document["acknowledged_at"]),
        )
