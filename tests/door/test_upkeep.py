"""`backup`, `rebuild` and `migrate`: what an operator does to a store that serves."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import requests

from teiten_collector.store import Engine, Store
from tests.door.conftest import command, configure, register, serving, wait_until
from tests.door.requesting import send
from tests.store.building import made_up

if TYPE_CHECKING:
    from pathlib import Path

    from tests.door.conftest import Collector

_EVERYTHING = """
    SELECT * FROM (SELECT 'tuples' AS tab, t::VARCHAR AS content FROM tuples t
    UNION ALL SELECT 'detections', d::VARCHAR FROM detections d
    UNION ALL SELECT 'observations', o::VARCHAR FROM observations o) ORDER BY 1, 2"""


def everything(directory: Path) -> list[dict[str, Any]]:
    with Engine(directory) as engine:
        rows: list[dict[str, Any]] = engine.query(_EVERYTHING).to_pylist()
    return rows


def deliver(collector: Collector, count: int) -> None:
    for sequence in range(count):
        assert send(collector, made_up(sequence)).status_code == 201
    wait_until(lambda: collector.store.waiting() == 0)


def test_days_made_again_from_the_journal_are_the_same(tmp_path: Path) -> None:
    configuration = configure(tmp_path)
    with serving(configuration, tokens=register(configuration)) as collector:
        deliver(collector, 5)
        before = everything(collector.store_directory)
        with collector.store.writing_tables() as tables:  # a day goes wrong
            day = next(iter(tables.directory.glob("tuples/day=2009-08-01/*.parquet")))
        assert day.exists()
        done = collector.command("rebuild", "--period", "2009-07-31..2009-08-01", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["batches"] == 5
        assert everything(collector.store_directory) == before
        assert collector.command("check", "--journal").returncode == 0
        assert send(collector, made_up(9)).status_code == 201
        wait_until(lambda: collector.store.waiting() == 0)
        assert collector.command("check").returncode == 0
        assert len(everything(collector.store_directory)) > len(before)


def test_rows_that_a_table_lost_come_back(tmp_path: Path) -> None:
    configuration = configure(tmp_path)
    with serving(configuration, tokens=register(configuration)) as collector:
        deliver(collector, 3)
        before = everything(collector.store_directory)
        with collector.store.writing_tables() as tables:
            from datetime import date  # noqa: PLC0415 - here alone

            from teiten_collector.store.facts import SCHEMAS  # noqa: PLC0415 - as above

            tables.replace(date(2009, 8, 1), {name: schema.empty_table() for name, schema in SCHEMAS.items()})
        assert collector.command("check").returncode == 1
        assert collector.command("rebuild", "--period", "2009-08-01").returncode == 0
        assert everything(collector.store_directory) == before
        assert collector.command("check").returncode == 0


def test_nothing_is_rebuilt_from_a_journal_that_lost_a_batch(tmp_path: Path) -> None:
    configuration = configure(tmp_path)
    with serving(configuration, tokens=register(configuration)) as collector:
        deliver(collector, 2)
    store_directory = configuration.with_name("store")
    before = everything(store_directory)
    segment = next(iter((store_directory / "journal").glob("*.segment")))
    content = bytearray(segment.read_bytes())
    content[-20] ^= 0xFF
    segment.write_bytes(content)
    done = command("rebuild", "--period", "2009-08", "--config", str(configuration))
    assert done.returncode == 65
    assert "the journal no longer holds 1 batches (tokyo-01/1/1)" in done.stderr
    assert everything(store_directory) == before
    assert command("check", "--journal", "--config", str(configuration)).returncode == 1


def test_a_backup_taken_while_batches_come_is_whole(tmp_path: Path) -> None:
    configuration = configure(tmp_path, seconds=0.3)
    with serving(configuration, tokens=register(configuration)) as collector:
        acknowledged: list[int] = []
        stop = threading.Event()

        def keep_sending() -> None:
            sequence = 0
            while not stop.wait(0.03):
                assert send(collector, made_up(sequence)).status_code == 201
                acknowledged.append(sequence)
                sequence += 1

        sender = threading.Thread(target=keep_sending)
        sender.start()
        try:
            wait_until(lambda: len(acknowledged) >= 10)
            before = len(acknowledged)
            target = tmp_path / "backup" / "store"
            done = collector.command("backup", str(target), "--json")
            assert done.returncode == 0, done.stderr
        finally:
            stop.set()
            sender.join()
    copied = configure(tmp_path / "backup")
    listed = json.loads(command("sensor", "list", "--json", "--config", str(copied)).stdout)
    assert len(listed["sensors"]) == 2
    assert command("report", "--period", "2009-08-01", "--config", str(copied)).returncode == 0
    assert command("check", "--journal", "--config", str(copied)).returncode == 0
    with Store.open(target) as store:
        assert before <= sum(store.ledger.count().values()) <= len(acknowledged)


def test_a_backup_overwrites_nothing(tmp_path: Path) -> None:
    configuration = configure(tmp_path)
    register(configuration)
    done = command("backup", str(tmp_path), "--config", str(configuration))
    assert done.returncode == 73
    assert "is not empty" in done.stderr


def test_migrate_names_the_version_that_is_in_force(tmp_path: Path) -> None:
    done = command("migrate", "--config", str(configure(tmp_path)))
    assert (done.returncode, done.stdout) == (0, "the database is of version 0006\n")


def test_serve_keeps_its_store_fit_and_ends_in_the_middle_of_it(tmp_path: Path) -> None:
    configuration = configure(tmp_path)
    with configuration.open("a", encoding="utf-8") as file:
        file.write("upkeep_minutes = 0.001\n")
    with serving(configuration, tokens=register(configuration)) as collector:
        deliver(collector, 3)
        before = everything(collector.store_directory)

        def kept_up() -> bool:
            lines = requests.get(f"{collector.url}/metrics", timeout=30).text.splitlines()
            name = "teiten_collector_upkeep_last_success_timestamp_seconds "
            return any(line.startswith(name) and float(line.split()[1]) > 0 for line in lines)

        wait_until(kept_up)
        assert everything(collector.store_directory) == before
    assert collector.process.returncode == 0
    assert "upkeep" not in collector.log.read_text(encoding="utf-8")
    done = command("upkeep", "--config", str(configuration), "--now", "--json", "--seconds", "3600")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["finished"]
    assert everything(configuration.with_name("store")) == before
