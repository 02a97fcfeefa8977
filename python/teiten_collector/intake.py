"""From the journal to the tables: group commits, each exactly once.

One process at a time takes groups (a lock file in the store's directory says which), so that `serve` and
`import` may both run an intake.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from teiten_collector.store.errors import DamagedEntryError
from teiten_collector.store.facts import Unknown, facts
from teiten_collector.store.ledger import name_of
from teiten_protocol import BatchError, decode, digest, expand

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from teiten_collector.enrich import CountryDatabase, NetworkDatabase
    from teiten_collector.store import Store
    from teiten_collector.store.journal import Entry
    from teiten_collector.store.ledger import Group, LedgerRow
    from teiten_collector.store.tables import Tables
    from teiten_protocol import Batch, BatchKey

MAX_GROUP_ROWS: Final = 500_000
"""Rows a group takes at most (a batch larger than this is a group of its own): some 100 MB in memory."""

_LOG: Final = logging.getLogger(__name__)


class Sources:
    """What the given databases know of sources.

    Attributes:
        country_database: See `teiten_collector.store.facts.Sources`.
        network_database: See there.
    """

    def __init__(self, country: CountryDatabase, network: NetworkDatabase | None) -> None:
        """Takes the databases; without the second one networks are unknown."""
        self.country_database = str(country.identity)
        self.network_database = "" if network is None else str(network.identity)
        self._country = country
        self._network = network

    def countries(self, addresses: pa.Array[Any]) -> pa.Array[Any]:
        """See `teiten_collector.store.facts.Sources`."""
        return self._country.countries(addresses)

    def networks(self, addresses: pa.Array[Any]) -> pa.Array[Any]:
        """See `teiten_collector.store.facts.Sources`."""
        if self._network is None:
            return Unknown().networks(addresses)
        return self._network.numbers(addresses)


class Intake:
    """Brings admitted batches into the tables."""

    def __init__(
        self,
        store: Store,
        country: CountryDatabase,
        network: NetworkDatabase | None = None,
        *,
        max_group_rows: int = MAX_GROUP_ROWS,
        at_joint: Callable[[str], object] | None = None,
    ) -> None:
        """Takes the store and the databases that say what is known of a source; does nothing yet.

        Args:
            store: The store.
            country: Says a source's country.
            network: Says a source's network.
            max_group_rows: Rows a group takes at most.
            at_joint: Is told each point at which a crash would leave a group half done: `taken`, the name of
                each table when it has the group, `published`, `stored`.
        """
        self._store = store
        self._sources = Sources(country, network)
        self._max_group_rows = max_group_rows
        self._at_joint = at_joint or (lambda _joint: None)

    def run_once(self) -> int:
        """Brings in every batch admitted so far, group after group; how many. Waits for other intakes.

        What comes in meanwhile is for the next run: under a steady stream this one would never end, and never
        let go of the tables.

        Killed at any moment, the next run gives the same tables.

        Raises:
            StoreError: The tables or the database cannot be used; nothing is lost, the next run goes on.
        """
        if not self._store.waiting():
            return 0
        taken = count = 0
        with self._store.writing_tables() as tables:
            waiting = self._store.waiting()
            while taken < waiting and (group := self._take()):
                taken += len(group.rows)
                count += self._bring(group, tables)
        return count

    def _take(self) -> Group | None:
        return self._store.ledger.take_group(
            self._max_group_rows, self._sources.country_database, self._sources.network_database
        )

    def _bring(self, group: Group, tables: Tables) -> int:
        """Brings one group in: tables first, on disk; then readers; then the ledger."""
        self._at_joint("taken")
        batches: list[tuple[Entry, Batch]] = []
        unreadable: list[BatchKey] = []
        for row in group.rows:
            batch = self._read(row)
            if batch is None:
                unreadable.append(row.entry.key)
            else:
                batches.append((row.entry, batch))
        rows = facts(batches, self._sources)
        for name in tables.append(self._store.ledger.collector(), group.number, rows):
            self._at_joint(name)
        tables.publish()
        self._at_joint("published")
        self._store.ledger.mark_stored(group, unreadable)
        self._at_joint("stored")
        return len(batches)

    def _read(self, row: LedgerRow) -> Batch | None:
        """A batch from the journal; None, and a line in the log, where its entry is damaged."""
        try:
            _, compressed = self._store.journal.read(row.position)
            body = expand(compressed)
            batch = decode(body)
        except (DamagedEntryError, BatchError) as error:
            _LOG.error("batch %s is lost: %s", name_of(row.entry.key), error)
            return None
        if batch.key != row.entry.key or digest(body) != row.entry.digest:
            _LOG.error("batch %s is lost: another one lies at %s", name_of(row.entry.key), row.position)
            return None
        return batch
