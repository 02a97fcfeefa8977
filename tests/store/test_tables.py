"""The tables and the engine that reads them: whole groups, from any process, after any power failure."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from teiten_collector.intake import Intake
from teiten_collector.store import Engine, Store, StoreError, durable, tables
from teiten_collector.store.facts import SCHEMAS, Unknown, facts
from teiten_collector.store.journal import Entry
from teiten_collector.store.tables import Tables, read_snapshot
from teiten_protocol import digest, encode
from tests.store.building import admit, countries, made_up

if TYPE_CHECKING:
    from pathlib import Path

SUMS = "SELECT count(*) AS n, sum(packets)::BIGINT AS packets FROM tuples"


def rows_of(sequence: int) -> dict[str, pa.Table]:
    given = made_up(sequence)
    body = encode(given)
    return facts([(Entry(given.key, digest(body), given.settings, 1, 1, 1), given)], Unknown())


@pytest.fixture
def prepared(tmp_path: Path) -> Tables:
    made = Tables(tmp_path / "tables")
    made.prepare()
    return made


def write(target: Tables, group: int) -> None:
    assert list(target.append("test", group, rows_of(group))) == list(SCHEMAS)
    target.publish()


def sums(directory: Path) -> tuple[int, int]:
    with Engine(directory) as engine:
        (row,) = engine.query(SUMS).to_pylist()
    return row["n"], row["packets"] or 0


def test_before_the_first_row_every_view_is_there_and_empty(tmp_path: Path, store: Store) -> None:
    for directory in (tmp_path / "nowhere", store.directory):
        with Engine(directory) as engine:
            for name, schema in SCHEMAS.items():
                empty = engine.query(f"FROM {name}")
                assert empty.num_rows == 0
                assert empty.schema.names == schema.names
                assert [str(field.type) for field in empty.schema] == [str(field.type) for field in schema]


def test_the_views_have_the_tables_types_when_there_are_rows(tmp_path: Path, prepared: Tables) -> None:
    write(prepared, 1)
    with Engine(tmp_path) as engine:
        for name, schema in SCHEMAS.items():
            found = engine.query(f"FROM {name}")
            assert found.num_rows > 0
            assert [(f.name, str(f.type)) for f in found.schema] == [(f.name, str(f.type)) for f in schema]


def test_a_group_that_comes_again_is_left_out_table_by_table(tmp_path: Path, prepared: Tables) -> None:
    half = prepared.append("test", 1, rows_of(1))
    assert next(half) == "tuples"
    again = Tables(tmp_path / "tables")
    again.prepare()
    write(again, 1)
    write(again, 1)
    expected = rows_of(1)
    with Engine(tmp_path) as engine:
        for name in SCHEMAS:
            assert engine.query(f"FROM {name} SELECT count(*) AS n").to_pylist() == [
                {"n": expected[name].num_rows}
            ]
    assert [again.group(name, "test") for name in SCHEMAS] == [1] * len(SCHEMAS)


def test_transactions_are_remembered_over_checkpoints_compaction_and_vacuum(
    tmp_path: Path, prepared: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "CHECKPOINT_EVERY", 3)
    for group in range(1, 9):
        write(prepared, group)
    before = sums(tmp_path)
    assert list((tmp_path / "tables" / "tuples" / "_delta_log").glob("*.checkpoint.parquet"))
    for name, day in prepared.files():
        prepared.compact(name, day)
    assert (
        len([file for (name, _), files in prepared.files().items() if name == "tuples" for file in files])
        == 2
    )
    assert prepared.vacuum("tuples", retention_hours=0) > 0
    assert prepared.vacuum("tuples", retention_hours=0) == 0
    again = Tables(tmp_path / "tables")
    again.prepare()
    write(again, 8)
    assert sums(tmp_path) == before
    write(again, 9)
    assert sums(tmp_path)[0] == before[0] + rows_of(9)["tuples"].num_rows


def test_readers_see_whole_groups_only_and_keep_their_state_until_they_refresh(
    tmp_path: Path, prepared: Tables
) -> None:
    write(prepared, 1)
    with Engine(tmp_path) as engine:
        first = engine.query(SUMS).to_pylist()
        half = prepared.append("test", 2, rows_of(2))
        next(half)
        engine.refresh()
        assert engine.query(SUMS).to_pylist() == first
        list(half)
        prepared.publish()
        assert engine.query(SUMS).to_pylist() == first
        for name, day in prepared.files():
            prepared.compact(name, day)
        assert engine.query(SUMS).to_pylist() == first
        engine.refresh()
        assert engine.query(SUMS).to_pylist() != first


def test_another_process_reads_whole_groups_while_they_are_written(tmp_path: Path, prepared: Tables) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from teiten_collector.store import Engine\n"
        "print('ready', flush=True)\n"
        "for _ in iter(sys.stdin.readline, ''):\n"
        "    with Engine(Path(sys.argv[1])) as engine:\n"
        "        (row,) = engine.query('SELECT (SELECT count(DISTINCT sequence) FROM tuples) AS t, '\n"
        "            '(SELECT count(DISTINCT sequence) FROM detections) AS d, '\n"
        "            '(SELECT count(DISTINCT sequence) FROM observations) AS o').to_pylist()\n"
        "    print(row['t'], row['d'], row['o'], flush=True)\n"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdin is not None
    assert reader.stdout is not None
    assert reader.stdout.readline() == "ready\n"
    seen = []
    for group in range(1, 21):
        reader.stdin.write("\n")
        reader.stdin.flush()
        write(prepared, group)
        seen.append(tuple(map(int, reader.stdout.readline().split())))
    reader.stdin.close()
    assert reader.wait(30) == 0
    reader.stdout.close()
    assert all(t == d == o for t, d, o in seen)
    assert seen == sorted(seen)
    assert seen[-1][0] in {19, 20}


@pytest.mark.parametrize("part", ["entry", "empty entry", "file", "short file", "no file"])
def test_a_commit_that_a_power_failure_tore_is_taken_back_and_written_again(
    tmp_path: Path, prepared: Tables, part: str
) -> None:
    write(prepared, 1)
    half = prepared.append("test", 2, rows_of(2))
    next(half)
    table = tmp_path / "tables" / "tuples"
    log = max((table / "_delta_log").glob("*.json"))
    file = max(table.rglob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)
    match part:
        case "entry":
            log.write_bytes(log.read_bytes()[:-50])
        case "empty entry":
            log.write_bytes(b"")
        case "file":
            file.write_bytes(bytes(file.stat().st_size))
        case "short file":
            file.write_bytes(file.read_bytes()[:-1])
        case _:
            file.unlink()
    again = Tables(tmp_path / "tables")
    again.prepare()
    assert again.group("tuples", "test") == 1
    write(again, 2)
    assert sums(tmp_path)[0] == sum(rows_of(group)["tuples"].num_rows for group in (1, 2))


def test_a_checkpoint_that_a_power_failure_tore_is_left_out(
    tmp_path: Path, prepared: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(prepared, 1)
    write(prepared, 2)
    before = sums(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(tables, "CHECKPOINT_EVERY", 1)
        snapshot = (tmp_path / "tables" / "snapshot.json").read_bytes()
        prepared.publish()
    log = tmp_path / "tables" / "tuples" / "_delta_log"
    (checkpoint,) = log.glob("*.checkpoint.parquet")
    checkpoint.write_bytes(b"")
    (log / "_last_checkpoint").write_bytes(b"")
    (tmp_path / "tables" / "snapshot.json").write_bytes(snapshot)
    again = Tables(tmp_path / "tables")
    again.prepare()
    assert not checkpoint.exists()
    write(again, 3)
    assert sums(tmp_path)[0] == before[0] + rows_of(3)["tuples"].num_rows


def test_everything_is_synced_before_readers_are_shown_it(
    tmp_path: Path, prepared: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    real = durable.sync

    def noted(path: Path) -> None:
        synced.append(path)
        real(path)

    monkeypatch.setattr(durable, "sync", noted)
    before = set((tmp_path / "tables").rglob("*"))
    write(prepared, 1)
    new = {path for path in (tmp_path / "tables").rglob("*") if not path.name.startswith(".")} - before
    assert new
    assert new <= set(synced)
    assert {path.parent for path in new} <= set(synced)


def test_a_table_of_an_earlier_program_is_given_the_columns_it_lacks(
    tmp_path: Path, prepared: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(prepared, 1)
    before = sums(tmp_path)
    later = {**SCHEMAS, "tuples": SCHEMAS["tuples"].append(pa.field("extra", pa.int64()))}
    for module in (tables, sys.modules["teiten_collector.store.engine"]):
        monkeypatch.setattr(module, "SCHEMAS", later)
    again = Tables(tmp_path / "tables")
    again.prepare()
    assert sums(tmp_path) == before
    with Engine(tmp_path) as engine:
        assert engine.query("SELECT count(*) AS n FROM tuples WHERE extra IS NULL").to_pylist() == [
            {"n": before[0]}
        ]
    monkeypatch.undo()
    with pytest.raises(StoreError, match="extra"):
        Tables(tmp_path / "tables").prepare()


def test_the_tables_are_delta_lake_for_anyone_partitioned_by_day_with_signed_integers(
    tmp_path: Path, prepared: Tables
) -> None:
    write(prepared, 1)
    for name, schema in SCHEMAS.items():
        table = DeltaTable(tmp_path / "tables" / name)
        assert table.metadata().partition_columns == ["day"]
        assert not any("uint" in str(field.type) for field in schema)
        assert pa.table(table.to_pyarrow_table()).num_rows == rows_of(1)[name].num_rows


def test_a_store_in_a_path_with_blanks_and_patterns_is_read(tmp_path: Path) -> None:
    directory = tmp_path / "a 'store' * é?"
    with Store.open(directory) as store:
        admit(store, made_up(0))
        Intake(store, countries(tmp_path)).run_once()
        assert store.check() == ()
    assert sums(directory)[0] > 0


def test_parameters_are_bound_by_place_and_by_name_and_own_tables_joined(
    tmp_path: Path, prepared: Tables
) -> None:
    write(prepared, 1)
    with Engine(tmp_path) as engine:
        assert engine.query("SELECT ? + 1 AS n", [1]).to_pylist() == [{"n": 2}]
        assert engine.query("SELECT $a || '%' AS t", {"a": "x' OR"}).to_pylist() == [{"t": "x' OR%"}]
        own = pa.table({"sensor": ["tokyo-01"]})
        joined = engine.query(
            "SELECT count(*) AS n FROM tuples JOIN mine USING (sensor)", tables={"mine": own}
        )
        assert joined.to_pylist() == [{"n": rows_of(1)["tuples"].num_rows}]


def test_check_names_what_ledger_and_tables_disagree_about(store: Store, tmp_path: Path) -> None:
    admit(store, made_up(0))
    Intake(store, countries(tmp_path)).run_once()
    with store.writing_tables() as held:
        list(held.append("someone else", 1, {**rows_of(0), "tuples": rows_of(5)["tuples"]}))
        held.publish()
    found = {(finding.kind, finding.subject) for finding in store.check()}
    assert found == {("differs", "tokyo-01/1/0"), ("strange", "tokyo-01/1/5")}
    with store.writing_tables() as held:
        for name in SCHEMAS:
            DeltaTable(held.directory / name).delete("sequence = 0")
        held.prepare()
        held.publish()
    assert {finding.kind for finding in store.check()} == {"missing", "strange"}


def test_a_damaged_snapshot_is_an_error_that_says_what_to_do(tmp_path: Path, prepared: Tables) -> None:
    write(prepared, 1)
    path = tmp_path / "tables" / "snapshot.json"
    path.write_text("{")
    with pytest.raises(StoreError, match=r"snapshot\.json"):
        Engine(tmp_path).refresh()
    path.unlink()
    assert sums(tmp_path)[0] > 0
    Tables(tmp_path / "tables").prepare()
    assert read_snapshot(tmp_path / "tables") is not None
