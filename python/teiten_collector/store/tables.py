"""The fact tables: Delta Lake, partitioned by UTC day, written in groups that reach each table exactly once.

Exactly once
    Each commit carries the transaction (store's identity, group number). A group that is repeated after a
    crash is left out where the table has its transaction already.

On disk
    The writer does not sync. After each commit the new files, the log entry and their directories are synced
    here; then `snapshot.json` is replaced, durably, with the versions now whole. A version above the
    snapshot's that is found at start was perhaps never synced: `prepare` reads it whole, and takes it back
    where that fails. Its group is then written again, because it was not marked stored.

Readers
    `snapshot.json` names one version of each table, all of whole groups. Readers take the files of these
    versions and need no lock. Removed files stay for `RETENTION_HOURS`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import (
    CommitProperties,
    DeltaTable,
    Field,
    PostCommitHookProperties,
    Schema,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import DeltaError, TableNotFoundError

from teiten_collector.store import durable
from teiten_collector.store.errors import StoreError
from teiten_collector.store.facts import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

SNAPSHOT: Final = "snapshot.json"
RETENTION_HOURS: Final = 24
"""How long `vacuum` leaves files that no current version names: longer than any query runs."""

CHECKPOINT_EVERY: Final = 50
"""Commits between checkpoints of a table's log: opening a table reads at most so many log entries."""

_WRITER: Final = WriterProperties(compression="ZSTD", compression_level=3)
_NO_HOOKS: Final = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
"""Checkpoints and the removal of old log entries are made here, when what they stand on is on disk."""


@dataclass(frozen=True, slots=True)
class Version:
    """How far a table is known to be whole on disk."""

    version: int
    checkpoint: int
    """The version of its last checkpoint; -1: none."""


def read_snapshot(directory: Path) -> dict[str, Version] | None:
    """The versions readers are to take, by table; None where there is no snapshot yet."""
    path = directory / SNAPSHOT
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: Version(**content[name]) for name in SCHEMAS if name in content}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(
            f"cannot be used: {error}",
            place=str(path),
            remedy="remove it: it is made again at the next start",
        ) from error


def day_of(file: str) -> date:
    """The day of a file by its path within its table."""
    return date.fromisoformat(file.split("/", maxsplit=1)[0].removeprefix("day="))


class Tables:
    """The fact tables in a directory. One writer at a time: whoever calls holds the intake's lock."""

    def __init__(self, directory: Path) -> None:
        """Takes the directory; touches nothing yet."""
        self.directory = directory
        self._known: dict[str, Version] = {}

    def prepare(self) -> None:
        """Makes absent tables, adds columns that older ones lack, takes back what a power failure tore.

        Raises:
            StoreError: A table cannot be read, or is of a later program.
        """
        durable.make_directory(self.directory)
        snapshot = read_snapshot(self.directory) or {}
        for name, schema in SCHEMAS.items():
            with _reported(self._path(name)):
                self._known[name] = self._prepare(name, schema, snapshot.get(name, Version(-1, -1)))
        if self._known != snapshot:
            self._publish()

    def append(self, application: str, group: int, rows: Mapping[str, pa.Table]) -> Iterator[str]:
        """Writes a group's rows, table by table, each once; yields a table's name when its rows are on disk.

        The caller runs it to the end, then `publish`es. Where a table has the group already its rows are left
        out.
        """
        for name in SCHEMAS:
            if rows[name].num_rows:
                with _reported(self._path(name)):
                    self._append(name, application, group, rows[name])
            yield name

    def publish(self) -> None:
        """Shows readers what was written, durably."""
        self._publish()
        for name, known in self._known.items():
            if known.version - known.checkpoint > CHECKPOINT_EVERY:
                with _reported(self._path(name)):
                    self._checkpoint(name)
        self._publish()

    def replace(self, day: date, rows: Mapping[str, pa.Table]) -> None:
        """Puts other rows of one UTC day into every table, each in one commit, and shows them.

        The groups that reached the tables stay known. Killed in between, a table has the day as before or
        after; to be run again then.
        """
        for name in SCHEMAS:
            with _reported(self._path(name)):
                table = DeltaTable(self._path(name))
                predicate = f"day = '{day.isoformat()}'"
                if rows[name].num_rows:
                    write_deltalake(
                        table,
                        rows[name],
                        mode="overwrite",
                        predicate=predicate,
                        writer_properties=_WRITER,
                        post_commithook_properties=_NO_HOOKS,
                    )
                else:
                    table.delete(predicate, post_commithook_properties=_NO_HOOKS)
                self._settle(name, DeltaTable(self._path(name)).version())
        self.publish()

    @staticmethod
    def names() -> tuple[str, ...]:
        """The tables, in the order in which a group reaches them."""
        return tuple(SCHEMAS)

    def files(self) -> dict[tuple[str, date], list[Path]]:
        """The files of every table and day, those of a day in no order."""
        found: dict[tuple[str, date], list[Path]] = {}
        for name in SCHEMAS:
            path = self._path(name)
            with _reported(path):
                added = pa.table(DeltaTable(path).get_add_actions())
            for file in added["path"].to_pylist():
                found.setdefault((name, day_of(str(file))), []).append(path / str(file))
        return found

    def compact(self, name: str, day: date, *, target_bytes: int = 128 << 20) -> int:
        """Joins a table's small files of one day, and shows the result; how many files were taken out.

        The rows stay as they are. What was joined stays on disk until `vacuum`.
        """
        with _reported(self._path(name)):
            table = DeltaTable(self._path(name))
            metrics = table.optimize.compact(
                partition_filters=[("day", "=", day.isoformat())],
                target_size=target_bytes,
                writer_properties=_WRITER,
                post_commithook_properties=_NO_HOOKS,
            )
            self._settle(name, table.version())
        self.publish()
        return int(metrics["numFilesRemoved"])

    def vacuum(self, name: str, *, retention_hours: int = RETENTION_HOURS) -> int:
        """Deletes a table's files that no current version names and that outlived the retention; how many.

        A table without such files has no commit of it.
        """
        with _reported(self._path(name)):
            table = DeltaTable(self._path(name))
            expired = table.vacuum(
                retention_hours=retention_hours, dry_run=True, enforce_retention_duration=False, full=True
            )
            # Those that were removed before are listed again.
            if not any((self._path(name) / unquote(file)).exists() for file in expired):
                return 0
            table.vacuum(
                retention_hours=retention_hours,
                dry_run=False,
                enforce_retention_duration=False,
                full=True,
                post_commithook_properties=_NO_HOOKS,
            )
            table.cleanup_metadata()
            self._settle(name, DeltaTable(self._path(name)).version())
        self.publish()
        return len(expired)

    def group(self, name: str, application: str) -> int:
        """The last group that reached a table; 0 before the first."""
        return DeltaTable(self._path(name)).transaction_version(application) or 0

    def _path(self, name: str) -> Path:
        return self.directory / name

    def _prepare(self, name: str, schema: pa.Schema, known: Version) -> Version:
        path = self._path(name)
        _drop_checkpoints(path, known.checkpoint)
        _take_back(path, known.version)
        try:
            table = DeltaTable(path)
        except TableNotFoundError:
            durable.make_directory(path)
            table = DeltaTable.create(
                path,
                schema,
                partition_by=["day"],
                post_commithook_properties=_NO_HOOKS,
                # Removed files and log entries: see the module's header. Statistics of the columns that
                # queries prune by.
                configuration={
                    "delta.dataSkippingStatsColumns": "minute,sensor,epoch,sequence,start_ns,end_ns"
                }
                if name == "observations"
                else {"delta.dataSkippingStatsColumns": "minute,sensor,epoch,sequence"},
            )
        present = {field.name for field in table.schema().fields}
        later = present - set(schema.names)
        if later:
            raise StoreError(
                f"has columns this program does not know ({', '.join(sorted(later))})",
                place=str(path),
                remedy="use the program that wrote it",
            )
        absent: list[Field] = [
            field for field in Schema.from_arrow(schema).fields if field.name not in present
        ]
        if absent:
            table.alter.add_columns(absent, post_commithook_properties=_NO_HOOKS)
        if table.version() > known.version:
            self._sync(name, range(known.version + 1, table.version() + 1))
        return Version(table.version(), known.checkpoint)

    def _append(self, name: str, application: str, group: int, rows: pa.Table) -> None:
        table = DeltaTable(self._path(name))
        if (table.transaction_version(application) or 0) < group:
            write_deltalake(
                table,
                rows,
                mode="append",
                writer_properties=_WRITER,
                commit_properties=CommitProperties(app_transactions=[Transaction(application, group)]),
                post_commithook_properties=_NO_HOOKS,
            )
        self._settle(name, table.version())

    def _settle(self, name: str, version: int) -> None:
        """Syncs what came since the version that is known whole."""
        known = self._known[name]
        self._sync(name, range(known.version + 1, version + 1))
        self._known[name] = Version(version, known.checkpoint)

    def _sync(self, name: str, versions: range) -> None:
        path = self._path(name)
        directories = set()
        for version in versions:
            entry = _entry(path, version)
            for action in _actions(entry):
                if "add" in action:
                    file = path / unquote(action["add"]["path"])
                    durable.sync(file)
                    directories.add(file.parent)
            durable.sync(entry)
        for directory in sorted(directories):
            durable.sync(directory)
        durable.sync(path / "_delta_log")
        durable.sync(path)

    def _checkpoint(self, name: str) -> None:
        path = self._path(name)
        version = self._known[name].version
        DeltaTable(path, version=version).create_checkpoint()
        log = path / "_delta_log"
        for file in log.glob(f"{version:020d}.checkpoint*.parquet"):
            durable.sync(file)
        durable.sync(log / "_last_checkpoint")
        durable.sync(log)
        self._known[name] = Version(version, version)

    def _publish(self) -> None:
        content = json.dumps({name: asdict(version) for name, version in self._known.items()}, indent=1)
        durable.replace(self.directory / SNAPSHOT, f"{content}\n".encode())


class _Reported:
    """Turns what the table's library says into an error that names the table."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, DeltaError | OSError):
            raise StoreError(
                f"the table failed: {error}",
                place=str(self._path),
                remedy="nothing is lost: mend it and go on",
            ) from error


def _reported(path: Path) -> _Reported:
    return _Reported(path)


def _entry(path: Path, version: int) -> Path:
    return path / "_delta_log" / f"{version:020d}.json"


def _actions(entry: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in entry.read_text(encoding="utf-8").splitlines()]


def _drop_checkpoints(path: Path, known: int) -> None:
    """Takes away checkpoints that may be torn: the log entries they sum up are all still there."""
    log = path / "_delta_log"
    doubtful = [file for file in log.glob("*.checkpoint*.parquet") if int(file.name[:20]) > known]
    pointer = log / "_last_checkpoint"
    try:
        sound = json.loads(pointer.read_text(encoding="utf-8"))["version"] <= known
    except FileNotFoundError:
        sound = True
    except (ValueError, KeyError, TypeError):
        sound = False
    if not sound:
        pointer.unlink()
    for file in doubtful:
        file.unlink()


def _take_back(path: Path, known: int) -> None:
    """Takes back the commits above the known version from the first one that is not whole."""
    version = known + 1
    while _entry(path, version).exists():
        if not _whole(path, version):
            last = version
            while _entry(path, last + 1).exists():
                last += 1
            for number in range(last, version - 1, -1):
                _entry(path, number).unlink()
            durable.sync(path / "_delta_log")
            return
        version += 1


def _whole(path: Path, version: int) -> bool:
    """Whether a commit's entry can be read, and every file it adds, to its last row."""
    try:
        actions = _actions(_entry(path, version))
        if not actions:
            return False
        for action in actions:
            if "add" not in action:
                continue
            file = path / unquote(action["add"]["path"])
            if file.stat().st_size != action["add"]["size"]:
                return False
            with pq.ParquetFile(file) as parquet:
                for _ in parquet.iter_batches():
                    pass
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return True
