"""One export: rows to a file that is whole or not there, or to a stream."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, assert_never

import pyarrow.parquet as pq

from teiten_collector.errors import CannotWriteError
from teiten_collector.export import dshield, stix
from teiten_collector.export.form import Form
from teiten_collector.export.rows import SCHEMA, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from teiten_collector.analysis.periods import Period
    from teiten_collector.export.addresses import Addresses
    from teiten_collector.store import Engine, Sensor

_UNFINISHED = ".new"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an export is asked for.

    Attributes:
        form: In which form.
        period: Of when.
        sensors: Of which sensors.
        addresses: What becomes of monitored addresses.
        user: The number that DShield knows the sender by; 0 is nobody.
        sources: How many sources STIX tells, those with the most packets.
    """

    form: Form
    period: Period
    sensors: tuple[Sensor, ...]
    addresses: Addresses
    user: int = 0
    sources: int = 1_000


def export(engine: Engine, wanted: Wanted, path: Path | None) -> int:
    """Writes an export; how many rows (of STIX, sightings) it has.

    Args:
        engine: Where the tables are read.
        wanted: What is asked for.
        path: Where to; it is there when the export is whole, and not before. None: standard output.

    Raises:
        CannotWriteError: It cannot be written.
    """
    try:
        with _opened(path) as file:
            return _written(engine, wanted, file)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CannotWriteError(
            f"cannot be written: {error.strerror or error}", place=str(path or "standard output")
        ) from error


def _written(engine: Engine, wanted: Wanted, file: IO[bytes]) -> int:
    if wanted.form is Form.STIX:
        return stix.write(engine, wanted.sensors, wanted.period, wanted.sources, file)
    count = 0
    found = rows(engine, wanted.sensors, wanted.period, wanted.addresses)
    match wanted.form:
        case Form.FLOWTUPLE:
            with pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
                for table in found:
                    writer.write_table(table)
                    count += table.num_rows
        case Form.CSV:
            # Loaded when it is wanted: 5 MB that no other form needs.
            from pyarrow import csv  # noqa: PLC0415

            with csv.CSVWriter(file, SCHEMA) as writer_csv:
                for table in found:
                    writer_csv.write_table(table)
                    count += table.num_rows
        case Form.DSHIELD:
            for table in found:
                file.writelines(dshield.lines(table, wanted.user))
                count += table.num_rows
        case _:
            assert_never(wanted.form)
    return count


@contextmanager
def _opened(path: Path | None) -> Iterator[IO[bytes]]:
    if path is None:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    unfinished = path.with_name(path.name + _UNFINISHED)
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
