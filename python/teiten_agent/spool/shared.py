"""The spool for two threads: one stores batches, the other sends them."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from teiten_agent.spool.directory import Spool, Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import TracebackType

    from teiten_agent.spool.entry import Acknowledgement, Entry, StoredBatch
    from teiten_protocol import Batch

LIVE = {"source": "live"}
"""Marks an epoch of live capture among the settings of its record: its batches may grow old."""


class SharedSpool(Spool):
    """A spool whose operations exclude each other. Nothing waits for the network while it holds the lock."""

    def __init__(self, directory: Path, max_megabytes: int, notice: Callable[[str], None]) -> None:
        """See `Spool`."""
        super().__init__(directory, max_megabytes, notice)
        self._mutex = threading.RLock()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the spool between two operations."""
        with self._mutex:
            super().__exit__(kind, value, trace)

    def store(self, batch: Batch) -> Stored:
        """See `Spool.store`."""
        with self._mutex:
            return super().store(batch)

    def complete(self, epoch: int, batches: int, faults: Iterable[str] = ()) -> None:
        """See `Spool.complete`."""
        with self._mutex:
            super().complete(epoch, batches, faults)

    def read(self, entry: Entry) -> StoredBatch | None:
        """See `Spool.read`."""
        with self._mutex:
            return super().read(entry)

    def acknowledge(self, batch: StoredBatch, acknowledgement: Acknowledgement) -> None:
        """See `Spool.acknowledge`."""
        with self._mutex:
            super().acknowledge(batch, acknowledgement)

    def refuse(self, batch: StoredBatch, reason: str) -> Path:
        """See `Spool.refuse`."""
        with self._mutex:
            return super().refuse(batch, reason)

    def expire(self, seconds: float) -> list[Entry]:
        """Give up the batches of live epochs that have waited longer than this; return which they were."""
        before = time.time() - seconds
        expired = []
        with self._mutex:
            for entry in self.waiting():
                record = self._record(entry.epoch)
                if record is None or record.settings.get("source") != LIVE["source"]:
                    continue
                with suppress(FileNotFoundError):
                    if self._path(entry).stat().st_mtime < before:
                        self._delete(entry)
                        expired.append(entry)
        return expired
