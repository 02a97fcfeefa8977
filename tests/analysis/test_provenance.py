"""A report names the databases that really told its countries, and the times that were counted twice."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from teiten_collector.accounting import Overlap, overlaps
from teiten_collector.analysis.exposure import overlapping_stretches
from teiten_collector.analysis.periods import parse_period
from teiten_collector.analysis.provenance import country_databases
from teiten_collector.enrich import CountryDatabase, credit_of
from teiten_collector.enrich.country import DBIP_CREDIT
from teiten_collector.intake import Intake, Sources
from teiten_collector.rebuild import rebuild
from teiten_collector.store import Engine, Store
from teiten_protocol import Span
from tests.door.conftest import command, configure
from tests.store.building import AUGUST, MINUTE_NS, admit, batch, countries, made_up, tuple4, write_mmdb

TOKYO = ZoneInfo("Asia/Tokyo")
FIRST, SECOND = (parse_period(text, TOKYO) for text in ("2009-08-01", "2009-08-03"))
DAY_MINUTES = 1440


def another(directory: Path) -> CountryDatabase:
    path = directory / "another.mmdb"
    if not path.exists():
        write_mmdb(path, {"0.0.0.0/1": {"country_code": "US"}}, kind="Another-Country")
    return CountryDatabase.open(path, directory)


def test_the_database_of_the_intake_is_named_and_not_todays(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        store.registry.add("tokyo-01", ["198.51.100.0/28"], [])
        sensors = store.registry.list()
        admit(store, made_up(0))
        Intake(store, countries(tmp_path)).run_once()
        admit(store, made_up(2 * DAY_MINUTES))
        Intake(store, another(tmp_path)).run_once()
        old, new = (str(database(tmp_path).identity) for database in (countries, another))
        with Engine(store.directory) as engine:
            assert country_databases(engine, sensors, [FIRST]) == (old,)
            assert country_databases(engine, sensors, [SECOND]) == (new,)
            assert country_databases(engine, sensors, [FIRST, SECOND]) == (new, old)
            assert country_databases(engine, sensors, [parse_period("2009-09", TOKYO)]) == ()
            assert country_databases(engine, [], [FIRST]) == ()
        rebuild(store, Sources(another(tmp_path), None), date(2009, 7, 31), date(2009, 8, 1))
        with Engine(store.directory) as engine:
            assert country_databases(engine, sensors, [FIRST]) == (new,)


def test_a_printed_report_names_it_with_the_credit_it_asks_for(tmp_path: Path) -> None:
    configuration = configure(tmp_path)
    with Store.open(tmp_path / "store") as store:
        store.registry.add("tokyo-01", ["198.51.100.0/28"], [])
        admit(store, made_up(0))
        Intake(store, countries(tmp_path)).run_once()
    asked = ("report", "--config", str(configuration), "--json", "--period")
    told = json.loads(command(*asked, "2009-08-01").stdout)
    assert told["country_database"] == str(countries(tmp_path).identity)
    assert told["country_credit"] == ""
    nothing = json.loads(command(*asked, "2001-01-01").stdout)
    assert nothing["country_database"].startswith("DB-IP country lite (")
    assert credit_of([told["country_database"]]) == ""
    assert credit_of([told["country_database"], nothing["country_database"]]) == DBIP_CREDIT


def test_a_time_that_two_epochs_observed_is_named_and_one_that_they_share_is_none(tmp_path: Path) -> None:
    def observed(sequence: int, epoch: int, start: int, end: int) -> None:
        span = Span((AUGUST + start) * MINUTE_NS, (AUGUST + end) * MINUTE_NS)
        packets = (tuple4(AUGUST + start, "61.128.0.1"),)
        admit(store, batch(sequence, epoch=epoch, spans=(span,), ipv4=packets))

    with Store.open(tmp_path / "store") as store:
        store.registry.add("tokyo-01", ["198.51.100.0/28"], [])
        for sequence in range(4):
            observed(sequence, 1, 10 * sequence, 10 * sequence + 10)
        observed(0, 2, 40, 50)
        observed(0, 3, 35, 45)
        Intake(store, countries(tmp_path)).run_once()
        expected = [(35, 40, (1, 3)), (40, 45, (2, 3))]
        with Engine(store.directory) as engine:
            assert list(overlaps(engine)) == [
                Overlap("tokyo-01", epochs, (AUGUST + start) * MINUTE_NS, (AUGUST + end) * MINUTE_NS)
                for start, end, epochs in expected
            ]
            found = overlapping_stretches(engine, FIRST, store.registry.list())
            assert found == {
                "tokyo-01": tuple(
                    ((AUGUST + start) * MINUTE_NS, (AUGUST + end) * MINUTE_NS) for start, end, _ in expected
                )
            }
            assert overlapping_stretches(engine, SECOND, store.registry.list()) == {}
    configuration = configure(tmp_path)
    checked = command("check", "--config", str(configuration))
    assert checked.returncode == 0
    assert "tokyo-01: epochs 0000000000000001 and 0000000000000003 both observed" in checked.stdout
    listed = json.loads(command("check", "--json", "--config", str(configuration)).stdout)
    assert len(listed["observed_twice"]) == 2
    document = json.loads(
        command("report", "--config", str(configuration), "--json", "--period", "2009-08-01").stdout
    )
    twice = document["missing"]["overlaps"]
    assert [(times["sensor"], times["from"][11:16]) for times in twice] == [
        ("tokyo-01", "09:35"),
        ("tokyo-01", "09:40"),
    ]
    text = command("report", "--config", str(configuration), "--lang", "en", "--period", "2009-08-01").stdout
    assert "observed twice by one sensor (sensors: tokyo-01)" in text
    assert text.count("observed by two runs of the sensor") == 2
