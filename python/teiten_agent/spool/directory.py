"""The spool on disk; its design stands in the header of `teiten_agent.spool`."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Self

from teiten_agent.errors import (
    CannotWriteError,
    ConfigurationError,
    InputError,
    InternalError,
    UnreachableError,
)
from teiten_agent.spool import durable
from teiten_agent.spool.entry import BATCH_SUFFIX, Acknowledgement, Entry, StoredBatch
from teiten_agent.spool.record import EpochRecord
from teiten_protocol import MAX_COMPRESSED_BYTES, BatchError, compress, decode, digest, encode, expand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from teiten_protocol import Batch

MEGABYTE = 1_000_000
_LOCK, _EPOCHS, _REFUSED = "lock", "epochs", "refused"
_DAMAGED_SUFFIX = ".damaged"


class SpoolFullError(CannotWriteError):
    """A batch would take the spool over its limit; nothing was written."""


class Stored(Enum):
    """What `Spool.store` found to do."""

    WRITTEN = "written"
    PRESENT = "present"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Status:
    """What a spool holds.

    Attributes:
        waiting: Batches to be sent.
        waiting_bytes: Their size.
        refused: Batches that the collector refused.
        damaged: Files set aside because they were no whole batch or record.
        used_bytes: All that counts against the limit.
        limit_bytes: The limit.
        epochs: Epochs on record.
        incomplete_epochs: Epochs whose batches were not all written: a replay to be run again.
        acknowledged: Batches that the collector acknowledged, over all epochs on record.
        acknowledged_at: When the last acknowledgement came, ISO 8601 in UTC; empty if none did.
    """

    waiting: int
    waiting_bytes: int
    refused: int
    damaged: int
    used_bytes: int
    limit_bytes: int
    epochs: int
    incomplete_epochs: int
    acknowledged: int
    acknowledged_at: str


class Spool:
    """The batches of one sensor on disk, for the one process that holds its lock."""

    def __init__(self, directory: Path, max_megabytes: int, notice: Callable[[str], None]) -> None:
        """Name the folder; nothing happens before the spool is entered.

        Args:
            directory: The spool's folder, created on entering.
            max_megabytes: The limit in units of 1,000,000 bytes.
            notice: Takes a sentence for the operator, for example about a damaged file.
        """
        self._directory = directory
        self._limit = max_megabytes * MEGABYTE
        self._notice = notice
        self._lock: int | None = None
        self._used = 0
        self._records: dict[int, EpochRecord] = {}

    def __enter__(self) -> Self:
        """Take the lock and recover.

        Raises:
            CannotWriteError: The folder cannot be written, or another process uses it.
        """
        for folder in (self._directory, self._directory / _EPOCHS, self._directory / _REFUSED):
            durable.make_folder(folder)
        self._take_lock()
        try:
            self._recover()
        except OSError as error:
            self._release_lock()
            raise durable.cannot_write(self._directory, error) from error
        except BaseException:
            self._release_lock()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the lock."""
        self._release_lock()

    def begin(
        self, epoch: int, sensor: str, settings: dict[str, object], settings_sha256: bytes
    ) -> EpochRecord:
        """Open an epoch for writing, or take it up again.

        Raises:
            ConfigurationError: The epoch was begun with other settings.
            CannotWriteError: The record cannot be written.
        """
        record = self._record(epoch)
        if record is None:
            record = EpochRecord(sensor, settings_sha256.hex(), settings)
            self._keep(epoch, record)
        elif record.settings_sha256 != settings_sha256.hex():
            raise ConfigurationError(
                f"{self._directory}: the same captures under the same span were replayed before with other"
                f" settings ({_difference(record.settings, settings)}): both would be batches"
                f" of epoch {epoch:016x}",
                "replay with the settings of the first time; what was counted then stands",
            )
        elif not record.settings:
            record = replace(record, settings=settings)
            self._keep(epoch, record)
        return record

    def complete(self, epoch: int, batches: int, faults: Iterable[str] = ()) -> None:
        """Note that all batches of an epoch are written, how many, and what was wrong with its captures."""
        record = self._record(epoch)
        if record is None:
            raise InternalError(f"epoch {epoch:016x} is completed without having been begun")
        self._keep(epoch, replace(record, batches=batches, faults=tuple(faults)))

    def is_settled(self, entry: Entry) -> bool:
        """Whether the collector has answered for this batch: acknowledged it, or refused it for good."""
        record = self._record(entry.epoch)
        return (record is not None and entry.sequence in record.acknowledged) or self._refused(entry).exists()

    def is_whole(self, epoch: int) -> bool:
        """Whether every batch of an epoch was written and waits or is settled: nothing is left to count."""
        record = self._record(epoch)
        if record is None or record.batches is None:
            return False
        entries = (Entry(epoch, sequence) for sequence in range(record.batches))
        return all(self.is_settled(entry) or self._path(entry).exists() for entry in entries)

    def store(self, batch: Batch) -> Stored:
        """Write a batch durably, unless it is there or settled already.

        Raises:
            SpoolFullError: It would take the spool over its limit.
            CannotWriteError: It cannot be written.
            InternalError: A batch of the same key with other content waits in the spool.
        """
        entry = Entry(batch.key.epoch, batch.key.sequence)
        if self.is_settled(entry):
            return Stored.SETTLED
        body = encode(batch)
        if self._path(entry).exists():
            present = self.read(entry)
            if present is not None:
                if present.sha256 != digest(body).hex():
                    raise InternalError(
                        f"{self._path(entry)}: counting again gave another content for the same batch",
                        "upload or export what waits in the spool before it is replayed with this version",
                    )
                return Stored.PRESENT
        compressed = compress(body)
        if self._used + len(compressed) > self._limit:
            raise SpoolFullError(
                f"{self._directory}: is full: {self._used / MEGABYTE:.1f} MB of"
                f" {self._limit // MEGABYTE} MB are used, and the next batch takes"
                f" {len(compressed) / MEGABYTE:.1f} MB",
                "upload what waits (`teiten-agent spool upload`), see to refused and damaged files,"
                " or raise spool.max_megabytes",
            )
        durable.write(self._path(entry), compressed)
        self._used += len(compressed)
        return Stored.WRITTEN

    def waiting(self) -> list[Entry]:
        """The batches to be sent, in order."""
        return sorted(entry for entry, _ in _batches(self._directory))

    def read(self, entry: Entry) -> StoredBatch | None:
        """Read a batch and check that it is whole; None if it is damaged and was set aside.

        Raises:
            InputError: The file cannot be read.
        """
        path = self._path(entry)
        try:
            return _read(path, entry)
        except BatchError as error:
            damaged = path.with_name(path.name + _DAMAGED_SUFFIX)
            durable.move(path, damaged)
            self._notice(f"{path}: damaged ({error}); set aside as {damaged.name}; to have it again, replay")
            return None
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error

    def acknowledge(self, batch: StoredBatch, acknowledgement: Acknowledgement) -> None:
        """Delete a batch that the collector holds, after noting so durably.

        Raises:
            UnreachableError: The acknowledgement speaks of another batch; this one is kept.
        """
        if not acknowledgement.names(batch):
            raise UnreachableError(
                f"{batch.entry.name}: the answer acknowledges another batch: {acknowledgement}",
                "is uplink.collector really a collector? The batch is kept",
            )
        entry = batch.entry
        record = self._record(entry.epoch)
        if record is None:
            record = EpochRecord(batch.key.sensor, batch.settings.hex(), {})
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._keep(entry.epoch, record.with_acknowledged(entry.sequence, now))
        self._delete(entry)

    def refuse(self, batch: StoredBatch, reason: str) -> Path:
        """Set a batch aside that the collector will never take, with the reason; return where it is now."""
        folder = self._directory / _REFUSED
        durable.write(folder / batch.entry.reason_name, (reason + "\n").encode())
        target = self._refused(batch.entry)
        durable.move(self._path(batch.entry), target)
        self._used += len(reason.encode()) + 1
        return target

    def retry_refused(self) -> int:
        """Put every refused batch back among those that wait; return how many there are."""
        entries = [entry for entry, _ in _batches(self._directory / _REFUSED)]
        for entry in entries:
            durable.move(self._refused(entry), self._path(entry))
            (self._directory / _REFUSED / entry.reason_name).unlink(missing_ok=True)
        self._used = _used(self._directory)
        return len(entries)

    def _path(self, entry: Entry) -> Path:
        return self._directory / entry.name

    def _refused(self, entry: Entry) -> Path:
        return self._directory / _REFUSED / entry.name

    def _delete(self, entry: Entry) -> None:
        path = self._path(entry)
        try:
            size = path.stat().st_size
            path.unlink()
        except OSError as error:
            raise durable.cannot_write(path, error) from error
        self._used -= size

    def _record(self, epoch: int) -> EpochRecord | None:
        if epoch in self._records:
            return self._records[epoch]
        path = _record_path(self._directory, epoch)
        try:
            record = EpochRecord.from_bytes(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
        except ValueError as error:
            durable.move(path, path.with_name(path.name + _DAMAGED_SUFFIX))
            self._notice(
                f"{path}: damaged ({error}); set aside. Its batches may be sent once more, which does no harm"
            )
            return None
        self._records[epoch] = record
        return record

    def _keep(self, epoch: int, record: EpochRecord) -> None:
        durable.write(_record_path(self._directory, epoch), record.to_bytes())
        self._records[epoch] = record

    def _take_lock(self) -> None:
        path = self._directory / _LOCK
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise durable.cannot_write(path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise CannotWriteError(
                f"{self._directory}: another teiten-agent uses this spool (process {holder or 'unknown'})",
                "wait until it has ended, or end it",
            ) from error
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._lock = descriptor

    def _release_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _recover(self) -> None:
        for folder in (self._directory, self._directory / _EPOCHS, self._directory / _REFUSED):
            for leftover in folder.glob(f".*{durable.WRITING_SUFFIX}"):
                leftover.unlink()
        self._used = _used(self._directory)
        for entry, _ in list(_batches(self._directory)):
            record = self._record(entry.epoch)
            if record is not None and entry.sequence in record.acknowledged:
                self._delete(entry)


def survey(directory: Path, max_megabytes: int) -> Status:
    """Tell what a spool holds, without its lock and without change; a missing folder is empty.

    Raises:
        InputError: The folder cannot be read.
    """
    waiting = refused = damaged = 0
    waiting_bytes = 0
    records: list[EpochRecord] = []
    try:
        for _, size in _batches(directory):
            waiting += 1
            waiting_bytes += size
        refused = sum(1 for _ in _batches(directory / _REFUSED))
        damaged = sum(1 for _ in directory.glob(f"**/*{_DAMAGED_SUFFIX}"))
        for path in (directory / _EPOCHS).glob("*.json"):
            with suppress(ValueError, FileNotFoundError):
                records.append(EpochRecord.from_bytes(path.read_bytes()))
        used = _used(directory)
    except OSError as error:
        raise InputError(f"{directory}: cannot be read: {error.strerror or error}") from error
    return Status(
        waiting=waiting,
        waiting_bytes=waiting_bytes,
        refused=refused,
        damaged=damaged,
        used_bytes=used,
        limit_bytes=max_megabytes * MEGABYTE,
        epochs=len(records),
        incomplete_epochs=sum(record.batches is None for record in records),
        acknowledged=sum(len(record.acknowledged) for record in records),
        acknowledged_at=max((record.acknowledged_at for record in records), default=""),
    )


def export(directory: Path, target: Path, notice: Callable[[str], None]) -> int:
    """Copy the batches that wait into a folder, to be carried to `teiten-collector import`; return how many.

    They stay in the spool until they are acknowledged: the collector counts each once, however often it
    comes. A damaged one is said and left out.

    Raises:
        InputError: The spool cannot be read.
        CannotWriteError: The folder cannot be written.
    """
    copied = 0
    try:
        entries = sorted(entry for entry, _ in _batches(directory))
    except OSError as error:
        raise InputError(f"{directory}: cannot be read: {error.strerror or error}") from error
    durable.make_folder(target)
    for entry in entries:
        path = directory / entry.name
        try:
            batch = _read(path, entry)
        except FileNotFoundError:
            continue  # acknowledged a moment ago
        except BatchError as error:
            notice(f"{path}: damaged ({error}); left out")
            continue
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
        durable.write(target / entry.name, batch.compressed)
        copied += 1
    return copied


def _read(path: Path, entry: Entry) -> StoredBatch:
    with path.open("rb") as file:
        compressed = file.read(MAX_COMPRESSED_BYTES + 1)
    body = expand(compressed)
    batch = decode(body)
    if (batch.key.epoch, batch.key.sequence) != (entry.epoch, entry.sequence):
        raise BatchError("key", f"is that of {Entry(batch.key.epoch, batch.key.sequence).name}")
    return StoredBatch(batch.key, batch.settings, compressed, digest(body).hex())


def _batches(directory: Path) -> Iterator[tuple[Entry, int]]:
    """Yield each batch of a folder with its size in bytes; nothing where there is no folder."""
    for item in _scan(directory):
        entry = Entry.from_path(Path(item.name)) if item.name.endswith(BATCH_SUFFIX) else None
        if entry is not None:
            with suppress(FileNotFoundError):
                yield entry, item.stat().st_size


def _used(directory: Path) -> int:
    """Bytes that count against the limit: all files of the spool but lock and records."""
    total = 0
    for item in (*_scan(directory), *_scan(directory / _REFUSED)):
        if item.name != _LOCK:
            with suppress(FileNotFoundError):
                total += item.stat().st_size if item.is_file(follow_symlinks=False) else 0
    return total


def _scan(directory: Path) -> Iterable[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as items:
            return list(items)
    except FileNotFoundError:
        return []


def _record_path(directory: Path, epoch: int) -> Path:
    return directory / _EPOCHS / f"{epoch:016x}.json"


def _difference(before: dict[str, object], now: dict[str, object]) -> str:
    """Name the settings that differ."""
    names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    if not before or not names:
        return "their digests differ"
    return "; ".join(f"{name} was {before.get(name)}, is {now.get(name)}" for name in names)
