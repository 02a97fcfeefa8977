"""The journal: every batch's body, durable before it is acknowledged.

Limits
    An entry's body is at most `MAX_COMPRESSED_BYTES`; a segment takes entries until it reaches
    `segment_bytes`.

Format (little-endian)
    A directory of segments, `TIME-PROCESS-NUMBER.segment`: time of making in nanoseconds (16 hex digits),
    process id (8), number within the process (8); their names sort by time. A segment is a header and then
    entries:

        header   magic "TEITENJ1" | seed u32 | check u32 over the bytes before it
        entry    magic | check u32 over the rest of the header | body length u32 | body check u32
                 | epoch u64 | sequence u32 | received_ns u64 | rows u32 | packets u64 | sha256 32
                 | settings 32 | sensor, 64 bytes padded with zeros | body

    Checks are CRC-32, those of entries begun with the segment's random seed, so that bytes which a sensor
    chose can never pass for an entry.

Writing
    Each journal object writes segments of its own and holds a lock on the open one, so that several processes
    write at once. Threads append under a mutex and then wait for a sync; one of them syncs for all that were
    appended by then. A failed write is cut off again; after a failed sync the segment is given up, because
    what the kernel then holds of it is unknown, and the next entry begins another.

Reading
    `read` checks the body. `scan` checks headers, goes on behind damage at the next whole header, and leaves
    out what follows the last whole entry (a torn tail: it was never acknowledged).

Keeping
    A segment never changes once its writer is gone. It stays until it is removed by `remove`.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from teiten_collector.store.durable import make_directory, sync
from teiten_collector.store.errors import DamagedEntryError, JournalError, StoreError
from teiten_protocol import MAX_COMPRESSED_BYTES, BatchKey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEGMENT_BYTES: Final = 256 << 20
"""When a segment is full: large enough that a day of a thousand sensors is some tens of files."""

_SEGMENT_MAGIC: Final = b"TEITENJ1"
_SEGMENT_HEADER: Final = struct.Struct("<8sII")
_ENTRY_MAGIC: Final = b"\xa7TJe"
_ENTRY_HEADER: Final = struct.Struct("<4sI II QIQ IQ 32s32s 64s")
_CHECKED_FROM: Final = 8  # the magic and the check itself are not under the check


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where an entry begins, and how long it is with its header."""

    segment: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What the journal keeps of a batch besides its body: enough to write its row of the ledger again.

    Attributes:
        key: The batch's natural key.
        digest: SHA-256 of the uncompressed body.
        settings: SHA-256 of what shapes the sensor's stream.
        received_ns: When it came, nanoseconds of Unix time.
        rows: Rows it brings to the tables.
        packets: Packets of its tuples together, modulo 2**63.
    """

    key: BatchKey
    digest: bytes
    settings: bytes
    received_ns: int
    rows: int
    packets: int


class _Segment:
    """An open segment. `written` changes under the journal's mutex only, `synced` under `turn`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seed = int.from_bytes(os.urandom(4), "little")
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX)
            head = struct.pack("<8sI", _SEGMENT_MAGIC, self.seed)
            _write(self.descriptor, head + struct.pack("<I", zlib.crc32(head)), 0)
            os.fsync(self.descriptor)
            sync(path.parent)
        except OSError:
            os.close(self.descriptor)
            path.unlink(missing_ok=True)
            raise
        self.written = _SEGMENT_HEADER.size
        self.synced = _SEGMENT_HEADER.size
        self.syncing = False
        self.failed = False
        self.waiting = 0
        self.retired = False
        self.turn = threading.Condition()

    def wait_durable(self, end: int) -> None:
        """Returns when everything before `end` is on disk; one of the waiting threads syncs for all."""
        with self.turn:
            while self.synced < end and not self.failed:
                if self.syncing:
                    self.turn.wait()
                else:
                    self._lead()
            if self.synced < end:
                raise JournalError(
                    "an earlier sync failed", place=str(self.path), remedy="see the disk; then send again"
                )

    def _lead(self) -> None:
        self.syncing = True
        reach = self.written
        self.turn.release()
        failure: OSError | None = None
        try:
            os.fdatasync(self.descriptor)
        except OSError as error:
            failure = error
        finally:
            self.turn.acquire()
            self.syncing = False
            self.turn.notify_all()
        if failure is not None:
            self.failed = True
            raise JournalError(f"sync failed: {failure.strerror}", place=str(self.path)) from failure
        self.synced = max(self.synced, reach)

    def close(self) -> None:
        os.close(self.descriptor)


class Journal:
    """The journal in a directory. Safe for many threads; other processes have journals of their own."""

    def __init__(self, directory: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Makes the directory when absent; opens no segment before the first entry."""
        make_directory(directory)
        self.directory = directory
        self._segment_bytes = segment_bytes
        self._mutex = threading.Lock()
        self._open: _Segment | None = None
        self._count = 0

    def append(self, entry: Entry, body: bytes) -> Position:
        """Writes an entry, and returns when it is on disk.

        Raises:
            JournalError: It could not be made durable.
        """
        if not 0 < len(body) <= MAX_COMPRESSED_BYTES:
            raise JournalError(f"a body of {len(body)} bytes is not from 1 to {MAX_COMPRESSED_BYTES}")
        with self._mutex:
            segment = self._segment()
            head = _pack(entry, body, segment.seed)
            position = Position(segment.path.name, segment.written, len(head) + len(body))
            end = position.offset + position.length
            try:
                _write(segment.descriptor, head + body, position.offset)
            except OSError as error:
                self._cut(segment)
                raise JournalError(f"cannot write: {error.strerror}", place=str(segment.path)) from error
            segment.written = end
            segment.waiting += 1
        try:
            segment.wait_durable(end)
        finally:
            self._leave(segment)
        return position

    def read(self, position: Position) -> tuple[Entry, bytes]:
        """The entry at a position, with its body, both checked.

        Raises:
            DamagedEntryError: The segment is gone or its bytes are not those that were written.
        """
        path = self.directory / position.segment
        try:
            with path.open("rb") as file:
                seed = _seed(file.read(_SEGMENT_HEADER.size))
                file.seek(position.offset)
                block = file.read(position.length)
        except OSError as error:
            raise DamagedEntryError(f"cannot read: {error.strerror}", place=str(path)) from error
        found = None if seed is None else _unpack(block, 0, seed)
        if found is None or found[1] != position.length or len(block) != position.length:
            raise DamagedEntryError(f"no entry at offset {position.offset}", place=str(path))
        entry, _, check = found
        body = block[_ENTRY_HEADER.size :]
        if zlib.crc32(body, seed or 0) != check:
            raise DamagedEntryError(f"the entry at offset {position.offset} is damaged", place=str(path))
        return entry, body

    def segments(self) -> tuple[str, ...]:
        """The names of all segments, oldest first."""
        return tuple(sorted(path.name for path in self.directory.glob("*.segment")))

    def busy(self, segment: str) -> bool:
        """Whether a living journal object, here or in another process, still writes the segment."""
        descriptor = os.open(self.directory / segment, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def scan(self, segment: str) -> Iterator[tuple[Position, Entry]]:
        """A segment's whole entries, in their order, by their headers; bodies are checked by `read` alone.

        Raises:
            StoreError: It cannot be read.
        """
        path = self.directory / segment
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size < _SEGMENT_HEADER.size:
                    return
                with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as view:
                    yield from _walk(segment, view)
        except OSError as error:
            raise StoreError(f"cannot read: {error.strerror}", place=str(path)) from error

    def begun_ns(self, segment: str) -> int:
        """When a segment was made, nanoseconds of Unix time."""
        return int(segment.split("-", maxsplit=1)[0], 16)

    def remove(self, segment: str) -> None:
        """Removes a segment for good; whoever calls knows that nothing in it is needed."""
        (self.directory / segment).unlink(missing_ok=True)
        sync(self.directory)

    def close(self) -> None:
        """Ends the open segment; idempotent. A later append begins another."""
        with self._mutex:
            if self._open is not None:
                self._retire(self._open)

    def _segment(self) -> _Segment:
        """The segment to write to."""
        segment = self._open
        if segment is not None and (segment.failed or segment.written >= self._segment_bytes):
            self._retire(segment)
            segment = None
        if segment is None:
            name = f"{time.time_ns():016x}-{os.getpid():08x}-{self._count:08x}.segment"
            self._count += 1
            try:
                segment = _Segment(self.directory / name)
            except OSError as error:
                raise JournalError(
                    f"cannot begin a segment: {error.strerror}", place=str(self.directory)
                ) from error
            self._open = segment
        return segment

    def _retire(self, segment: _Segment) -> None:
        """Takes no more entries; the last thread that waits for a sync closes it."""
        self._open = None
        segment.retired = True
        if segment.waiting == 0:
            segment.close()

    def _leave(self, segment: _Segment) -> None:
        with self._mutex:
            segment.waiting -= 1
            if segment.retired and segment.waiting == 0:
                segment.close()

    def _cut(self, segment: _Segment) -> None:
        """Takes back what a failed write left; where even that fails, the segment is given up."""
        try:
            os.ftruncate(segment.descriptor, segment.written)
        except OSError:
            self._retire(segment)


def _write(descriptor: int, content: bytes, offset: int) -> None:
    view = memoryview(content)
    while view:
        count = os.pwrite(descriptor, view, offset)
        view = view[count:]
        offset += count


def _pack(entry: Entry, body: bytes, seed: int) -> bytes:
    head = _ENTRY_HEADER.pack(
        _ENTRY_MAGIC,
        0,
        len(body),
        zlib.crc32(body, seed),
        entry.key.epoch,
        entry.key.sequence,
        entry.received_ns,
        entry.rows,
        entry.packets,
        entry.digest,
        entry.settings,
        entry.key.sensor.encode("ascii"),
    )
    check = zlib.crc32(head[_CHECKED_FROM:], seed)
    return head[:4] + struct.pack("<I", check) + head[_CHECKED_FROM:]


def _seed(head: bytes) -> int | None:
    """A segment's seed; None where its header is torn or damaged."""
    if len(head) < _SEGMENT_HEADER.size:
        return None
    magic, seed, check = _SEGMENT_HEADER.unpack(head[: _SEGMENT_HEADER.size])
    if magic != _SEGMENT_MAGIC or check != zlib.crc32(head[: _SEGMENT_HEADER.size - 4]):
        return None
    return int(seed)


def _unpack(view: bytes | mmap.mmap, offset: int, seed: int) -> tuple[Entry, int, int] | None:
    """The entry whose header is at an offset, its whole length, its body's check; None: no whole header."""
    head = view[offset : offset + _ENTRY_HEADER.size]
    if len(head) < _ENTRY_HEADER.size or not head.startswith(_ENTRY_MAGIC):
        return None
    fields = _ENTRY_HEADER.unpack(head)
    if fields[1] != zlib.crc32(head[_CHECKED_FROM:], seed):
        return None
    _, _, length, check, epoch, sequence, received_ns, rows, packets, digest, settings, sensor = fields
    key = BatchKey(sensor.rstrip(b"\0").decode("ascii"), epoch, sequence)
    return Entry(key, digest, settings, received_ns, rows, packets), _ENTRY_HEADER.size + length, check


def _walk(segment: str, view: mmap.mmap) -> Iterator[tuple[Position, Entry]]:
    seed = _seed(view[: _SEGMENT_HEADER.size])
    if seed is None:
        return
    offset = _SEGMENT_HEADER.size
    while 0 <= offset < len(view):
        found = _unpack(view, offset, seed)
        if found is None:
            offset = view.find(_ENTRY_MAGIC, offset + 1)
            continue
        entry, length, _ = found
        if offset + length > len(view):
            offset = view.find(_ENTRY_MAGIC, offset + 1)
            continue
        yield Position(segment, offset, length), entry
        offset += length
