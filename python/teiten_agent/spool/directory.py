"""The spool on disk; its design stands in the header of `teiten_agent.spool`."""

from __future__ import annotations

import os
import threading
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Self

from teiten_agent.errors import (
    CannotWriteError,
    InputError,
    InternalError,
    UnreachableError,
)
from teiten_agent.spool import durable, layout
from teiten_agent.spool.clock import Clocks, StepWatch
from teiten_agent.spool.entry import BATCH_SUFFIX, Acknowledgement, Entry, StoredBatch
from teiten_agent.spool.epochs import Epochs
from teiten_agent.spool.layout import MEGABYTE
from teiten_agent.spool.lock import Lock
from teiten_agent.spool.losses import PREFIX, Losses, Reason
from teiten_protocol import BatchError, compress, digest, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from types import TracebackType

    from teiten_agent.spool.layout import Waiting
    from teiten_agent.spool.record import EpochRecord
    from teiten_protocol import Batch


class SpoolFullError(CannotWriteError):
    """A batch would take the spool over its limit; nothing was written."""


class Stored(Enum):
    """What `Spool.store` or `Spool.keep` found to do."""

    WRITTEN = "written"
    PRESENT = "present"
    SETTLED = "settled"
    LOST = "lost"
    """Of `keep` alone: the disk does not take it; its packets are among the losses."""


class Spool:
    """The batches of one sensor on disk, for the one process that holds its lock; its threads may share it.

    Nothing waits for the network while it holds the spool: an upload in one thread does not keep another from
    storing.
    """

    def __init__(
        self,
        directory: Path,
        max_megabytes: int,
        notice: Callable[[str], None],
        *,
        clocks: Clocks | None = None,
    ) -> None:
        """Name the folder; nothing happens before the spool is entered.

        Args:
            directory: The spool's folder, created on entering.
            max_megabytes: The limit in units of 1,000,000 bytes.
            notice: Takes a sentence for the operator, for example about a damaged file.
            clocks: What tells the time; by default the system.
        """
        self._directory = directory
        self._limit = max_megabytes * MEGABYTE
        self._notice = notice
        self._lock = Lock(directory)
        self._used = 0
        self._epochs = Epochs(directory, notice)
        self._losses = Losses(directory / layout.LOSSES)
        self._clocks = clocks or Clocks()
        self._steps = StepWatch(self._clocks)
        self._unwritable = ""
        self._mutex = threading.RLock()

    def __enter__(self) -> Self:
        """Take the lock and recover.

        Raises:
            CannotWriteError: The folder cannot be written, or another process uses it.
        """
        for folder in (self._directory, self._directory / layout.EPOCHS, self._directory / layout.REFUSED):
            durable.make_folder(folder)
        self._lock.take()
        try:
            self._recover()
        except OSError as error:
            self._lock.release()
            raise durable.cannot_write(self._directory, error) from error
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the lock, between two operations of other threads."""
        with self._mutex:
            self._lock.release()

    def begin(
        self, epoch: int, sensor: str, settings: dict[str, object], settings_sha256: bytes
    ) -> EpochRecord:
        """Open an epoch for writing, or take it up again.

        Raises:
            ConfigurationError: The epoch was begun with other settings.
            CannotWriteError: The record cannot be written.
        """
        with self._mutex:
            return self._epochs.begin(epoch, sensor, settings, settings_sha256)

    def complete(self, epoch: int, batches: int, faults: Iterable[str] = ()) -> None:
        """Note that all batches of an epoch are written, how many, and what was wrong with its captures."""
        with self._mutex:
            self._epochs.complete(epoch, batches, faults)

    def is_settled(self, entry: Entry) -> bool:
        """Whether the collector has answered for this batch: acknowledged it, or refused it for good."""
        with self._mutex:
            return self._epochs.has_acknowledged(entry) or self._refused(entry).exists()

    def is_whole(self, epoch: int) -> bool:
        """Whether every batch of an epoch was written and waits or is settled: nothing is left to count."""
        with self._mutex:
            record = self._epochs.record(epoch)
            if record is None or record.batches is None:
                return False
            entries = (Entry(epoch, sequence) for sequence in range(record.batches))
            return all(self.is_settled(entry) or self._path(entry).exists() for entry in entries)

    def store(self, batch: Batch) -> Stored:
        """Write a batch durably, unless it is there or settled already. Never gives another one up.

        Raises:
            SpoolFullError: It would take the spool over its limit.
            CannotWriteError: It cannot be written.
            InternalError: A batch of the same key with other content waits in the spool.
        """
        with self._mutex:
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
                            "upload or export what waits in the spool before replaying with this version",
                        )
                    return Stored.PRESENT
            compressed = compress(body)
            if self._used + len(compressed) > self._limit:
                raise self._full(len(compressed))
            durable.put(self._path(entry), compressed)
            self._used += len(compressed)
            return Stored.WRITTEN

    def keep(self, batch: Batch) -> Stored:
        """Write a batch of live capture, whatever the disk says: the oldest go where there is no room.

        The batch takes with it what was lost before (counters `lost.*`). Where even giving up older ones does
        not help, this batch is lost and counted for the next; nothing is raised, because capture goes on.

        Returns:
            WRITTEN, or LOST.
        """
        with self._mutex:
            self._mind_the_clock()
            entry = Entry(batch.key.epoch, batch.key.sequence)
            carried = self._losses.load_onto(entry.name)
            counters = Counter(batch.counters)
            counters.update(carried)
            whole = replace(batch, counters=counters)
            if carried:
                self._losses.save()
            try:
                self._write_making_room(entry, compress(encode(whole)))
            except CannotWriteError as error:
                self._losses.unload()
                self._losses.add(Reason.UNWRITABLE, packets=batch.counters.get("packets", 0))
                self._losses.give_back(batch.counters)
                self._losses.save()
                if error.what != self._unwritable:
                    self._unwritable = error.what
                    self._notice(f"{error.what}; capture goes on, and what is lost is counted")
                return Stored.LOST
            if self._unwritable:
                self._unwritable = ""
                self._notice(f"{self._directory}: can be written again")
            if carried:
                self._losses.carried.clear()
                self._losses.carrier = ""
                self._losses.save()
            return Stored.WRITTEN

    def expire(self, seconds: float) -> list[Entry]:
        """Give up the batches of live epochs that have waited longer than this; return which they were.

        A clock that is set does not make them older.

        Raises:
            CannotWriteError: They cannot be removed.
        """
        with self._mutex:
            self._mind_the_clock()
            before = self._clocks.date() - int(seconds * 1e9)
            expired = [one for one in layout.in_order(self._directory) if one.written_ns < before]
            return [one.entry for one in expired if self._give_up(one, Reason.AGE)]

    def waiting(self) -> list[Entry]:
        """The batches to be sent, by epoch and sequence."""
        return sorted(one.entry for one in layout.listed(self._directory))

    def in_order(self, *, newest_first: bool = False) -> list[Waiting]:
        """The batches to be sent, in the order in which they were written, or backwards."""
        waiting = layout.in_order(self._directory)
        return waiting[::-1] if newest_first else waiting

    def read(self, entry: Entry) -> StoredBatch | None:
        """Read a batch and check that it is whole; None if it is damaged and was set aside, or is gone.

        Raises:
            InputError: The file cannot be read.
            CannotWriteError: It is damaged, and cannot be set aside.
        """
        with self._mutex:
            path = self._path(entry)
            try:
                return layout.read_batch(path, entry)[0]
            except BatchError as error:
                self._set_aside(entry, error)
                return None
            except FileNotFoundError:
                return None  # given up by another thread
            except OSError as error:
                raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error

    def has_damaged(self, entry: Entry) -> bool:
        """Whether a batch's file was set aside as damaged."""
        path = self._path(entry)
        return path.with_name(path.name + layout.DAMAGED_SUFFIX).exists()

    def acknowledge(self, batch: StoredBatch, acknowledgement: Acknowledgement) -> None:
        """Delete a batch that the collector holds, after noting so.

        Raises:
            UnreachableError: The acknowledgement speaks of another batch; this one is kept.
        """
        self.acknowledge_all([(batch, acknowledgement)])

    def acknowledge_all(self, answers: Sequence[tuple[StoredBatch, Acknowledgement]]) -> None:
        """As `acknowledge`, with one note an epoch.

        Raises:
            UnreachableError: An acknowledgement speaks of another batch; all are kept.
        """
        by_epoch: defaultdict[int, list[StoredBatch]] = defaultdict(list)
        for batch, acknowledgement in answers:
            if not acknowledgement.names(batch):
                raise UnreachableError(
                    f"{batch.entry.name}: the answer acknowledges another batch: {acknowledgement}",
                    "is uplink.collector really a collector? The batch is kept",
                )
            by_epoch[batch.key.epoch].append(batch)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._mutex:
            for epoch, batches in by_epoch.items():
                # Were this lost and the deletion not, a replay would send these batches once more.
                self._epochs.acknowledge(epoch, batches, now)
                for batch in batches:
                    self._delete(batch.entry)

    def refuse(self, batch: StoredBatch, reason: str) -> Path:
        """Set a batch aside that the collector will never take, with the reason; return where it is now."""
        with self._mutex:
            folder = self._directory / layout.REFUSED
            target = self._refused(batch.entry)
            if not self._path(batch.entry).exists():
                return target  # given up while the collector was asked
            durable.write(folder / batch.entry.reason_name, (reason + "\n").encode())
            durable.move(self._path(batch.entry), target)
            self._used += len(reason.encode()) + 1
            return target

    def retry_refused(self) -> int:
        """Put every refused batch back among those that wait; return how many there are."""
        with self._mutex:
            entries = [one.entry for one in layout.listed(self._directory / layout.REFUSED)]
            for entry in entries:
                durable.move(self._refused(entry), self._path(entry))
                (self._directory / layout.REFUSED / entry.reason_name).unlink(missing_ok=True)
            self._used = layout.used_bytes(self._directory)
            return len(entries)

    def lost(self) -> dict[str, int]:
        """What was lost and is in no batch yet, by counter's name."""
        with self._mutex:
            return {name: count for name, count in self._losses.pending.items() if count}

    def lost_since_start(self) -> dict[str, int]:
        """What was lost since the spool was entered, told to the collector or not; every reason is there."""
        with self._mutex:
            names = [f"{PREFIX}{reason.value}_{noun}" for reason in Reason for noun in ("batches", "packets")]
            return {name: self._losses.since_start[name] for name in names}

    def _path(self, entry: Entry) -> Path:
        return self._directory / entry.name

    def _refused(self, entry: Entry) -> Path:
        return self._directory / layout.REFUSED / entry.name

    def _full(self, size: int) -> SpoolFullError:
        return SpoolFullError(
            f"{self._directory}: is full: {self._used / MEGABYTE:.1f} MB of"
            f" {self._limit // MEGABYTE} MB are used, and the next batch takes"
            f" {size / MEGABYTE:.1f} MB",
            "upload what waits (`teiten-agent spool upload`), see to refused and damaged files,"
            " or raise spool.max_megabytes",
        )

    def _write_making_room(self, entry: Entry, compressed: bytes) -> None:
        """Write, giving up the oldest while the limit or the disk says that there is no room.

        Raises:
            CannotWriteError: There is nothing left to give up, or room is not what is missing.
        """
        oldest: list[Waiting] | None = None
        while True:
            if self._has_room(len(compressed)):
                try:
                    durable.put(self._path(entry), compressed)
                except CannotWriteError as error:
                    if not durable.is_for_want_of_room(error):
                        raise
                    refusal = error
                else:
                    self._used += len(compressed)
                    return
            else:
                refusal = self._full(len(compressed))
            if self._remove_a_damaged_file() or self._give_up_a_refused_batch():
                continue
            if oldest is None:
                oldest = layout.in_order(self._directory)[::-1]
            while oldest:
                if self._give_up(oldest.pop(), Reason.FULL):
                    break
            else:
                raise refusal

    def _has_room(self, size: int) -> bool:
        """Whether the limit allows so many bytes more.

        Counts anew before it says no: the medium may have shortened files, and nothing is given up for what
        is not there.
        """
        if self._used + size > self._limit:
            self._used = layout.used_bytes(self._directory)
        return self._used + size <= self._limit

    def _remove_a_damaged_file(self) -> bool:
        """Remove the oldest file that was no whole batch, and was counted as such; whether there was one."""
        for path in layout.damaged(self._directory):
            with suppress(OSError):
                size = path.stat().st_size
                path.unlink()
                self._used -= size
                return True
        return False

    def _give_up_a_refused_batch(self) -> bool:
        """Give up the oldest batch of live capture that the collector refused; whether there was one.

        It goes by way of those that wait, so that a crash in between leaves it to be refused once more.
        """
        folder = self._directory / layout.REFUSED
        for one in layout.in_order(folder)[::-1]:
            if self._epochs.is_live(one.entry.epoch):
                durable.move(self._refused(one.entry), self._path(one.entry))
                (folder / one.entry.reason_name).unlink(missing_ok=True)
                self._used = layout.used_bytes(self._directory)
                return self._give_up(one, Reason.REFUSED)
        return False

    def _give_up(self, one: Waiting, reason: Reason) -> bool:
        """Delete a batch of live capture, counted; False for one that a replay can make again.

        Raises:
            CannotWriteError: It cannot be deleted; it is not counted then.
        """
        entry = one.entry
        if not self._epochs.is_live(entry.epoch):
            return False
        try:
            _, batch = layout.read_batch(self._path(entry), entry)
        except FileNotFoundError:
            return False
        except (BatchError, OSError):
            self._lose(entry, Reason.DAMAGED)
            return True
        self._lose(entry, reason, batch)
        return True

    def _lose(self, entry: Entry, reason: Reason, batch: Batch | None = None) -> None:
        before, since_start = self._losses.pending.copy(), self._losses.since_start.copy()
        self._losses.add(reason, packets=0 if batch is None else batch.counters.get("packets", 0))
        if batch is not None:
            self._losses.give_back(batch.counters)
        self._losses.leaving = entry.name
        self._losses.save()
        try:
            self._delete(entry)
        except CannotWriteError:
            self._losses.pending, self._losses.since_start = before, since_start
            raise
        finally:
            self._losses.leaving = ""

    def _set_aside(self, entry: Entry, error: BatchError) -> None:
        path = self._path(entry)
        aside = path.with_name(path.name + layout.DAMAGED_SUFFIX)
        again = "to have it again, replay"
        if self._epochs.is_live(entry.epoch):
            again = "its packets are lost, and counted as such"
            self._losses.add(Reason.DAMAGED)
            self._losses.leaving = entry.name
            self._losses.save()
        durable.move(path, aside)
        self._losses.leaving = ""
        self._notice(f"{path}: damaged ({error}); set aside as {aside.name}; {again}")

    def _mind_the_clock(self) -> None:
        """Move the files' times with a clock that was set, so that ages and order stay as they were."""
        step = self._steps.step_ns()
        if not step:
            return
        for one in layout.listed(self._directory):
            moved = max(one.written_ns + step, 0)
            with suppress(OSError):
                os.utime(self._path(one.entry), ns=(moved, moved))
        self._notice(f"the clock was set by {step / 1e9:+.0f} s; batches keep their ages")

    def _delete(self, entry: Entry) -> None:
        path = self._path(entry)
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return  # given up while it was on its way to the collector
        except OSError as error:
            raise durable.cannot_write(path, error) from error
        self._used -= size

    def _recover(self) -> None:
        self._losses.load()
        if self._losses.leaving:
            (self._directory / self._losses.leaving).unlink(missing_ok=True)
            self._losses.leaving = ""
        torn = 0
        for folder in (self._directory, self._directory / layout.EPOCHS, self._directory / layout.REFUSED):
            for leftover in folder.glob(f".*{durable.WRITING_SUFFIX}"):
                if not self._finished(leftover):
                    torn += self._is_torn(leftover)
                    leftover.unlink()
        self._used = layout.used_bytes(self._directory)
        for one in list(layout.listed(self._directory)):
            if self._epochs.has_acknowledged(one.entry):
                self._delete(one.entry)
        if torn:
            self._losses.add(Reason.TORN, torn)
            self._notice(f"{self._directory}: {torn} half-written batch removed, and counted as lost")
        if self._losses.carrier:
            carrier = Entry.from_name(self._losses.carrier)
            if carrier is None or not (self._path(carrier).exists() or self.is_settled(carrier)):
                self._losses.unload()
            self._losses.carried.clear()
            self._losses.carrier = ""
        self._losses.save()

    def _finished(self, leftover: Path) -> bool:
        """Put a whole batch in its place of which power left only the name that it was written under."""
        entry = _written_as(leftover)
        if entry is None or leftover.parent != self._directory:
            return False
        try:
            layout.read_batch(leftover, entry)
        except BatchError:
            return False
        durable.finish(self._path(entry))
        return True

    def _is_torn(self, leftover: Path) -> bool:
        """Whether this is what power left of a batch of live capture, which nobody has any more."""
        entry = _written_as(leftover)
        return entry is not None and self._epochs.is_live(entry.epoch) and not self._path(entry).exists()


def _written_as(leftover: Path) -> Entry | None:
    """The batch that was being written to this file; None if it is no batch's."""
    name = leftover.name.removeprefix(".").removesuffix(durable.WRITING_SUFFIX)
    return Entry.from_name(name) if name.endswith(BATCH_SUFFIX) else None
