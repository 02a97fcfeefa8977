"""The embedded engine: DuckDB over the tables' current files, in any process, while another one writes.

Views (all times UTC; every integer signed):

`tuples`
    day, minute (minutes since the Unix epoch), sensor, epoch, sequence, family (4 or 6), source_high,
    source_low, address_high, address_low, key (text, `445/TCP`), form, value, source_port, flags, class,
    tool, packets, bytes, country (NULL: unknown), asn (NULL: unknown). Source, country and asn are NULL in
    the rows of a flood whose sources a sensor gave up; `sketches` says how many they were
`observations`
    day (of the span's start), sensor, epoch, sequence, start_ns, end_ns, packets, bytes, counted,
    not_monitored, outside_span, malformed, counters (JSON text), steps (JSON text: number, start and end of
    each time in which a sensor gave something up), received_ns, country_database and network_database (which
    told the countries and networks of the batch's rows; empty: none, NULL: of an older program). One row for
    each span; counters and steps stand on a batch's first row and are 0 (or empty) on the others, so that
    sums are right. A span can run past its day.
`detections`
    day, minute, sensor, epoch, sequence, family, source_high, source_low, address_high, address_low,
    signature, count, country, asn
`quoted`
    day, minute, sensor, epoch, sequence, family, source_high, source_low (who reports), address_high,
    address_low, type, code, protocol, victim_high, victim_low, victim_port, packets, country, asn (of the
    victim): what ICMP errors quoted; the packets are in `tuples` as well
`examples`
    day, minute, sensor, epoch, sequence, family, source_high, source_low, signature, payload (1 to 64 bytes):
    one payload for each signature and source of an interval, where the sensor keeps them
`sketches`
    day, minute, sensor, epoch, sequence, family (0 for keys without a sketch of their own), key (NULL: such
    keys), form, value, registers (1,024 bytes, docs/reference/batch-format.md)

An IPv4 address is its number in `*_low` (0 to 2^32-1) with 0 in `*_high`; an IPv6 address is two signed
halves, so that (family, high, low) names an address.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import threading
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from teiten_collector.store.errors import StoreError
from teiten_collector.store.facts import SCHEMAS
from teiten_collector.store.rollups import ROLLUPS_DIRECTORY, Days, Rollups, State, state_of, used
from teiten_collector.store.tables import day_of, read_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

TABLES_DIRECTORY: Final = "tables"
SCRATCH_DIRECTORY: Final = "scratch"

_LOG: Final = logging.getLogger(__name__)
_SQL_TYPES: Final = {
    pa.date32(): "DATE",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.string(): "VARCHAR",
    pa.binary(): "BLOB",
}
_PATTERN: Final = re.compile(r"[*?\[]")
_ALL_DAYS: Final = Days(date.min, date.max)


class Engine:
    """Queries over one state of all tables: whole groups only, the same for every query until `refresh`."""

    def __init__(
        self, directory: Path, *, memory_megabytes: int = 0, threads: int = 0, rollups: bool = True
    ) -> None:
        """Takes the store's directory (`[store] directory`); reads nothing yet, and never takes a lock.

        Args:
            directory: The store's directory.
            memory_megabytes: What all queries together may take; beyond that they go to disk, in
                DIRECTORY/scratch. 0: half of the machine's.
            threads: How many threads a query may take; 0: one a core.
            rollups: Whether `rollup` takes what was counted before, and keeps what it counts.
        """
        self._directory = directory / TABLES_DIRECTORY
        self._rollups = Rollups(directory / ROLLUPS_DIRECTORY) if rollups else None
        self._settings: dict[str, str | bool | int | float | list[str]] = {
            # Extensions would come from the Internet, unasked.
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "memory_limit": f"{memory_megabytes or half_of_memory()}MiB",
        }
        if threads:
            self._settings["threads"] = threads
        self._mutex = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._files: dict[str, dict[date, list[str]]] = {}
        self._scratch: Path | None = None

    def refresh(self) -> None:
        """Takes up the tables' newest state.

        Raises:
            StoreError: A table cannot be read.
        """
        files = self._read_files()
        with self._mutex:
            self._files = files
            if self._connection is None:
                self._scratch = _make_scratch(self._directory.parent)
                self._connection = duckdb.connect(
                    ":memory:", config=self._settings | {"temp_directory": str(self._scratch / "spilled")}
                )
            self._connection.execute("BEGIN")
            for name, schema in SCHEMAS.items():
                listed = self._located(name, _ALL_DAYS)
                self._connection.execute(f"CREATE OR REPLACE VIEW {name} AS {_view(schema, listed)}")
            self._connection.execute("COMMIT")

    def query(
        self,
        sql: str,
        parameters: Sequence[object] | Mapping[str, object] = (),
        *,
        tables: Mapping[str, pa.Table] | None = None,
    ) -> pa.Table:
        """Runs one SELECT and returns its rows. The first query refreshes. Safe to call from several threads.

        Args:
            sql: The statement.
            parameters: The values of its `?` or `$name`.
            tables: The caller's own tables, for this query alone, by the names it gives them.
        """
        with self._asking(tables or {}) as cursor:
            given = parameters if hasattr(parameters, "keys") else list(parameters)
            found: pa.Table = cursor.sql(sql, params=given or None).to_arrow_table()
        return found

    def rollup(
        self,
        sql: str,
        parameters: Sequence[object],
        days: Days,
        *,
        tables: Mapping[str, pa.Table] | None = None,
    ) -> pa.Table:
        """As `query`, of a SELECT that reads nothing but some days; counted once while they stay the same.

        Args:
            sql: The statement; its rows have an order.
            parameters: The values of its `?`: texts, numbers, days, and lists of them.
            days: The days (UTC) of the tables that it reads; it gets no others.
            tables: The caller's own tables.
        """
        given = dict(tables or {})
        if self._connection is None:
            self.refresh()
        state, question = self.state(days), _question(sql, parameters, given)
        if self._rollups is not None:
            path = self._rollups.path(days, state, question)
            known = _read(path)
            if known is not None:
                used(path)
                return known
        if self._rollups is None or not days.over:
            # What is not kept is asked for again by the same report, of both families and of both parts.
            return self._made(self._unkept().path(days, state, question), sql, parameters, days, given)
        return self._made(path, sql, parameters, days, given)

    def state(self, days: Days) -> State:
        """What the tables have of some days; equal states are equal rows."""
        if self._connection is None:
            self.refresh()
        return state_of(str(path.relative_to(self._directory)) for path in self.files(days))

    def files(self, days: Days) -> list[Path]:
        """The files that hold some days."""
        if self._connection is None:
            self.refresh()
        return [Path(file) for name in SCHEMAS for file in self._located(name, days)]

    def days_of(self, table: str) -> list[date]:
        """The UTC days of which a table has rows, in order."""
        if self._connection is None:
            self.refresh()
        return sorted(self._files[table])

    def close(self) -> None:
        """Lets go of the files; idempotent."""
        with self._mutex:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            if self._scratch is not None:
                shutil.rmtree(self._scratch, ignore_errors=True)
                self._scratch = None

    def __enter__(self) -> Self:
        """The engine itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it."""
        self.close()

    @contextmanager
    def _asking(self, tables: Mapping[str, pa.Table]) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor that knows some tables of the caller's besides the views."""
        if self._connection is None:
            self.refresh()
        with self._mutex:
            if self._connection is None:
                raise StoreError("the engine is closed", place=str(self._directory))
            cursor = self._connection.cursor()
        try:
            for name, table in tables.items():
                cursor.register(name, table)
            yield cursor
        finally:
            for name in tables:
                cursor.unregister(name)
            cursor.close()

    def _made(
        self, path: Path, sql: str, parameters: Sequence[object], days: Days, tables: Mapping[str, pa.Table]
    ) -> pa.Table:
        """The answer at a path, which is written first where it is not there; else an answer not kept."""
        known = _read(path)
        if known is not None:
            return known
        with self._asking(tables) as cursor:
            for name, schema in SCHEMAS.items():
                if re.search(rf"\b{name}\b", sql):
                    # A view of the cursor's own, before the one of all files.
                    view = _view(schema, self._located(name, days))
                    cursor.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {view}")
            try:
                Rollups(path.parent).keep(
                    path,
                    lambda beside: cursor.execute(
                        f"COPY ({sql}) TO {_literal(str(beside))} (FORMAT parquet, COMPRESSION zstd)",
                        list(parameters),
                    ),
                )
            except OSError as error:
                # Who may read the tables need not be allowed to write beside them.
                _LOG.info("rollup not kept at %s: %s", path.parent, error.strerror)
                found: pa.Table = cursor.sql(sql, params=list(parameters)).to_arrow_table()
                return found
        return pq.read_table(path, partitioning=None)

    def _unkept(self) -> Rollups:
        if self._scratch is None:
            raise StoreError("the engine is closed", place=str(self._directory))
        return Rollups(self._scratch)

    def _located(self, name: str, days: Days) -> list[str]:
        """A table's files of some days."""
        return [
            str(self._directory / name / file)
            for day, files in self._files[name].items()
            if days.first <= day <= days.last
            for file in files
        ]

    def _read_files(self) -> dict[str, dict[date, list[str]]]:
        """The files of every table within it, by day, as the snapshot says."""
        snapshot = read_snapshot(self._directory)
        files: dict[str, dict[date, list[str]]] = {}
        for name in SCHEMAS:
            path = self._directory / name
            version = None if snapshot is None or name not in snapshot else snapshot[name].version
            files[name] = {}
            try:
                added = pa.table(DeltaTable(path, version=version).get_add_actions())
            except TableNotFoundError:
                continue
            except DeltaError as error:
                raise StoreError(f"the table cannot be read: {error}", place=str(path)) from error
            for file in added["path"].to_pylist():
                files[name].setdefault(day_of(str(file)), []).append(str(file))
        return files


def half_of_memory() -> int:
    """Half of this machine's memory, in MiB."""
    return max(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2 >> 20, 256)


def _make_scratch(directory: Path) -> Path:
    """A folder of this process's own for what does not fit into memory: in the store, or the system's."""
    try:
        place = directory / SCRATCH_DIRECTORY
        place.mkdir(mode=0o750, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=place))
    except OSError:
        return Path(tempfile.mkdtemp(prefix="teiten-"))


def _question(sql: str, parameters: Sequence[object], tables: Mapping[str, pa.Table]) -> bytes:
    """Everything an answer depends on besides the rows of the tables."""
    stated = json.dumps([duckdb.__version__, sql, list(parameters), sorted(tables)], default=str)
    digest = hashlib.sha256(stated.encode())
    for name in sorted(tables):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, tables[name].schema) as writer:
            writer.write_table(tables[name].combine_chunks())
        digest.update(sink.getvalue())
    return digest.digest()


def _read(path: Path) -> pa.Table | None:
    """A rollup's rows; None where there is none, or what is there cannot be read."""
    try:
        found: pa.Table = pq.read_table(path, partitioning=None)
    except FileNotFoundError:
        return None
    except (OSError, pa.ArrowInvalid) as error:
        _LOG.warning("rollup %s cannot be read and is made again: %s", path, error)
        return None
    return found


def _view(schema: pa.Schema, files: Sequence[str]) -> str:
    """A view with exactly the schema's columns, whichever of them the files have."""
    columns = ", ".join(f'NULL::{_SQL_TYPES[field.type]} AS "{field.name}"' for field in schema)
    nothing = f"SELECT {columns} WHERE false"
    if not files:
        return nothing
    listed = ", ".join(_literal(file) for file in files)
    return (
        f"{nothing} UNION ALL BY NAME SELECT * FROM read_parquet([{listed}], "  # noqa: S608 - `_literal` quotes
        "union_by_name = true, hive_partitioning = true, hive_types = {'day': DATE})"
    )


def _literal(file: str) -> str:
    """A path as SQL text, taken as it is: no character of it is a pattern."""
    return "'" + _PATTERN.sub(lambda match: f"[{match[0]}]", file).replace("'", "''") + "'"
