"""Upkeep: rows stay what they are through every step, and through a kill in the middle of any."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from datetime import date
from pathlib import Path

import pytest

from teiten_collector.errors import InputError
from teiten_collector.intake import Intake, Sources
from teiten_collector.rebuild import rebuild
from teiten_collector.store import Engine, Repeat, Store
from teiten_collector.store.journal import Journal
from teiten_collector.store.ledger import State
from teiten_collector.store.lock import UPKEEP_LOCK, exclusive
from teiten_collector.store.tables import Tables
from teiten_collector.upkeep import Done, upkeep
from tests.store.building import admit, countries, made_up
from tests.store.test_rollups import configuration, report

FIRST, LAST = date(2009, 7, 31), date(2009, 8, 1)
EVERYTHING = """
    SELECT * FROM (SELECT 'tuples' AS tab, t::VARCHAR AS content FROM tuples t
    UNION ALL SELECT 'detections', d::VARCHAR FROM detections d
    UNION ALL SELECT 'quoted', q::VARCHAR FROM quoted q
    UNION ALL SELECT 'sketches', s::VARCHAR FROM sketches s
    UNION ALL SELECT 'observations', o::VARCHAR FROM observations o) ORDER BY 1, 2"""


def everything(directory: Path) -> list[dict[str, str]]:
    with Engine(directory) as engine:
        found: list[dict[str, str]] = engine.query(EVERYTHING).to_pylist()
    return found


def fill(store: Store, first: int, last: int) -> None:
    """A file of each table for each batch, each batch in a segment of its own."""
    for sequence in range(first, last):
        admit(store, made_up(sequence, rows=8), received_ns=time.time_ns())
        Intake(store, countries(store.directory)).run_once()
        store.journal.close()
    store.recover()


@pytest.fixture
def filled(store: Store) -> Store:
    store.registry.add("tokyo-01", ["198.51.100.0/28"], ["access"])
    fill(store, 0, 5)
    return store


def turn(store: Store, *, settled_seconds: float = 0.0, seconds: float = 60.0, **settings: float) -> Done:
    done = upkeep(store, configuration(store, **settings), seconds, settled_seconds=settled_seconds)
    assert done is not None
    return done


def data_files(store: Store) -> int:
    return len(list((store.directory / "tables").glob("*/day=*/*.parquet")))


def test_a_day_that_has_settled_becomes_one_file_with_the_same_rows(filled: Store) -> None:
    before, told = everything(filled.directory), report(filled)
    assert turn(filled, settled_seconds=3600).joined == 0
    done = turn(filled)
    assert done.joined > 0
    with filled.writing_tables() as tables:
        assert {len(files) for files in tables.files().values()} == {1}
    assert everything(filled.directory) == before
    assert report(filled) == told
    assert filled.check() == ()
    assert done.months == ["2009-08"]
    assert not turn(filled).anything


def test_a_day_that_goes_on_is_joined_before_its_files_are_many(store: Store) -> None:
    fill(store, 0, 24)
    assert turn(store, settled_seconds=3600).joined > 0


def test_whoever_reads_what_was_joined_reads_on_until_its_time_is_over(filled: Store) -> None:
    before = everything(filled.directory)
    files = data_files(filled)
    with Engine(filled.directory) as engine:
        engine.refresh()
        assert turn(filled, removed_files_hours=1).removed == 0
        assert data_files(filled) > files
        assert engine.query(EVERYTHING).to_pylist() == before


def leave_old_things(store: Store) -> Path:
    """A file that no version names, as a crash leaves them, and rollups of what is no more, both old."""
    report(store)
    fill(store, 5, 6)
    orphan = store.directory / "tables" / "tuples" / "day=2009-08-01" / "part-orphan.parquet"
    orphan.write_bytes(b"half a f")
    old = time.time() - 2 * 3600
    for path in (orphan, *(store.directory / "rollups").glob("*.parquet")):
        os.utime(path, (old, old))
    return orphan


def test_what_is_old_and_of_no_use_is_removed(filled: Store) -> None:
    orphan = leave_old_things(filled)
    before = everything(filled.directory)
    done = turn(filled, removed_files_hours=3, settled_seconds=3600)
    assert done.removed == 0
    assert done.rollups > 0
    assert orphan.exists()
    done = turn(filled, removed_files_hours=1)
    assert done.removed == 1
    assert not orphan.exists()
    assert everything(filled.directory) == before
    assert filled.check() == ()
    turn(filled)
    files = data_files(filled)
    with filled.writing_tables() as tables:
        assert sum(tables.vacuum(name, retention_hours=0) for name in tables.names()) > 0
    assert data_files(filled) < files
    assert everything(filled.directory) == before
    assert filled.check() == ()


def long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of upkeep, two days on."""
    now = time.time
    monkeypatch.setattr("teiten_collector.upkeep.time.time", lambda: now() + 2 * 86_400)


def test_the_journal_keeps_a_batch_for_its_time_and_what_is_not_in_the_tables_for_good(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(filled.directory)
    assert turn(filled, journal_days=1).segments == 0
    admit(filled, made_up(9), received_ns=time.time_ns())
    filled.journal.close()
    filled.recover()
    long_ago(monkeypatch)
    assert turn(filled, journal_days=0).segments == 0
    assert turn(filled, journal_days=1).segments == 5
    assert len(filled.journal.segments()) == 1
    assert everything(filled.directory) == before
    assert filled.check() == ()
    assert list(filled.check_journal()) == []
    assert filled.ledger.count()[State.EXPIRED] == 5
    assert isinstance(admit(filled, made_up(2, rows=8)), Repeat)
    Intake(filled, countries(filled.directory)).run_once()
    assert filled.check() == ()
    assert len(everything(filled.directory)) > len(before)


def test_days_whose_batches_the_journal_gave_up_are_not_rebuilt_and_others_are(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago(monkeypatch)
    assert turn(filled, journal_days=1).segments == 5
    fill(filled, 3 * 1440, 3 * 1440 + 1)
    before = everything(filled.directory)
    sources = Sources(countries(filled.directory), None)
    with pytest.raises(InputError, match=r"no longer holds 5 batches \(tokyo-01/1/0, (.|\n)*journal_days"):
        rebuild(filled, sources, FIRST, LAST)
    assert rebuild(filled, sources, date(2009, 8, 4), date(2009, 8, 4)).batches == 1
    assert everything(filled.directory) == before


def test_a_turn_begins_nothing_when_its_time_is_over_and_the_next_one_goes_on(filled: Store) -> None:
    done = turn(filled, seconds=0)
    assert not done.finished
    assert 0 < done.joined <= 5
    turns = 1
    while not turn(filled, seconds=0).finished:
        turns += 1
        assert turns < 100
    with filled.writing_tables() as tables:
        assert {len(files) for files in tables.files().values()} == {1}


def test_one_turn_at_a_time_and_none_during_a_backup(filled: Store) -> None:
    with exclusive(filled.directory / UPKEEP_LOCK):
        assert upkeep(filled, configuration(filled), 60, settled_seconds=0) is None
    assert turn(filled).joined > 0


def die(*_given: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed_turn(directory: Path, joint: str) -> None:
    """A turn that is killed: after a step of the name, or in the middle of one."""
    now = time.time
    time.time = lambda: now() + 2 * 86_400
    if joint == "commit not synced":
        Tables._settle = die  # type: ignore[method-assign,assignment]  # noqa: SLF001 - no public joint
    if joint == "batches expired, segment there":
        Journal.remove = die  # type: ignore[method-assign,assignment]
    if joint == "rollup without a name":
        Path.rename = die  # type: ignore[method-assign,assignment]
    with Store.open(directory) as store:
        upkeep(
            store,
            configuration(store, journal_days=1, removed_files_hours=1),
            60,
            settled_seconds=0,
            at_joint=lambda met: die() if met == joint else None,
        )


@pytest.mark.parametrize(
    "joint",
    [
        "joined",
        "removed",
        "expired",
        "swept",
        "counted",
        "commit not synced",
        "batches expired, segment there",
        "rollup without a name",
    ],
)
def test_killed_anywhere_nothing_is_lost_and_the_next_turn_goes_on(filled: Store, joint: str) -> None:
    leave_old_things(filled)
    before, told = everything(filled.directory), report(filled, rollups=False)
    process = multiprocessing.get_context("forkserver").Process(
        target=killed_turn, args=(filled.directory, joint)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert everything(filled.directory) == before
    assert report(filled) == told
    assert filled.check() == ()
    assert turn(filled, journal_days=0).finished
    with filled.writing_tables() as tables:
        assert {len(files) for files in tables.files().values()} == {1}
    assert everything(filled.directory) == before
    assert report(filled) == told
    assert filled.check() == ()
    assert list(filled.check_journal()) == []
    assert isinstance(admit(filled, made_up(1, rows=8)), Repeat)
