"""What a spool knows of its epochs: their records, read once each, and written durably."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from teiten_agent.errors import ConfigurationError, InputError, InternalError
from teiten_agent.spool import durable, layout
from teiten_agent.spool.record import EpochRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from teiten_agent.spool.entry import Entry, StoredBatch

LIVE: dict[str, object] = {"source": "live"}
"""Marks an epoch of live capture among the settings of its record: its batches cannot be made again, and may
grow too old or too many."""


class Epochs:
    """The records of one spool, for whoever holds it."""

    def __init__(self, directory: Path, notice: Callable[[str], None]) -> None:
        """Name the spool's folder, and who takes a sentence about a damaged record."""
        self._directory = directory
        self._notice = notice
        self._records: dict[int, EpochRecord] = {}

    def record(self, epoch: int) -> EpochRecord | None:
        """What is known of an epoch; a damaged record is set aside, and nothing is known then.

        Raises:
            InputError: It cannot be read.
            CannotWriteError: It is damaged, and cannot be set aside.
        """
        if epoch in self._records:
            return self._records[epoch]
        path = layout.record_path(self._directory, epoch)
        try:
            record = EpochRecord.from_bytes(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:
            durable.move(path, path.with_name(path.name + layout.DAMAGED_SUFFIX))
            self._notice(
                f"{path}: damaged ({error}); set aside. Its batches may be sent once more, which does no harm"
            )
            return None
        self._records[epoch] = record
        return record

    def begin(
        self, epoch: int, sensor: str, settings: dict[str, object], settings_sha256: bytes
    ) -> EpochRecord:
        """See `Spool.begin`."""
        record = self.record(epoch)
        if record is None:
            record = EpochRecord(sensor, settings_sha256.hex(), settings)
            self._note(epoch, record)
        elif record.settings_sha256 != settings_sha256.hex():
            raise ConfigurationError(
                f"{self._directory}: the same captures under the same span were replayed before with"
                f" other settings ({_difference(record.settings, settings)}): both would be batches"
                f" of epoch {epoch:016x}",
                "replay with the settings of the first time; what was counted then stands",
            )
        elif not record.settings:
            record = replace(record, settings=settings)
            self._note(epoch, record)
        return record

    def complete(self, epoch: int, batches: int, faults: Iterable[str]) -> None:
        """See `Spool.complete`."""
        record = self.record(epoch)
        if record is None:
            raise InternalError(f"epoch {epoch:016x} is completed without having been begun")
        self._note(epoch, replace(record, batches=batches, faults=tuple(faults)))

    def acknowledge(self, epoch: int, batches: Iterable[StoredBatch], now: str) -> None:
        """Note durably which batches of an epoch the collector holds since when (ISO 8601).

        Raises:
            CannotWriteError: The record cannot be written.
        """
        record = self.record(epoch)
        for batch in batches:
            record = record or EpochRecord(batch.key.sensor, batch.settings.hex(), {})
            record = record.with_acknowledged(batch.key.sequence, now)
        if record is not None:
            durable.put(layout.record_path(self._directory, epoch), record.to_bytes())
            self._records[epoch] = record

    def has_acknowledged(self, entry: Entry) -> bool:
        """Whether the collector holds this batch."""
        record = self.record(entry.epoch)
        return record is not None and entry.sequence in record.acknowledged

    def is_live(self, epoch: int) -> bool:
        """Whether it is one of live capture; one whose record cannot be read is taken for none."""
        try:
            record = self.record(epoch)
        except InputError:
            return False
        return record is not None and record.settings.get("source") == LIVE["source"]

    def _note(self, epoch: int, record: EpochRecord) -> None:
        durable.write(layout.record_path(self._directory, epoch), record.to_bytes())
        self._records[epoch] = record


def _difference(before: dict[str, object], now: dict[str, object]) -> str:
    """Name the settings that differ."""
    names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    if not before or not names:
        return "their digests differ"
    return "; ".join(f"{name} was {before.get(name)}, is {now.get(name)}" for name in names)
