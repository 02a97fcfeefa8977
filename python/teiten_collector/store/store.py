"""The store as a whole: journal, registry, ledger and tables in one directory.

DIRECTORY/
    registry.sqlite     registry and ledger, unless a URL says otherwise
    journal/            segments
    tables/             tuples, detections, quoted, sketches, examples, observations (Delta
                        Lake), snapshot.json
    rollups/            what was counted of days that are over
    releases/           what is rolled out, each file under its digest
    scratch/            of queries that are running
    migrate.lock, intake.lock, recovery.lock, upkeep.lock
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import pyarrow as pa

from teiten_collector.errors import CannotWriteError, ConfigurationError, InputError
from teiten_collector.store import facts
from teiten_collector.store.contacts import Contacts
from teiten_collector.store.database import connect, migrate, schema_version
from teiten_collector.store.durable import make_directory
from teiten_collector.store.engine import TABLES_DIRECTORY, Engine
from teiten_collector.store.enrolments import Enrolments
from teiten_collector.store.errors import DamagedEntryError
from teiten_collector.store.fleet import Fleet
from teiten_collector.store.journal import SEGMENT_BYTES, Entry, Journal
from teiten_collector.store.ledger import Ledger, State, name_of
from teiten_collector.store.lock import exclusive
from teiten_collector.store.readers import Readers
from teiten_collector.store.registry import Registry
from teiten_collector.store.tables import Tables
from teiten_collector.store.verdict import New, Verdict
from teiten_protocol import BatchError, digest, expand

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from sqlalchemy import Engine as SqlEngine

    from teiten_protocol import Batch, BatchKey

MAX_MINUTE: Final = (2**63 - 1) // 60_000_000_000
"""The last minute of time in nanoseconds, as spans are written: to the year 2262."""

UNUSABLE: Final = frozenset("%[]\\^|")
"""Characters that deltalake 1.6 misreads in the path of a table (it takes a path for a URL)."""

MAX_DAYS: Final = 4000
"""Different days a batch's rows may fall into, because a file is made for each; eleven years are enough."""


class UnfitBatchError(InputError):
    """A batch that is well formed and could not be brought into the tables; nothing of it was kept."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `Store.check` found wrong."""

    kind: str
    """`missing`, `differs`, `strange` or `unreadable`, for machines."""
    subject: str
    """What it is about: a batch as SENSOR/EPOCH/SEQUENCE."""
    text: str
    """A sentence for people, without a full stop."""


class Store:
    """Everything the collector keeps. Safe for many threads, and for many processes at once.

    Attributes:
        directory: Where it lies.
        registry: Sensors and tokens.
        enrolments: One-time codes.
        fleet: Conditions of sensors, and roll-outs.
        readers: Who may ask how the sensors stand.
        contacts: When each sensor was last heard.
        ledger: Batches and groups, for the intake.
        journal: Bodies, for the intake.
        tables: The fact tables, for whoever holds `writing_tables`.
    """

    def __init__(self, directory: Path, database: SqlEngine, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Ties the parts; `open` is the way to a store that is ready."""
        self.directory = directory
        self.registry = Registry(database)
        self.enrolments = Enrolments(database)
        self.fleet = Fleet(database, directory)
        self.readers = Readers(database)
        self.contacts = Contacts(database)
        self.ledger = Ledger(database)
        self.journal = Journal(directory / "journal", segment_bytes=segment_bytes)
        self.tables = Tables(directory / TABLES_DIRECTORY)
        self._database = database

    @classmethod
    def open(
        cls,
        directory: Path,
        url: str = "",
        *,
        allow_migration: bool = True,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> Self:
        """Opens the store, making it where there is none, and writes down what a crash kept from the ledger.

        Args:
            directory: Its directory, made when absent; journal and tables lie in it.
            url: An SQLAlchemy URL of the registry's and ledger's database; empty: SQLite in the directory.
            allow_migration: Whether to bring an older schema up; False refuses one.
            segment_bytes: When a segment of the journal is full.

        Raises:
            StoreError: The database cannot be reached or is of another version.
            ConfigurationError: The directory's path has a character that cannot be used.
            CannotWriteError: The directory cannot be written.
        """
        if unusable := UNUSABLE.intersection(str(directory.absolute())):
            raise ConfigurationError(
                f"its path has {' '.join(sorted(unusable))}, which the tables' library misreads: {directory}",
                place="[store] directory",
                remedy="choose another directory",
            )
        try:
            make_directory(directory)
            database = connect(directory, url)
            migrate(database, directory, allowed=allow_migration)
            store = cls(directory, database, segment_bytes=segment_bytes)
            store.recover()
        except OSError as error:
            raise CannotWriteError(
                f"the store cannot be opened: {error.strerror}",
                place=str(error.filename or directory),
                remedy="see to the folder that [store] directory names: its owner, and the space on its disk",
            ) from error
        return store

    def recover(self) -> int:
        """Writes journaled batches down that a crash kept from the ledger; how many. Called by `open`.

        Looks at segments whose writer is gone, each once. Groups that were begun are finished by the next
        intake.
        """
        found = 0
        with exclusive(self.directory / "recovery.lock"):
            settled = self.ledger.settled()
            for segment in self.journal.segments():
                if segment not in settled and not self.journal.busy(segment):
                    found += self._recover(segment)
                    self.ledger.settle(segment)
        return found

    def find(self, key: BatchKey, digest: bytes, settings: bytes) -> Verdict | None:
        """What `admit` would say without writing: Repeat, Conflict, or None where the batch would be new."""
        verdict = self.ledger.judge(key, digest, settings)
        return None if isinstance(verdict, New) else verdict

    def admit(self, batch: Batch, body: bytes, digest: bytes, received_ns: int) -> Verdict:
        """Makes a batch durable and decides once: the one way in, for the network and for `import`.

        Whether the sensor may send it (its token, its addresses) is decided before. When New or Repeat is
        returned the batch is on disk, and may be acknowledged. Blocks for a sync, which waiting threads
        share.

        Args:
            batch: The decoded batch.
            body: The COMPRESSED body as it came (`teiten_protocol.compress`), kept byte for byte.
            digest: `teiten_protocol.digest` of the uncompressed body.
            received_ns: When it came, nanoseconds of Unix time.

        Raises:
            UnfitBatchError: The tables could not take it: its minutes are beyond time, or over too many days.
            JournalError: It could not be made durable (disk full, write error); the sender may try again.
            StoreError: The database cannot be reached.
        """
        known = self.find(batch.key, digest, batch.settings)
        if known is not None:
            return known
        _require_fit(batch)
        entry = Entry(batch.key, digest, batch.settings, received_ns, facts.rows(batch), facts.packets(batch))
        return self.ledger.record(entry, self.journal.append(entry, body))

    def waiting(self) -> int:
        """How many admitted batches have not reached the tables yet."""
        return self.ledger.waiting()

    @contextmanager
    def writing_tables(self) -> Iterator[Tables]:
        """Holds the right to write the fact tables, waiting for whoever has it; they are prepared for it."""
        with exclusive(self.directory / "intake.lock"):
            self.tables.prepare()
            yield self.tables

    def check(self) -> tuple[Finding, ...]:
        """Holds ledger and tables against each other, batch by batch: rows and packets. Empty: they agree."""
        with exclusive(self.directory / "intake.lock"), Engine(self.directory) as engine:
            return tuple(_compare(self.ledger, engine))

    def check_journal(self) -> Iterator[Finding]:
        """Reads every batch in the journal again, and holds it against its digest in the ledger."""
        for state in (State.JOURNALED, State.GROUPED, State.STORED):
            for row in self.ledger.each(state):
                try:
                    _, compressed = self.journal.read(row.position)
                    sound = digest(expand(compressed)) == row.entry.digest
                except (DamagedEntryError, BatchError):
                    sound = False
                if not sound:
                    yield Finding(
                        "unreadable", name_of(row.entry.key), "the journal no longer holds it as it came"
                    )

    def expire_segment(self, segment: str, before_ns: int) -> bool:
        """Removes a segment of the journal if no batch in it is needed any more; whether it did.

        Needed is what is not in the tables, and what came since `before_ns`. The ledger knows that the
        batches are gone before they are: killed in between, the segment goes the next time.
        """
        if (
            self.journal.begun_ns(segment) >= before_ns
            or segment not in self.ledger.settled()
            or self.journal.busy(segment)
        ):
            return False
        keys = []
        for position, entry in self.journal.scan(segment):
            row = self.ledger.find(entry.key)
            if row is None or row.position != position:
                continue  # never acknowledged, or a repeat that lies elsewhere
            if row.state in {State.JOURNALED, State.GROUPED} or entry.received_ns >= before_ns:
                return False
            keys.append(entry.key)
        self.ledger.expire(keys)
        self.journal.remove(segment)
        return True

    def version(self) -> str:
        """The version of the database's schema."""
        return schema_version(self._database)

    def close(self) -> None:
        """Ends this process's journal segment and its connections; idempotent."""
        self.journal.close()
        self._database.dispose()

    def __enter__(self) -> Self:
        """The store itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it."""
        self.close()

    def _recover(self, segment: str) -> int:
        found = 0
        for position, entry in self.journal.scan(segment):
            if self.ledger.find(entry.key) is not None:
                continue
            try:
                self.journal.read(position)
            except DamagedEntryError:
                # Not in the ledger, so never acknowledged: what a power failure left of an entry that was not
                # synced.
                continue
            found += isinstance(self.ledger.record(entry, position), New)
        return found


def _require_fit(batch: Batch) -> None:
    where = f"batch {name_of(batch.key)}"
    if facts.last_minute(batch) > MAX_MINUTE:
        raise UnfitBatchError(f"a row's minute is over {MAX_MINUTE} (the year 2262)", place=where)
    if facts.days(batch) > MAX_DAYS:
        raise UnfitBatchError(
            f"its rows fall into over {MAX_DAYS} days", place=where, remedy="see the sensor's clock"
        )


_STATED: Final[list[tuple[str, pa.DataType]]] = [
    ("sensor", pa.string()),
    ("epoch", pa.int64()),
    ("sequence", pa.int32()),
    ("entries", pa.int64()),
    ("packets", pa.int64()),
]

_SUMS: Final = """
    SELECT sensor, epoch, sequence, sum(entries) AS entries, sum(packets) AS packets FROM (
        SELECT sensor, epoch, sequence, count(*) AS entries, sum(packets) AS packets FROM tuples GROUP BY ALL
        UNION ALL SELECT sensor, epoch, sequence, count(*), 0 FROM detections GROUP BY ALL
        UNION ALL SELECT sensor, epoch, sequence, count(*), 0 FROM examples GROUP BY ALL
        UNION ALL SELECT sensor, epoch, sequence, count(*), 0 FROM quoted GROUP BY ALL
        UNION ALL SELECT sensor, epoch, sequence, count(*), 0 FROM sketches GROUP BY ALL
        UNION ALL SELECT sensor, epoch, sequence, count(*), 0 FROM observations GROUP BY ALL)
    GROUP BY ALL"""

_COMPARED: Final = f"""
    SELECT coalesce(l.sensor, t.sensor) AS sensor, coalesce(l.epoch, t.epoch) AS epoch,
        coalesce(l.sequence, t.sequence) AS sequence, l.entries AS stated_rows, l.packets AS stated_packets,
        t.entries::BIGINT AS rows, (t.packets % 9223372036854775808)::BIGINT AS packets
    FROM stated l FULL JOIN ({_SUMS}) t USING (sensor, epoch, sequence)
    WHERE l.entries IS DISTINCT FROM t.entries
        OR l.packets IS DISTINCT FROM t.packets % 9223372036854775808
    ORDER BY 1, 2, 3"""  # noqa: S608 - no part comes from outside


def _compare(ledger: Ledger, engine: Engine) -> Iterator[Finding]:
    for row in ledger.each(State.UNREADABLE):
        yield Finding(
            "unreadable",
            name_of(row.entry.key),
            "its journal entry is damaged: it is in no table, and in no sum",
        )
    stated_rows = pa.Table.from_pylist(
        [
            {
                "sensor": row.entry.key.sensor,
                "epoch": row.entry.key.epoch,
                "sequence": row.entry.key.sequence,
                "entries": row.entry.rows,
                "packets": row.entry.packets,
            }
            for state in State
            if state.in_tables
            for row in ledger.each(state)
        ],
        schema=pa.schema(_STATED),
    )
    for found in engine.query(_COMPARED, tables={"stated": stated_rows}).to_pylist():
        subject = f"{found['sensor']}/{found['epoch']}/{found['sequence']}"
        stated = f"{found['stated_rows']} rows, {found['stated_packets']} packets"
        present = f"{found['rows']} rows, {found['packets']} packets"
        if found["rows"] is None:
            yield Finding(
                "missing", subject, f"the ledger has it stored ({stated}), the tables have nothing of it"
            )
        elif found["stated_rows"] is None:
            yield Finding("strange", subject, f"the tables have it ({present}), the ledger has it not stored")
        else:
            yield Finding("differs", subject, f"the ledger states {stated}, the tables have {present}")
