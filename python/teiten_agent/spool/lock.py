"""Who uses a spool: one process at a time, as the kernel says."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from teiten_agent.errors import CannotWriteError
from teiten_agent.spool import durable, layout

if TYPE_CHECKING:
    from pathlib import Path


class Lock:
    """A spool's lock, which the kernel releases however the process ends."""

    def __init__(self, directory: Path) -> None:
        """Name the spool's folder; nothing is taken yet."""
        self._path = directory / layout.LOCK
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take it.

        Raises:
            CannotWriteError: The folder cannot be written, or another process has it.
        """
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise durable.cannot_write(self._path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise CannotWriteError(
                f"{self._path.parent}: another teiten-agent uses this spool (process {holder or 'unknown'})",
                "wait until it has ended, or end it",
            ) from error
        with suppress(OSError):  # who holds it is a courtesy, and a full disk may not take it
            self._path.write_text(f"{os.getpid()}\n", encoding="ascii")
        self._descriptor = descriptor

    def release(self) -> None:
        """Release it, if it was taken."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
