"""Where the parts of a spool lie, how they are listed, and how a batch's file is read."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_agent.spool.entry import BATCH_SUFFIX, Entry, StoredBatch
from teiten_protocol import MAX_COMPRESSED_BYTES, Batch, BatchError, decode, digest, expand

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MEGABYTE = 1_000_000
LOCK, LOSSES, EPOCHS, REFUSED = "lock", "losses", "epochs", "refused"
DAMAGED_SUFFIX = ".damaged"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A batch's file as a folder lists it: its name, its bytes, and when it was written."""

    entry: Entry
    size: int
    written_ns: int


def listed(directory: Path) -> Iterator[Waiting]:
    """Yield each batch of a folder, in no order; nothing where there is no folder."""
    for item in _scan(directory):
        entry = Entry.from_path(Path(item.name)) if item.name.endswith(BATCH_SUFFIX) else None
        if entry is not None:
            with suppress(FileNotFoundError):
                found = item.stat()
                yield Waiting(entry, found.st_size, found.st_mtime_ns)


def in_order(directory: Path) -> list[Waiting]:
    """The batches of a folder, oldest first: epochs by their first file's time, within one by sequence."""
    waiting = list(listed(directory))
    begun: dict[int, int] = {}
    for one in waiting:
        begun[one.entry.epoch] = min(one.written_ns, begun.get(one.entry.epoch, one.written_ns))
    return sorted(waiting, key=lambda one: (begun[one.entry.epoch], one.entry))


def damaged(directory: Path) -> list[Path]:
    """Files set aside because they were no whole batch, oldest first."""
    found = [Path(item) for item in _scan(directory) if item.name.endswith(BATCH_SUFFIX + DAMAGED_SUFFIX)]
    return sorted(found, key=_time_of)


def used_bytes(directory: Path) -> int:
    """Bytes that count against the limit: all files of the spool but lock, losses and records."""
    total = 0
    for item in (*_scan(directory), *_scan(directory / REFUSED)):
        if item.name not in {LOCK, LOSSES}:
            with suppress(FileNotFoundError):
                total += item.stat().st_size if item.is_file(follow_symlinks=False) else 0
    return total


def read_batch(path: Path, entry: Entry) -> tuple[StoredBatch, Batch]:
    """Read a batch's file and check that it is whole and of that name.

    Raises:
        BatchError: It is not.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        compressed = file.read(MAX_COMPRESSED_BYTES + 1)
    body = expand(compressed)
    batch = decode(body)
    if (batch.key.epoch, batch.key.sequence) != (entry.epoch, entry.sequence):
        raise BatchError("key", f"is that of {Entry(batch.key.epoch, batch.key.sequence).name}")
    return StoredBatch(batch.key, batch.settings, compressed, digest(body).hex()), batch


def record_path(directory: Path, epoch: int) -> Path:
    """Where an epoch's record is."""
    return directory / EPOCHS / f"{epoch:016x}.json"


def _time_of(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _scan(directory: Path) -> Iterable[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as items:
            return list(items)
    except FileNotFoundError:
        return []
