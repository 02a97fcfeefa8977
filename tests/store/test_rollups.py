"""Rollups: a report is the same with them and without, whatever came, was rebuilt or was killed since."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from teiten_collector.analysis.periods import parse_period
from teiten_collector.config import CollectorConfig, StoreConfig
from teiten_collector.intake import Intake, Sources
from teiten_collector.rebuild import rebuild
from teiten_collector.report import CountrySource, Question, build_document, to_json
from teiten_collector.store import Days, Engine, Store
from teiten_collector.store.rollups import Rollups
from teiten_collector.upkeep import upkeep
from tests.store.building import admit, countries, made_up

TOKYO = ZoneInfo("Asia/Tokyo")
AUGUST = Days(date(2009, 7, 31), date(2009, 8, 31))
COUNT = "SELECT count(*) AS n FROM tuples"


def configuration(store: Store, **settings_: float) -> CollectorConfig:
    return CollectorConfig(store=StoreConfig.model_validate({"directory": store.directory, **settings_}))


def report(store: Store, *, rollups: bool = True, period: str = "2009-08-01..2009-08-02") -> str:
    asked = parse_period(period, TOKYO)
    with Engine(store.directory, rollups=rollups) as engine:
        return to_json(
            build_document(
                engine, store.registry.list(), Question(asked, asked.before()), CountrySource("test", "")
            )
        )


def bring(store: Store, *sequences: int, sensor: str = "tokyo-01") -> None:
    for sequence in sequences:
        admit(store, made_up(sequence, sensor=sensor, rows=8))
    Intake(store, countries(store.directory)).run_once()


def kept(store: Store) -> list[Path]:
    return sorted((store.directory / "rollups").glob("*.parquet"))


@pytest.fixture
def observed(store: Store) -> Store:
    for sensor in ("tokyo-01", "osaka-01"):
        store.registry.add(sensor, ["198.51.100.0/28", "2001:db8::/64"], ["access"])
    bring(store, 0, 1, 2)
    return store


def test_a_report_is_the_same_from_rollups_and_from_tuples_and_counts_once(observed: Store) -> None:
    counted = report(observed, rollups=False)
    assert not kept(observed)
    assert report(observed) == counted
    made = {path: path.stat().st_ino for path in kept(observed)}
    assert made
    assert report(observed) == counted
    assert {path: path.stat().st_ino for path in kept(observed)} == made


def test_what_is_kept_is_what_is_answered(observed: Store) -> None:
    with Engine(observed.directory) as engine:
        assert engine.rollup(COUNT, [], AUGUST).to_pylist() != [{"n": 7}]
        (path,) = kept(observed)
        pq.write_table(pa.table({"n": [7]}), path)
        assert engine.rollup(COUNT, [], AUGUST).to_pylist() == [{"n": 7}]
        assert engine.rollup(COUNT, [], replace(AUGUST, last=date(2009, 8, 30))).to_pylist() != [{"n": 7}]
    bring(observed, 3)
    with Engine(observed.directory) as engine:
        assert engine.rollup(COUNT, [], AUGUST).to_pylist() != [{"n": 7}]


def test_a_rollup_reads_its_days_and_no_others(observed: Store) -> None:
    with Engine(observed.directory) as engine:
        whole = engine.query(COUNT).to_pylist()[0]["n"]
        one, other = (
            engine.rollup(COUNT, [], Days(day, day)).to_pylist()[0]["n"]
            for day in (date(2009, 7, 31), date(2009, 8, 1))
        )
    assert one > 0
    assert other > 0
    assert one + other == whole


ACTIONS = st.one_of(
    st.tuples(st.just("bring"), st.integers(0, 2000), st.sampled_from(["tokyo-01", "osaka-01"])),
    st.tuples(st.just("report")),
    st.tuples(st.just("rebuild")),
    st.tuples(st.just("join")),
    st.tuples(st.just("upkeep")),
    st.tuples(st.just("tear"), st.integers(0, 1 << 16)),
    st.tuples(st.just("register")),
)


def act(store: Store, action: tuple[object, ...]) -> None:
    match action:
        case ("bring", int(sequence), str(sensor)):
            bring(store, sequence, sensor=sensor)
        case ("report",):
            report(store)
        case ("rebuild",):
            rebuild(store, Sources(countries(store.directory), None), date(2009, 7, 31), date(2009, 8, 2))
        case ("join",):
            with store.writing_tables() as tables:
                for name, day in tables.files():
                    tables.compact(name, day)
        case ("upkeep",):
            assert upkeep(store, configuration(store), 60, settled_seconds=0) is not None
        case ("tear", int(at)):
            for path in kept(store):
                path.write_bytes(path.read_bytes()[: at % (path.stat().st_size + 1)])
        case _:
            number = len(store.registry.list())
            store.registry.add(f"sensor-{number}", ["203.0.113.0/28"], ["access"])


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(actions=st.lists(ACTIONS, min_size=1, max_size=5))
def test_no_report_ever_tells_what_is_no_more(actions: list[tuple[object, ...]]) -> None:
    with TemporaryDirectory() as directory, Store.open(Path(directory) / "store") as store:
        for sensor in ("tokyo-01", "osaka-01"):
            store.registry.add(sensor, ["198.51.100.0/28", "2001:db8::/64"], ["access"])
        bring(store, 5000)
        for action in actions:
            act(store, action)
            assert report(store) == report(store, rollups=False)


def test_days_that_go_on_are_not_kept(observed: Store) -> None:
    today = datetime.now(UTC).date()
    with Engine(observed.directory) as engine:
        engine.rollup(COUNT, [], Days(date(2009, 8, 1), today))
        assert not kept(observed)
        engine.rollup(COUNT, [], Days(date(2009, 8, 1), today - timedelta(days=2)))
        assert kept(observed)


def test_where_nothing_can_be_kept_everything_is_answered(observed: Store) -> None:
    (observed.directory / "rollups").write_text("in the way")
    assert report(observed) == report(observed, rollups=False)


def test_a_parameter_a_table_and_a_statement_each_make_another_rollup(observed: Store) -> None:
    with Engine(observed.directory) as engine:
        engine.rollup(COUNT + " WHERE minute > ?", [1], AUGUST)
        engine.rollup(COUNT + " WHERE minute > ?", [2], AUGUST)
        engine.rollup(COUNT + " WHERE minute > ? ", [2], AUGUST)
        for value in (1, 2):
            wanted = pa.table({"minute": pa.array([value], pa.int32())})
            engine.rollup(COUNT + " JOIN wanted USING (minute)", [], AUGUST, tables={"wanted": wanted})
    assert len(kept(observed)) == 5


def test_what_nobody_will_ask_for_again_is_swept(observed: Store) -> None:
    rollups = Rollups(observed.directory / "rollups")
    with Engine(observed.directory) as engine:
        engine.rollup(COUNT, [], AUGUST)
        assert rollups.sweep(engine.state, 3600, 3600) == 0
        (old,) = kept(observed)
        bring(observed, 7)
        engine.refresh()
        assert rollups.sweep(engine.state, 3600, 3600) == 0, "who asked just now may still read it"
        os.utime(old, (time.time() - 7200,) * 2)
        (observed.directory / "rollups" / ".x.new").touch()
        os.utime(observed.directory / "rollups" / ".x.new", (time.time() - 7200,) * 2)
        engine.rollup(COUNT, [], AUGUST)
        assert rollups.sweep(engine.state, 3600, 3600) == 2
        (fresh,) = kept(observed)
        os.utime(fresh, (time.time() - 7200,) * 2)
        assert rollups.sweep(engine.state, 36_000, 3600) == 0
        engine.rollup(COUNT, [], AUGUST)
        assert rollups.sweep(engine.state, 3600, 3600) == 0, "reading it keeps it"
    shutil.rmtree(rollups.directory)
    with Engine(observed.directory) as engine:
        assert rollups.sweep(engine.state, 0, 0) == 0


def test_queries_larger_than_their_memory_go_to_disk_and_leave_nothing(observed: Store) -> None:
    with Engine(observed.directory, memory_megabytes=64, threads=1) as engine:
        found = engine.query("SELECT count(*) AS n FROM (SELECT DISTINCT hash(i) FROM range(6000000) t(i))")
        assert found.to_pylist() == [{"n": 6_000_000}]
        assert list((observed.directory / "scratch").iterdir())
    assert not list((observed.directory / "scratch").iterdir())
