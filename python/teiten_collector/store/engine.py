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
    each time in which a sensor gave something up), received_ns. One row for each span; counters and steps
    stand on a batch's first row and are 0 (or empty) on the others, so that sums are right. A span can run
    past its day.
`detections`
    day, minute, sensor, epoch, sequence, family, source_high, source_low, address_high, address_low,
    signature, count, country, asn
`quoted`
    day, minute, sensor, epoch, sequence, family, source_high, source_low (who reports), address_high,
    address_low, type, code, protocol, victim_high, victim_low, victim_port, packets, country, asn (of the
    victim): what ICMP errors quoted; the packets are in `tuples` as well
`sketches`
    day, minute, sensor, epoch, sequence, family (0 for keys without a sketch of their own), key (NULL: such
    keys), form, value, registers (1,024 bytes, docs/reference/batch-format.md)

An IPv4 address is its number in `*_low` (0 to 2^32-1) with 0 in `*_high`; an IPv6 address is two signed
halves, so that (family, high, low) names an address.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Final, Self

import duckdb
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from teiten_collector.store.errors import StoreError
from teiten_collector.store.facts import SCHEMAS
from teiten_collector.store.tables import read_snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

TABLES_DIRECTORY: Final = "tables"

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


class Engine:
    """Queries over one state of all tables: whole groups only, the same for every query until `refresh`."""

    def __init__(self, directory: Path, *, memory_megabytes: int = 0, threads: int = 0) -> None:
        """Takes the store's directory (`[store] directory`); reads nothing yet, and never takes a lock.

        Args:
            directory: The store's directory.
            memory_megabytes: What a query may take; beyond that it goes to disk. 0: DuckDB's own bound.
            threads: How many threads a query may take; 0: one a core.
        """
        self._directory = directory / TABLES_DIRECTORY
        self._settings: dict[str, str | bool | int | float | list[str]] = {
            # Extensions would come from the Internet, unasked.
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        if memory_megabytes:
            self._settings["memory_limit"] = f"{memory_megabytes}MiB"
        if threads:
            self._settings["threads"] = threads
        self._mutex = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def refresh(self) -> None:
        """Takes up the tables' newest state.

        Raises:
            StoreError: A table cannot be read.
        """
        files = self._files()
        with self._mutex:
            if self._connection is None:
                self._connection = duckdb.connect(":memory:", config=self._settings)
            self._connection.execute("BEGIN")
            for name, schema in SCHEMAS.items():
                self._connection.execute(f"CREATE OR REPLACE VIEW {name} AS {_view(schema, files[name])}")
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
        if self._connection is None:
            self.refresh()
        with self._mutex:
            if self._connection is None:
                raise StoreError("the engine is closed", place=str(self._directory))
            cursor = self._connection.cursor()
        try:
            for name, table in (tables or {}).items():
                cursor.register(name, table)
            given = parameters if hasattr(parameters, "keys") else list(parameters)
            found: pa.Table = cursor.sql(sql, params=given or None).to_arrow_table()
        finally:
            for name in tables or {}:
                cursor.unregister(name)
            cursor.close()
        return found

    def close(self) -> None:
        """Lets go of the files; idempotent."""
        with self._mutex:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __enter__(self) -> Self:
        """The engine itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it."""
        self.close()

    def _files(self) -> dict[str, list[str]]:
        """The files of every table, as the snapshot says."""
        snapshot = read_snapshot(self._directory)
        files: dict[str, list[str]] = {}
        for name in SCHEMAS:
            path = self._directory / name
            version = None if snapshot is None or name not in snapshot else snapshot[name].version
            try:
                added = pa.table(DeltaTable(path, version=version).get_add_actions())
                files[name] = [str(path / str(file)) for file in added["path"].to_pylist()]
            except TableNotFoundError:
                files[name] = []
            except DeltaError as error:
                raise StoreError(f"the table cannot be read: {error}", place=str(path)) from error
        return files


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
