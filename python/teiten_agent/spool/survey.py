"""Looking at a spool without its lock and without change, while its own process uses it."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_agent.errors import InputError
from teiten_agent.spool import durable, layout, losses
from teiten_agent.spool.record import EpochRecord
from teiten_protocol import BatchError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Status:
    """What a spool holds.

    Attributes:
        waiting: Batches to be sent.
        waiting_bytes: Their size.
        waiting_since: When the oldest of them was written, ISO 8601 in UTC; empty where none waits.
        waiting_since_ns: The same, in nanoseconds of Unix time; 0 where none waits.
        refused: Batches that the collector refused.
        damaged: Files set aside because they were no whole batch or record.
        used_bytes: All that counts against the limit.
        limit_bytes: The limit.
        epochs: Epochs on record.
        incomplete_epochs: Epochs whose batches were not all written: a replay to be run again.
        acknowledged: Batches that the collector acknowledged, over all epochs on record.
        acknowledged_at: When the last acknowledgement came, ISO 8601 in UTC; empty if none did.
        lost: What was lost and is in no batch yet, by counter's name.
    """

    waiting: int
    waiting_bytes: int
    waiting_since: str
    waiting_since_ns: int
    refused: int
    damaged: int
    used_bytes: int
    limit_bytes: int
    epochs: int
    incomplete_epochs: int
    acknowledged: int
    acknowledged_at: str
    lost: dict[str, int] = field(default_factory=dict)


def survey(directory: Path, max_megabytes: int) -> Status:
    """Tell what a spool holds; a missing folder is empty.

    Raises:
        InputError: The folder cannot be read.
    """
    records: list[EpochRecord] = []
    try:
        waiting = list(layout.listed(directory))
        refused = sum(1 for _ in layout.listed(directory / layout.REFUSED))
        damaged = sum(1 for _ in directory.glob(f"**/*{layout.DAMAGED_SUFFIX}"))
        for path in (directory / layout.EPOCHS).glob("*.json"):
            with suppress(ValueError, FileNotFoundError):
                records.append(EpochRecord.from_bytes(path.read_bytes()))
        used = layout.used_bytes(directory)
        lost = losses.unreported(directory / layout.LOSSES)
    except OSError as error:
        raise InputError(f"{directory}: cannot be read: {error.strerror or error}") from error
    oldest_ns = min((one.written_ns for one in waiting), default=None)
    return Status(
        waiting=len(waiting),
        waiting_bytes=sum(one.size for one in waiting),
        waiting_since=_iso(oldest_ns),
        waiting_since_ns=oldest_ns or 0,
        refused=refused,
        damaged=damaged,
        used_bytes=used,
        limit_bytes=max_megabytes * layout.MEGABYTE,
        epochs=len(records),
        incomplete_epochs=sum(record.batches is None for record in records),
        acknowledged=sum(len(record.acknowledged) for record in records),
        acknowledged_at=max((record.acknowledged_at for record in records), default=""),
        lost=lost,
    )


def is_in_use(directory: Path) -> bool | None:
    """Whether a process holds the spool's lock; None where the system does not tell."""
    lock = directory / layout.LOCK
    try:
        found, holder = lock.stat(), lock.read_text(encoding="ascii", errors="replace").strip()
        listed = Path("/proc/locks").read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return None if directory.exists() and not Path("/proc/locks").exists() else False
    except OSError:
        return None
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}"
    for line in listed.splitlines():
        match line.split():  # proc_locks(5)
            case [_, "FLOCK", _, _, process, place, *_]:
                on, _, inode = place.rpartition(":")
                # Some file systems show another device here, and containers other processes.
                if inode == str(found.st_ino) and (on == device or process == holder):
                    return True
            case _:
                continue
    return False


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
        entries = sorted(one.entry for one in layout.listed(directory))
    except OSError as error:
        raise InputError(f"{directory}: cannot be read: {error.strerror or error}") from error
    durable.make_folder(target)
    for entry in entries:
        path = directory / entry.name
        try:
            batch, _ = layout.read_batch(path, entry)
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


def _iso(moment_ns: int | None) -> str:
    if moment_ns is None:
        return ""
    return datetime.fromtimestamp(moment_ns // 1_000_000_000, UTC).isoformat(timespec="seconds")
