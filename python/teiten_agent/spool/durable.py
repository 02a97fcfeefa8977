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


def put(path: Path, content: bytes) -> None:
    """Put a whole file in its place, or leave the place as it was.

    When this returns, the content is on the medium; its name is so with the next sync of the folder. If power
    goes before that, it may still lie beside its place (`beside`): ext4, XFS and Btrfs sync a new file with
    the name that it has then. Its folder must exist.

    Raises:
        CannotWriteError: It could not be written; the place is as before.
    """
    written = beside(path)
    try:
        with written.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
    except OSError as error:
        with suppress(OSError):
            written.unlink(missing_ok=True)
        raise cannot_write(path, error) from error


def write(path: Path, content: bytes) -> None:
    """As `put`, and when this returns the name is on the medium, too.

    Raises:
        CannotWriteError: It could not be written.
    """
    put(path, content)
    try:
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error


def beside(path: Path) -> Path:
    """Where a file is written before it is put in its place."""
    return path.with_name(f".{path.name}{WRITING_SUFFIX}")


def finish(path: Path) -> None:
    """Put in its place what `put` left beside it when power went.

    Raises:
        CannotWriteError: It could not be done.
    """
    try:
        with beside(path).open("rb") as file:
            os.fsync(file.fileno())
    except OSError as error:
        raise cannot_write(path, error) from error
    move(beside(path), path)


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
