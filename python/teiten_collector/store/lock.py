"""A lock between processes: held as long as the file is open, let go by the kernel when its holder dies."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


UPKEEP_LOCK: Final = "upkeep.lock"
"""Whoever holds it in a store's directory is the only one that removes files there."""


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Holds the lock file at `path` (made when absent, never removed), waiting for whoever holds it.

    Excludes other processes and other threads alike.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def attempted(path: Path) -> Iterator[bool]:
    """Holds the lock file at `path`, or says that somebody else does; never waits."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = True
        except BlockingIOError:
            held = False
        yield held
    finally:
        os.close(descriptor)
