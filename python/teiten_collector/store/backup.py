"""A copy of a store that is whole, taken while it serves.

Order makes it whole. The intake is held back for a moment, while the database is copied at one instant and
the tables' files are listed; then it goes on, and the files are copied, which never change once they are
there. The journal comes last: it has everything that the copied ledger knows, and perhaps more, which the
copy takes up when it is opened, as after a crash. The door is never held back.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from teiten_collector.errors import CannotWriteError, ConfigurationError
from teiten_collector.store.database import FILE_NAME
from teiten_collector.store.durable import make_directory, sync
from teiten_collector.store.engine import TABLES_DIRECTORY
from teiten_collector.store.fleet import RELEASES_DIRECTORY
from teiten_collector.store.lock import UPKEEP_LOCK, exclusive

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from teiten_collector.store.store import Store

JOURNAL_DIRECTORY = "journal"


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied: files and bytes."""

    files: int
    size: int


def backup(store: Store, target: Path, url: str = "") -> Copied:
    """Copies a store into a folder that is made, and that `[store] directory` of a collector can then name.

    Args:
        store: The store.
        target: The folder; it must not exist, or be empty.
        url: `[store] url`: a database elsewhere has its own tools.

    Raises:
        ConfigurationError: The database is elsewhere.
        CannotWriteError: The target is not empty or cannot be written; what was copied by then stays there.
    """
    if url:
        raise ConfigurationError(
            "the database is not in the store's directory, and cannot be copied together with it",
            place="[store] url",
            remedy="stop the collector, copy the database with its own tool (pg_dump), then the directory",
        )
    if target.exists() and any(target.iterdir()):
        raise CannotWriteError(
            "is not empty", place=str(target), remedy="name a folder that is not there yet"
        )
    try:
        make_directory(target)
        # Upkeep would remove files between their listing and their copy.
        with exclusive(store.directory / UPKEEP_LOCK):
            return _copied(store, target)
    except OSError as error:
        raise CannotWriteError(
            f"cannot be copied: {error.strerror}", place=str(error.filename or target)
        ) from error


def _copied(store: Store, target: Path) -> Copied:
    with store.writing_tables() as tables:
        _copy_database(store.directory / FILE_NAME, target / FILE_NAME)
        listed = [path for path in sorted(tables.directory.rglob("*")) if path.is_file()]
        # What is replaced in place has to be copied now; everything else stays as it is.
        changing = [path for path in listed if path.name in {"snapshot.json", "_last_checkpoint"}]
        _copy(changing, store.directory, target)
    rest = [path for path in listed if path not in set(changing) and not path.name.endswith(".new")]
    _copy(rest, store.directory, target)
    make_directory(target / TABLES_DIRECTORY)
    make_directory(target / JOURNAL_DIRECTORY)
    journal = store.directory / JOURNAL_DIRECTORY
    _copy(sorted(journal.glob("*.segment")), store.directory, target)
    _copy(sorted((store.directory / RELEASES_DIRECTORY).glob("[0-9a-f]*")), store.directory, target)
    for folder in (path for path in target.rglob("*") if path.is_dir()):
        sync(folder)
    sync(target)
    copied = [path.stat().st_size for path in target.rglob("*") if path.is_file()]
    return Copied(len(copied), sum(copied))


def _copy_database(path: Path, target: Path) -> None:
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    target.chmod(0o640)
    sync(target)


def _copy(paths: Iterable[Path], directory: Path, target: Path) -> None:
    for path in paths:
        place = target / path.relative_to(directory)
        make_directory(place.parent)
        shutil.copy2(path, place)
        sync(place)
