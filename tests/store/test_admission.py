"""One way in: a batch is new once, its exact repeat is a repeat, and whatever contradicts it is refused."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import inspect

from teiten_collector.errors import CannotWriteError, ConfigurationError
from teiten_collector.store import (
    Conflict,
    ConflictReason,
    New,
    Repeat,
    Store,
    StoreError,
    UnfitBatchError,
)
from teiten_collector.store.database import connect, reading, writing
from teiten_collector.store.ledger import State
from teiten_collector.store.schema import METADATA
from teiten_protocol import BatchKey, compress, digest, encode
from tests.store.building import AUGUST, admit, batch, made_up, tuple4

if TYPE_CHECKING:
    from pathlib import Path


def test_a_batch_is_new_once_and_then_a_repeat_whatever_its_compression(store: Store) -> None:
    given = made_up(0)
    body = encode(given)
    assert store.find(given.key, digest(body), given.settings) is None
    assert store.admit(given, compress(body), digest(body), 1) == New(given.key)
    assert store.admit(given, compress(body) + b"", digest(body), 2) == Repeat(given.key)
    assert store.find(given.key, digest(body), given.settings) == Repeat(given.key)
    assert store.waiting() == 1


def test_the_same_key_with_other_content_is_a_conflict_and_changes_nothing(store: Store) -> None:
    admit(store, batch(0, ipv4=(tuple4(AUGUST, "1.2.3.4", packets=1),)))
    verdict = admit(store, batch(0, ipv4=(tuple4(AUGUST, "1.2.3.4", packets=2),)))
    assert verdict == Conflict(BatchKey("tokyo-01", 1, 0), ConflictReason.CONTENT)
    assert isinstance(verdict, Conflict)
    assert "other content" in verdict.text
    row = store.ledger.find(BatchKey("tokyo-01", 1, 0))
    assert row is not None
    assert row.entry.packets == 1


def test_an_epoch_goes_on_under_its_own_settings_alone(store: Store) -> None:
    admit(store, batch(0))
    verdict = admit(store, batch(1, settings=b"other settings".ljust(32)))
    assert verdict == Conflict(BatchKey("tokyo-01", 1, 1), ConflictReason.SETTINGS)
    assert isinstance(verdict, Conflict)
    assert "other settings" in verdict.text
    assert isinstance(admit(store, batch(1)), New)
    assert isinstance(admit(store, batch(1, epoch=2, settings=b"other settings".ljust(32))), New)
    assert isinstance(admit(store, batch(1, sensor="osaka-02", settings=b"other settings".ljust(32))), New)


def test_of_the_same_batch_from_many_threads_one_is_new(store: Store) -> None:
    verdicts = []
    start = threading.Barrier(16)

    def send() -> None:
        start.wait()
        verdicts.append(admit(store, made_up(0)))

    threads = [threading.Thread(target=send) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(verdict).__name__ for verdict in verdicts) == ["New"] + ["Repeat"] * 15
    assert store.ledger.count()[State.JOURNALED] == 1


def test_processes_that_admit_the_same_batches_at_once_admit_each_once(store: Store) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from teiten_collector.store import New, Store\n"
        "from tests.store.building import admit, made_up\n"
        "with Store.open(Path(sys.argv[1])) as store:\n"
        "    print(sum(isinstance(admit(store, made_up(n)), New) for n in range(50)))\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(store.directory)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(int(output) for output in outputs) == 50
    assert store.ledger.count()[State.JOURNALED] == 50


def test_what_a_crash_kept_from_the_ledger_is_written_down_at_the_next_start(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.ledger.record = lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            admit(store, made_up(0))
    with Store.open(tmp_path) as store:
        assert store.waiting() == 1
        assert isinstance(admit(store, made_up(0)), Repeat)
        assert store.recover() == 0


def test_a_torn_entry_is_not_written_down_and_its_batch_is_new_when_it_comes_again(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        admit(store, made_up(0))
        store.ledger.record = lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            admit(store, made_up(1))
        (segment,) = store.journal.segments()
    path = tmp_path / "journal" / segment
    whole = path.read_bytes()
    path.write_bytes(whole[:-200] + bytes(200))  # the file grew, its last blocks were never written
    with Store.open(tmp_path) as store:
        assert store.waiting() == 1
        assert isinstance(admit(store, made_up(1)), New)


def test_a_segment_is_scanned_once_after_its_writer_is_gone(tmp_path: Path) -> None:
    with Store.open(tmp_path) as first:
        admit(first, made_up(0))
        with Store.open(tmp_path) as second:
            assert second.ledger.settled() == frozenset()
    with Store.open(tmp_path) as third:
        assert third.ledger.settled() == set(third.journal.segments())


def test_a_batch_that_no_table_can_take_is_refused_before_anything_is_kept(store: Store) -> None:
    beyond = batch(0, ipv4=(tuple4(2**32 - 1, "1.2.3.4"),))
    scattered = batch(0, ipv4=tuple(tuple4(day * 1440, "1.2.3.4") for day in range(4001)))
    for unfit, reason in ((beyond, "2262"), (scattered, "4000 days")):
        with pytest.raises(UnfitBatchError, match=reason):
            admit(store, unfit)
    assert store.journal.segments() == ()


def test_a_batch_without_rows_and_one_with_counts_at_the_limit_are_admitted(store: Store) -> None:
    assert isinstance(admit(store, batch(0)), New)
    huge = tuple(tuple4(AUGUST, index, packets=(2**63 - 1) // 40) for index in range(100))
    huge = tuple(replace(row, packets=2**63 - 1) for row in huge)
    assert isinstance(admit(store, batch(1, ipv4=huge, counters={})), New)
    row = store.ledger.find(BatchKey("tokyo-01", 1, 1))
    assert row is not None
    assert row.entry.packets == 100 * (2**63 - 1) % 2**63


def test_the_migrations_make_the_schema_that_the_program_uses(store: Store) -> None:
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 - for this test alone
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415

    database = connect(store.directory, "")
    with reading(database) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        assert set(inspect(connection).get_table_names()) == {*METADATA.tables, "alembic_version"}
    database.dispose()


def test_the_database_is_durable_shared_and_keeps_its_constraints(store: Store) -> None:
    database = connect(store.directory, "")
    with reading(database) as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    database.dispose()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30000}


def test_only_what_is_durable_elsewhere_is_written_without_a_sync(store: Store) -> None:
    database = connect(store.directory, "")
    modes = []
    for durable in (True, False, True):
        with writing(database, durable=durable) as connection:
            modes.append(connection.exec_driver_sql("PRAGMA synchronous").scalar())
    database.dispose()
    assert modes == [2, 1, 2]


def test_what_a_power_cut_takes_from_the_ledger_comes_back_from_the_journal(tmp_path: Path) -> None:
    given = [made_up(sequence) for sequence in range(3)]
    with Store.open(tmp_path / "store") as store:
        admit(store, given[0])
    before = {path.name: path.read_bytes() for path in (tmp_path / "store").glob("registry.sqlite*")}
    with Store.open(tmp_path / "store") as store:
        for one in given[1:]:
            assert admit(store, one) == New(one.key)
    for path in (tmp_path / "store").glob("registry.sqlite*"):
        path.unlink()
    for name, content in before.items():
        (tmp_path / "store" / name).write_bytes(content)
    with Store.open(tmp_path / "store") as store:
        assert store.waiting() == len(given)
        assert [admit(store, one) for one in given] == [Repeat(one.key) for one in given]
        rival = batch(given[1].key.sequence, ipv4=(tuple4(AUGUST, "1.2.3.4", packets=999),))
        assert isinstance(admit(store, rival), Conflict)


def test_a_database_of_a_later_program_or_an_older_one_that_may_not_change_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="absent"):
        Store.open(tmp_path, allow_migration=False)
    Store.open(tmp_path).close()
    Store.open(tmp_path, allow_migration=False).close()
    database = connect(tmp_path, "")
    with writing(database) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.dispose()
    with pytest.raises(StoreError, match="later version"):
        Store.open(tmp_path)


@pytest.mark.parametrize("url", ["nonsense", "unknown://host/name", "postgresql+psycopg2://localhost/none"])
def test_a_url_that_leads_nowhere_is_an_error_with_a_remedy(tmp_path: Path, url: str) -> None:
    with pytest.raises(StoreError, match="url"):
        Store.open(tmp_path, url)


def test_another_database_by_url_keeps_the_ledger(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/elsewhere.sqlite"
    with Store.open(tmp_path / "store", url) as store:
        admit(store, made_up(0))
    assert (tmp_path / "elsewhere.sqlite").exists()
    assert not (tmp_path / "store" / "registry.sqlite").exists()


def test_a_directory_that_cannot_be_used_is_said_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWriteError, match="file"):
        Store.open(tmp_path / "file" / "store")
    with pytest.raises(ConfigurationError, match="%"):
        Store.open(tmp_path / "50%41")
