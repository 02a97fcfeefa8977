"""The ledger: which batches are known, where they lie in the journal, how far each has come. Exactly once."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from teiten_collector.store.database import reading, writing
from teiten_collector.store.errors import StoreError
from teiten_collector.store.journal import Entry, Position
from teiten_collector.store.schema import BATCHES, COLLECTOR, EPOCHS, GROUPS, SETTLED_SEGMENTS
from teiten_collector.store.verdict import Conflict, ConflictReason, New, Repeat, Verdict
from teiten_protocol import BatchKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection, Row
    from sqlalchemy import Engine as SqlEngine

MAX_GROUP_BATCHES: Final = 4096
"""Batches a group takes at most, so that many empty ones make no endless transaction."""


class State(IntEnum):
    """How far a batch has come; the numbers are in the database."""

    JOURNALED = 1
    GROUPED = 2
    """Belongs to a group that is on its way into the tables."""
    STORED = 3
    UNREADABLE = 4
    """Its journal entry is damaged: it is in no table, `check` names it, and its key stays taken."""
    EXPIRED = 5
    """In the tables, and its time in the journal is over: it is there no more, or will not be for long."""

    @property
    def in_tables(self) -> bool:
        """Whether the tables have its rows."""
        return self in {State.STORED, State.EXPIRED}


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One batch in the ledger."""

    entry: Entry
    position: Position
    state: State


@dataclass(frozen=True, slots=True)
class Group:
    """Batches that reach the tables together."""

    number: int
    """From 1 on; the application transaction of each table's commit."""
    rows: tuple[LedgerRow, ...]


class Ledger:
    """The ledger in the SQL database. Safe for threads and processes; every method is one transaction."""

    def __init__(self, database: SqlEngine) -> None:
        """Works on a migrated database."""
        self._database = database
        self._turn = threading.Lock()

    def collector(self) -> str:
        """This store's identity, drawn when first asked for."""
        with reading(self._database) as connection:
            found = connection.scalar(select(COLLECTOR.c.id))
        if found is not None:
            return str(found)
        with writing(self._database) as connection:
            found = connection.scalar(select(COLLECTOR.c.id))
            if found is None:
                found = str(uuid4())
                connection.execute(insert(COLLECTOR).values(id=found))
            return str(found)

    def judge(self, key: BatchKey, digest: bytes, settings: bytes) -> Verdict:
        """What is to be said to a batch by what is known now."""
        with reading(self._database) as connection:
            return _judge(connection, key, digest, settings) or New(key)

    def record(self, entry: Entry, position: Position) -> Verdict:
        """Writes a journaled batch down; New to one caller only, however many try at once.

        The same entry at the same position is New again: recovery may have come before its writer.

        Not synced: the journal is. What a power cut takes from the ledger, the next start finds there.
        """
        for _ in range(2):
            try:
                # Threads of one process take turns here: SQLite makes them wait by sleeping, up to 0.1 s.
                with self._turn, writing(self._database, durable=False) as connection:
                    return _record(connection, entry, position)
            except IntegrityError:
                # Another one wrote the same key or epoch between the question and the answer: ask again.
                # SQLite admits one writer at a time and never comes here; PostgreSQL does.
                continue
        raise StoreError(f"batch {name_of(entry.key)} could not be written down", place="ledger")

    def find(self, key: BatchKey) -> LedgerRow | None:
        """What is known of a batch."""
        with reading(self._database) as connection:
            row = connection.execute(_rows().where(*_is(key))).one_or_none()
        return None if row is None else _ledger_row(row)

    def take_group(self, max_rows: int, country_database: str, network_database: str) -> Group | None:
        """The group to bring into the tables next: one that was begun and not finished, else a new one.

        Args:
            max_rows: How many rows a new group holds at most; a single batch may be larger.
            country_database: The database that will say its countries, kept with the group.
            network_database: The same for networks; empty where there is none.

        Returns:
            None where nothing waits. Only one process may take groups at a time (the intake's lock).
        """
        with writing(self._database) as connection:
            number = connection.scalar(select(func.min(GROUPS.c.number)).where(GROUPS.c.stored_ns.is_(None)))
            if number is None:
                waiting = _bounded(connection, max_rows)
                if not waiting:
                    return None
                number = (connection.scalar(select(func.max(GROUPS.c.number))) or 0) + 1
                connection.execute(
                    insert(GROUPS).values(
                        number=number,
                        opened_ns=time.time_ns(),
                        country_database=country_database,
                        network_database=network_database,
                    )
                )
                # By number and not by a range: a batch may have come in between with a smaller one
                # (PostgreSQL).
                for start in range(0, len(waiting), 500):
                    connection.execute(
                        update(BATCHES)
                        .where(BATCHES.c.arrival.in_(waiting[start : start + 500]))
                        .values(state=State.GROUPED, group_number=number)
                    )
            found = connection.execute(
                _rows()
                .where(BATCHES.c.group_number == number, BATCHES.c.state == State.GROUPED)
                .order_by(BATCHES.c.arrival)
            )
            return Group(number, tuple(_ledger_row(row) for row in found))

    def mark_stored(self, group: Group, unreadable: Iterable[BatchKey] = ()) -> None:
        """Says that a group is in the tables, on disk, but for the batches named, which cannot be read."""
        with writing(self._database) as connection:
            for key in unreadable:
                connection.execute(update(BATCHES).where(*_is(key)).values(state=State.UNREADABLE))
            connection.execute(
                update(BATCHES)
                .where(BATCHES.c.group_number == group.number, BATCHES.c.state == State.GROUPED)
                .values(state=State.STORED)
            )
            connection.execute(
                update(GROUPS).where(GROUPS.c.number == group.number).values(stored_ns=time.time_ns())
            )

    def expire(self, keys: Sequence[BatchKey]) -> None:
        """Says of batches in the tables that the journal need not hold them any more."""
        with writing(self._database) as connection:
            for key in keys:
                connection.execute(
                    update(BATCHES)
                    .where(*_is(key), BATCHES.c.state == State.STORED)
                    .values(state=State.EXPIRED)
                )

    def enrichment(self, group: int) -> tuple[str, str]:
        """The databases that said a group's countries and networks; empty texts for an unknown group."""
        columns = GROUPS.c
        with reading(self._database) as connection:
            row = connection.execute(
                select(columns.country_database, columns.network_database).where(columns.number == group)
            ).one_or_none()
        return ("", "") if row is None else (row.country_database, row.network_database)

    def waiting(self) -> int:
        """How many batches have not reached the tables; costs in proportion to them, not to the ledger."""
        states = (State.JOURNALED, State.GROUPED)
        with reading(self._database) as connection:
            count = connection.scalar(
                select(func.count()).select_from(BATCHES).where(BATCHES.c.state.in_(states))
            )
        return count or 0

    def count(self) -> dict[State, int]:
        """How many batches are in each state."""
        with reading(self._database) as connection:
            rows = connection.execute(select(BATCHES.c.state, func.count()).group_by(BATCHES.c.state)).all()
        return dict.fromkeys(State, 0) | {State(state): count for state, count in rows}

    def each(self, state: State) -> Iterator[LedgerRow]:
        """The batches in a state, by sensor, epoch and sequence; reads on while the caller goes on."""
        columns = BATCHES.c
        with reading(self._database) as connection:
            rows = connection.execution_options(stream_results=True, yield_per=10_000).execute(
                _rows()
                .where(columns.state == state)
                .order_by(columns.sensor, columns.epoch, columns.sequence)
            )
            for row in rows:
                yield _ledger_row(row)

    def settled(self) -> frozenset[str]:
        """The segments whose entries are known to be in the ledger, all of them."""
        with reading(self._database) as connection:
            return frozenset(connection.scalars(select(SETTLED_SEGMENTS.c.segment)))

    def settle(self, segment: str) -> None:
        """Says that a segment has no writer any more and that all its entries are in the ledger."""
        with writing(self._database) as connection:
            known = select(SETTLED_SEGMENTS.c.segment).where(SETTLED_SEGMENTS.c.segment == segment)
            if connection.scalar(known) is None:
                connection.execute(insert(SETTLED_SEGMENTS).values(segment=segment))


def name_of(key: BatchKey) -> str:
    """A batch's key as messages write it."""
    return f"{key.sensor}/{key.epoch}/{key.sequence}"


def _is(key: BatchKey) -> tuple[Any, ...]:
    columns = BATCHES.c
    return columns.sensor == key.sensor, columns.epoch == key.epoch, columns.sequence == key.sequence


def _rows() -> Any:  # noqa: ANN401 - a select over columns of two tables, whose type says nothing more
    on_epoch = (EPOCHS.c.sensor == BATCHES.c.sensor) & (EPOCHS.c.epoch == BATCHES.c.epoch)
    return select(BATCHES, EPOCHS.c.settings).select_from(BATCHES.join(EPOCHS, on_epoch))


def _ledger_row(row: Row[Any]) -> LedgerRow:
    entry = Entry(
        BatchKey(row.sensor, row.epoch, row.sequence),
        row.sha256,
        row.settings,
        row.received_ns,
        row.rows,
        row.packets,
    )
    return LedgerRow(entry, Position(row.segment, row.offset, row.length), State(row.state))


def _judge(connection: Connection, key: BatchKey, digest: bytes, settings: bytes) -> Verdict | None:
    """None: neither the batch nor anything against it is known."""
    known = connection.scalar(select(BATCHES.c.sha256).where(*_is(key)))
    if known == digest:
        return Repeat(key)
    begun = connection.scalar(
        select(EPOCHS.c.settings).where(EPOCHS.c.sensor == key.sensor, EPOCHS.c.epoch == key.epoch)
    )
    if begun is not None and begun != settings:
        return Conflict(key, ConflictReason.SETTINGS)
    return None if known is None else Conflict(key, ConflictReason.CONTENT)


def _record(connection: Connection, entry: Entry, position: Position) -> Verdict:
    key = entry.key
    verdict = _judge(connection, key, entry.digest, entry.settings)
    if isinstance(verdict, Repeat):
        place = select(BATCHES.c.segment, BATCHES.c.offset).where(*_is(key))
        same = connection.execute(place).one() == (position.segment, position.offset)
        return New(key) if same else verdict
    if verdict is not None:
        return verdict
    of_epoch = select(EPOCHS.c.epoch).where(EPOCHS.c.sensor == key.sensor, EPOCHS.c.epoch == key.epoch)
    if connection.scalar(of_epoch) is None:
        connection.execute(insert(EPOCHS).values(sensor=key.sensor, epoch=key.epoch, settings=entry.settings))
    connection.execute(
        insert(BATCHES).values(
            sensor=key.sensor,
            epoch=key.epoch,
            sequence=key.sequence,
            sha256=entry.digest,
            received_ns=entry.received_ns,
            rows=entry.rows,
            packets=entry.packets,
            segment=position.segment,
            offset=position.offset,
            length=position.length,
            state=State.JOURNALED,
        )
    )
    return New(key)


def _bounded(connection: Connection, max_rows: int) -> list[int]:
    """The oldest waiting batches that fit a group, by their numbers: at least one, if any waits."""
    columns = BATCHES.c
    waiting = connection.execute(
        select(columns.arrival, columns.rows)
        .where(columns.state == State.JOURNALED)
        .order_by(columns.arrival)
        .limit(MAX_GROUP_BATCHES)
    ).all()
    taken: list[int] = []
    total = 0
    for arrival, rows in waiting:
        total += rows
        if taken and total > max_rows:
            break
        taken.append(arrival)
    return taken
