"""From the journal to the tables: group commits, each exactly once.

One process at a time takes groups (a lock file in the store's directory says which), so that `serve` and `import` may
both call it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from teiten_collector.enrich import CountryDatabase, NetworkDatabase
    from teiten_collector.store import Store

MAX_GROUP_ROWS = 500_000
"""Rows a group takes at most (one batch larger than this is a group of its own): bounds memory."""


class Intake:
    """Brings admitted batches into the tables."""

    def __init__(
        self,
        store: Store,
        country: CountryDatabase,
        network: NetworkDatabase | None = None,
        *,
        max_group_rows: int = MAX_GROUP_ROWS,
    ) -> None:
        """Takes the store and the databases that say what is known of a source; does nothing yet."""

    def run_once(self) -> int:
        """Brings in every batch admitted so far, group after group, and returns how many; waits for another process's turn.

        Killed at any moment, the next run gives the same tables.

        Raises:
            StoreError: The tables or the database cannot be used; nothing is lost, the next run goes on.
        """
        raise NotImplementedError
