"""Rollups: what statements said of whole days, kept beside the tables, so that it is counted once.

DIRECTORY/rollups/FIRST_LAST_STATE_IDENTITY.parquet

A rollup is one statement's answer over the UTC days from FIRST to LAST. STATE is a digest of the names of all
files that the tables had in these days; IDENTITY of the state, the statement, its parameters and the caller's
tables. A file of a table never changes once it is there, so that the same state is the same rows: an answer
is found by its identity, or not at all, and a late batch, a rebuilt day or a compaction has none until it is
made again. Nothing is ever brought up to date, and whoever is killed while making one leaves a file that has
no name yet.

Only days that are over are kept: a day that still comes in would be counted anew with every group.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from teiten_collector.store.durable import sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

ROLLUPS_DIRECTORY: Final = "rollups"
FORMAT: Final = 1
"""Raised when the same statement would answer otherwise."""
_SUFFIX: Final = ".parquet"
_UNFINISHED: Final = ".new"
_PARTS: Final = 4
_STATE_LETTERS: Final = 16
_IDENTITY_LETTERS: Final = 32

State = str
"""What the tables have of some days, by name."""


@dataclass(frozen=True, slots=True)
class Days:
    """UTC days, both included."""

    first: date
    last: date

    @property
    def over(self) -> bool:
        """Whether none of them is still going on."""
        return self.last < datetime.now(UTC).date()


def state_of(files: Iterable[str]) -> State:
    """The state that files, by their paths within the tables, make."""
    return sha256("\n".join(sorted(files)).encode()).hexdigest()[:_STATE_LETTERS]


class Rollups:
    """The rollups in a folder. Safe for any number of processes at once."""

    def __init__(self, directory: Path) -> None:
        """Takes the folder; makes it when the first rollup is kept."""
        self.directory = directory

    def path(self, days: Days, state: State, question: bytes) -> Path:
        """Where the answer to a question over days in a state lies, or would lie."""
        identity = sha256(b"%d\n%s\n%s" % (FORMAT, state.encode(), question)).hexdigest()
        name = f"{days.first}_{days.last}_{state}_{identity[:_IDENTITY_LETTERS]}{_SUFFIX}"
        return self.directory / name

    def keep(self, path: Path, write: Callable[[Path], object]) -> None:
        """Has a rollup written, whole or not at all: on disk before it has its name.

        Raises:
            OSError: It cannot be written.
        """
        self.directory.mkdir(mode=0o750, exist_ok=True)
        beside = path.with_name(f".{uuid4().hex}{_UNFINISHED}")
        try:
            write(beside)
            sync(beside)
            beside.rename(path)
            sync(self.directory)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise

    def sweep(self, state: Callable[[Days], State], unused_seconds: float, stale_seconds: float) -> int:
        """Removes what no report will ask for again; how many.

        Args:
            state: The tables' state now, of some days.
            unused_seconds: A rollup that was not read for so long goes.
            stale_seconds: One whose days have another state by now goes after so long: who has just asked
                for it may still be about to read it.
        """
        now = datetime.now(UTC).timestamp()
        removed = 0
        for path in sorted(self.directory.glob(f"*{_SUFFIX}")) + sorted(
            self.directory.glob(f".*{_UNFINISHED}")
        ):
            with suppress(FileNotFoundError):
                idle = now - path.stat().st_mtime
                days, made_of = _parse(path.name)
                fresh = days is not None and state(days) == made_of
                if idle > (unused_seconds if fresh else stale_seconds):
                    path.unlink()
                    removed += 1
        return removed


def used(path: Path) -> None:
    """Notes that a rollup was read."""
    with suppress(OSError):
        os.utime(path)


def _parse(name: str) -> tuple[Days | None, State]:
    parts = name.removesuffix(_SUFFIX).split("_")
    if len(parts) != _PARTS:
        return None, ""
    try:
        return Days(date.fromisoformat(parts[0]), date.fromisoformat(parts[1])), parts[2]
    except ValueError:
        return None, ""
