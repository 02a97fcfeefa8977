"""A collector in a process of its own that kills itself with SIGKILL at a joint.

It admits the batches FIRST to LAST (exclusive) of `made_up` and runs the intake in groups of two. Joints:
`journaled` (the last batch is in the journal and not in the ledger), `recorded` (in both), those that
`Intake` tells, `written-TABLE` (the table has its commit, nothing of it was synced), `none`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import TYPE_CHECKING

from teiten_collector.intake import Intake
from teiten_collector.store import Store, tables
from tests.store.building import admit, countries, made_up

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess
    from pathlib import Path

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
        syncing = tables.Tables._sync  # noqa: SLF001 - between a commit and its sync is no public joint

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
        tables.Tables._sync = unsynced  # type: ignore[method-assign]  # noqa: SLF001 - as above
        for sequence in range(first, last):
            admit(store, made_up(sequence))
        Intake(
            store,
            countries(directory),
            max_group_rows=GROUP_ROWS,
            at_joint=lambda met: die() if met == joint else None,
        ).run_once()


# A server that has imported everything and done nothing forks each process: clean as a new one, without its
# start.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.store.killed"])


def begin(directory: Path, joint: str, first: int, last: int) -> BaseProcess:
    """Starts it."""
    process = _CONTEXT.Process(target=main, args=(directory, joint, first, last))
    process.start()
    return process


def outcome(process: BaseProcess) -> int | None:
    """Waits for its end; 0, or the number of the signal that ended it, negative."""
    process.join(60)
    return process.exitcode


def run(directory: Path, joint: str, first: int, last: int) -> int | None:
    """Starts it, and waits for its end."""
    return outcome(begin(directory, joint, first, last))
