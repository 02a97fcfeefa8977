"""Days of the tables made again from the journal: the same batches, counted once, give the same rows.

One day of one table is replaced in one commit, so that readers see it before or after. The journal is the
truth: where it no longer holds a batch that the ledger knows for one of these days, nothing is rebuilt,
because that would take the batch away. A batch whose time in the journal is over is such a one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from teiten_collector.errors import InputError
from teiten_collector.store import Engine
from teiten_collector.store.errors import DamagedEntryError
from teiten_collector.store.facts import DAY_NS, MINUTES_A_DAY, facts, minutes
from teiten_collector.store.ledger import State, name_of
from teiten_protocol import BatchError, BatchKey, decode, digest, expand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from teiten_collector.store import Store
    from teiten_collector.store.facts import Sources
    from teiten_collector.store.ledger import LedgerRow
    from teiten_protocol import Batch

_EPOCH: Final = date(1970, 1, 1)
_NAMED: Final = 5
"""Unreadable batches named in an error."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was done.

    Attributes:
        days: Days that were replaced.
        batches: Batches with rows in them.
        rows: Rows written.
    """

    days: int
    batches: int
    rows: int


def rebuild(
    store: Store, sources: Sources, first: date, last: date, advance: Callable[[], object] = lambda: None
) -> Rebuilt:
    """Makes the UTC days from `first` to `last`, both included, again.

    Countries and networks are those of today's databases.

    Args:
        store: The store; it may serve meanwhile, the intake waits.
        sources: What is known of sources.
        first: The first day.
        last: The last day.
        advance: Is called once a day.

    Raises:
        InputError: The journal has lost a batch; nothing was changed.
        StoreError: The tables cannot be written; days that were done stay done.
    """
    with store.writing_tables() as tables:
        chosen = _chosen(store, (first - _EPOCH).days, (last - _EPOCH).days)
        total = 0
        day = first
        while day <= last:
            number = (day - _EPOCH).days
            rows = {
                name: _of_day(table, day) for name, table in _facts(store, chosen, number, sources).items()
            }
            tables.replace(day, rows)
            total += sum(table.num_rows for table in rows.values())
            day += timedelta(days=1)
            advance()
        return Rebuilt((last - first).days + 1, len(chosen), total)


def _chosen(store: Store, first: int, last: int) -> list[tuple[LedgerRow, frozenset[int]]]:
    """The batches in the tables that have rows in these days, each with the days it has rows in."""
    chosen: list[tuple[LedgerRow, frozenset[int]]] = []
    lost: list[str] = []
    for row in store.ledger.each(State.STORED):
        try:
            batch = _read(store, row)
        except (DamagedEntryError, BatchError):
            lost.append(name_of(row.entry.key))
            continue
        days = frozenset(day for day in _days(batch) if first <= day <= last)
        if days:
            chosen.append((row, days))
    known = {row.entry.key for row, _ in chosen}
    lost += [name_of(key) for key in _in_tables(store, first, last) if key not in known]
    if lost:
        raise InputError(
            f"the journal no longer holds {len(lost)} batches ({', '.join(lost[:_NAMED])}"
            f"{', ...' if len(lost) > _NAMED else ''}), which a rebuilt day would lack",
            remedy="restore the journal's segments from a backup, or leave out the days that are older than "
            "[store] journal_days; nothing was changed",
        )
    return chosen


def _in_tables(store: Store, first: int, last: int) -> Iterator[BatchKey]:
    """The batches that the tables have in these days and whose time in the journal is over."""
    days = [_EPOCH + timedelta(days=number) for number in (first, last)]
    with Engine(store.directory) as engine:
        parts = (
            f"SELECT sensor, epoch, sequence FROM {name} WHERE day >= $1 AND day <= $2"  # noqa: S608 - names of tables
            for name in store.tables.names()
        )
        found = engine.query(" UNION ".join(parts) + " ORDER BY ALL", days).to_pylist()
    for row in found:
        key = BatchKey(row["sensor"], row["epoch"], row["sequence"])
        known = store.ledger.find(key)
        if known is not None and known.state is State.EXPIRED:
            yield key


def _facts(
    store: Store, chosen: list[tuple[LedgerRow, frozenset[int]]], day: int, sources: Sources
) -> dict[str, pa.Table]:
    batches = ((row.entry, _read(store, row)) for row, days in chosen if day in days)
    return facts(batches, sources)


def _read(store: Store, row: LedgerRow) -> Batch:
    """A batch from the journal.

    Raises:
        DamagedEntryError: It is not there, or not what the ledger knows.
        BatchError: It is no batch.
    """
    _, compressed = store.journal.read(row.position)
    body = expand(compressed)
    batch = decode(body)
    if batch.key != row.entry.key or digest(body) != row.entry.digest:
        raise DamagedEntryError(f"another batch than {name_of(row.entry.key)} lies at {row.position}")
    return batch


def _days(batch: Batch) -> Iterator[int]:
    for column in minutes(batch):
        numbers = pa.Array.from_buffers(pa.uint32(), len(column) // 4, [None, pa.py_buffer(column)])
        days = pc.unique(pc.divide(numbers, pa.scalar(MINUTES_A_DAY, pa.uint32())))
        yield from (int(day) for day in days.to_pylist() if day is not None)
    yield from (span.start_ns // DAY_NS for span in batch.spans)


def _of_day(table: pa.Table, day: date) -> pa.Table:
    return table.filter(pc.equal(table["day"], pa.scalar(day, pa.date32())))
