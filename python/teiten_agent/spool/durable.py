"""Writing that survives a power cut: beside the place, synced, renamed, and the folder synced."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from teiten_agent.errors import CannotWriteError

if TYPE_CHECKING:
    from pathlib import Path

WRITING_SUFFIX = ".writing"


def write(path: Path, content: bytes) -> None:
    """Put a whole file in its place, or leave the place as it was.

    When this returns, the file and its name are on the medium. Its folder must exist.

    Raises:
        CannotWriteError: It could not be written; the place is as before.
    """
    beside = path.with_name(f".{path.name}{WRITING_SUFFIX}")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise cannot_write(path, error) from error


def move(path: Path, target: Path) -> None:
    """Rename durably, within one file system.

    Raises:
        CannotWriteError: It could not be renamed.
    """
    try:
        path.replace(target)
        sync_folder(target.parent)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(target, error) from error


def make_folder(path: Path) -> None:
    """Create a folder and those above it, not open to others: batches name monitored addresses.

    Raises:
        CannotWriteError: It could not be created.
    """
    try:
        path.mkdir(mode=0o750, parents=True, exist_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error


def sync_folder(path: Path) -> None:
    """Bring the names in a folder onto the medium."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def is_for_want_of_room(error: CannotWriteError) -> bool:
    """Whether what could not be written might be, were something else deleted."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in _NO_ROOM


def cannot_write(path: Path, error: OSError) -> CannotWriteError:
    """Say that a path cannot be written, and what the system said."""
    return CannotWriteError(
        f"{path}: cannot be written: {error.strerror or error}",
        "see to the folder's owner, its permissions and the space on its disk",
    )
