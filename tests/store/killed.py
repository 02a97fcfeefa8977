"""A collector that kills itself with SIGKILL at a joint: `python -m tests.store.killed DIRECTORY JOINT FIRST LAST`.

Admits the batches FIRST to LAST (exclusive) of `made_up` and runs the intake in groups of two. Joints: `journaled` (the
last batch is in the journal and not in the ledger), `recorded` (in both), those that `Intake` tells, `written-TABLE`
(the table has its commit, nothing of it was synced), `none`.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_collector.intake import Intake
from teiten_collector.store import Store, tables
from tests.store.building import admit, countries, made_up

if TYPE_CHECKING:
    from teiten_collector.store.journal import Entry, Position
    from teiten_collector.store.verdict import Verdict

GROUP_ROWS = 60


def die() -> None:
    """Ends this process as a power switch would, but for the kernel's memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def main(directory: Path, joint: str, first: int, last: int) -> None:
    """See the module."""
    with Store.open(directory / "store") as store:
        record = store.ledger.record
        syncing = tables.Tables._sync

        def recording(entry: Entry, position: Position) -> Verdict:
            if entry.key.sequence == last - 1 and joint == "journaled":
                die()
            verdict = record(entry, position)
            if entry.key.sequence == last - 1 and joint == "recorded":
                die()
            return verdict

        def unsynced(self: tables.Tables, name: str, versions: range) -> None:
            if joint == f"written-{name}" and versions.start > 0:
                die()
            syncing(self, name, versions)

        store.ledger.record = recording  # type: ignore[method-assign]
        tables.Tables._sync = unsynced  # type: ignore[method-assign]
        for sequence in range(first, last):
            admit(store, made_up(sequence))
        Intake(
            store,
            countries(directory),
            max_group_rows=GROUP_ROWS,
            at_joint=lambda met: die() if met == joint else None,
        ).run_once()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
