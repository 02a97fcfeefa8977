"""From packets through agents and a collector: the tables of August 2009 to the last digit, its sentences."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from teiten_collector.report.ranking import SHOWN
from teiten_scenario.country import write_country_database
from teiten_scenario.reading import parse
from teiten_scenario.world import World, plan
from teiten_scenario.writer import write_header, write_packets
from tests.end_to_end.reference_world import ADDRESS_DAYS, DETECTION_DAYS, reference_world
from tests.fleet import Collector, Sensor
from tests.report.reference_tables import CATEGORIES, COUNTRIES, DETECTION_COUNTRIES, PORTS, Printed
from tests.report.test_reference_tables import expected_cells, printed_cells

PATIENCE_SECONDS = 900.0
pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(PATIENCE_SECONDS)]

STEADY = Path(__file__).parents[1] / "report" / "steady.toml"
TABLES = {
    "3-1": ("access", "ports", PORTS),
    "3-2": ("access", "countries", COUNTRIES),
    "4-1": ("signatures", "categories", CATEGORIES),
    "4-2": ("signatures", "countries", DETECTION_COUNTRIES),
}
CASES = [(table, row) for table, (_, _, rows) in TABLES.items() for row in rows]


@dataclass(frozen=True, slots=True)
class Reported:
    """What the collector reported of a world, in the forms a test looks at."""

    document: dict[str, Any]
    text: str


def reported(world: World, directory: Path, period: str) -> Reported:
    """Writes captures, replays each through its agent to one collector, and asks that for its report."""
    files = directory / "world"
    files.mkdir()
    description = world.description
    write_country_database(description, files / "country.mmdb")
    for number, sensor in enumerate(description.sensors):
        with (files / f"{sensor.id}.pcap").open("wb") as stream:
            write_header(stream)
            write_packets(stream, world.packets.take(np.flatnonzero(world.packets.sensor == number)))
    midnight = time(tzinfo=description.timezone)
    span = [
        datetime.combine(day, midnight).isoformat()
        for day in (description.first, description.last + timedelta(days=1))
    ]
    collector = Collector(
        directory / "collector",
        country_database=files / "country.mmdb",
        access_groups=("access",),
        signature_groups=("ids",),
    )
    with collector.serving():
        sensors = [
            collector.add_sensor(
                sensor.id,
                [str(network) for network in sensor.monitored],
                groups=sensor.groups,
                interval_seconds=3600,
            )
            for sensor in description.sensors
        ]

        def replay(sensor: Sensor) -> None:
            capture = files / f"{sensor.identity}.pcap"
            sensor.replay("--from", span[0], "--to", span[1], capture, timeout=PATIENCE_SECONDS)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(replay, sensors))
        asked = ("report", "--period", period)
        document = json.loads(collector.command(*asked, "--json", timeout=PATIENCE_SECONDS).stdout)
        text = collector.command(*asked, "--lang", "ja", timeout=PATIENCE_SECONDS).stdout
    return Reported(document, text)


@pytest.fixture(scope="module")
def august(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """August 2009 against July."""
    return reported(reference_world(), tmp_path_factory.mktemp("reference"), "2009-08")


@pytest.mark.parametrize(("table", "printed"), CASES, ids=[f"{table}-{row.key}" for table, row in CASES])
def test_every_printed_figure_and_rank(august: Reported, table: str, printed: Printed) -> None:
    part, name, _ = TABLES[table]
    side = august.document[part]
    assert side["address_days"] == (ADDRESS_DAYS if part == "access" else DETECTION_DAYS)
    row = next(row for row in side[name] if row["key"] == printed.key)
    if printed.rate is None:
        assert 0 < row["rate"] < 0.005
    else:
        assert f"{row['rate']:.2f}" == f"{printed.rate:.2f}"
        assert row["rank"] == printed.rank
    assert f"{row['change']:.2f}" == f"{printed.change:.2f}"
    if printed.percent is None:
        assert row["change_percent"] is None
    else:
        assert f"{row['change_percent']:.1f}" == f"{printed.percent:.1f}"
        assert row["compare_rank"] == printed.compare_rank
    leading = [
        rank if rank is None or rank <= SHOWN else None for rank in (row["rise_rank"], row["fall_rank"])
    ]
    assert leading == [printed.rise_rank, printed.fall_rank]


@pytest.mark.parametrize("table", TABLES)
def test_the_text_prints_the_rows_of_the_reference_and_no_others(august: Reported, table: str) -> None:
    _, _, rows = TABLES[table]
    lines = august.text.splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith(f"表 {table} "))
    body = lines[at + 4 : lines.index("", at + 4)]
    shown = [printed_cells(line) for line in body if not line.lstrip().startswith("...")]
    if table == "4-1":  # the reference leaves out what is not among its four methods
        shown = shown[: len(rows)]
    assert shown == [expected_cells(row) for row in rows]


def test_the_totals_are_those_of_section_1(august: Reported) -> None:
    for sentence in (
        "アクセス件数は、一日・1IP 当たり 412.0 件で、前期と比較して + 51.9 件 (+ 14.4%)とやや増加した。",
        "445/TCP、135/TCP、8/ICMP、2967/TCP、1433/TCP の順であった",
        "445/TCP は、一日・1IP 当たり 142.9 件で、前期と比較して + 11.8 件 (+ 9.0%)と、やや増加した。",
        "発信元国・地域別で見ると、中国、ロシアからのアクセスが増加した。",
        "検知件数は、一日・1IP 当たり 11.4 件で、前期と比較して + 0.4 件",
    ):
        assert sentence in august.text


@pytest.mark.parametrize(
    ("kind", "subject", "evidence"),
    [
        ("single-source", "2967/TCP", {"country": "CN", "source_port": 6000}),
        ("fixed-source-port", "2967/TCP", {"source_port": 6000}),
        ("new-key", "17566/TCP", {"days": ["2009-08-19", "2009-08-20"]}),
        ("country-concentration", "17566/TCP", {"country": "PL"}),
        ("gone-key", "62400/TCP", {}),
        ("periodic-source", "8/ICMP", {"country": "CN"}),
        ("backscatter-burst", "CN", {"country": "CN"}),
        ("backscatter-burst", "RU", {"country": "RU"}),
        ("backscatter-burst", "US", {"country": "US"}),
        ("country-change", "445/TCP", {"country": "JP"}),
        ("category-single-source", "DNS", {"country": "DE"}),
        ("single-source", "DE", {}),
    ],
)
def test_the_statements_of_the_reference_are_among_the_findings(
    august: Reported, kind: str, subject: str, evidence: dict[str, object]
) -> None:
    (found,) = [
        finding
        for finding in august.document["findings"]
        if (finding["kind"], finding["subject"]) == (kind, subject)
    ]
    assert {name: found["evidence"][name] for name in evidence} == evidence
    assert found["text"]["ja"] in august.text


def test_without_the_one_source_dns_and_germany_are_what_the_reference_says(august: Reported) -> None:
    """Section 4-1: 0.15 件で、前期と比較して減少した; 4-2: ドイツは 0.02 件とごく僅か."""
    evidence = {finding["subject"]: finding["evidence"] for finding in august.document["findings"]}
    assert round(evidence["DNS"]["rate_without"], 1) == pytest.approx(0.15, abs=0.051)
    assert evidence["DNS"]["change_percent_without"] < 0
    assert evidence["DE"]["rate_without"] < 0.05


def test_nothing_is_found_beside_what_was_put_in(august: Reported) -> None:
    allowed = {"2967/TCP", "8/ICMP", "445/TCP", "17566/TCP", "62400/TCP", "23/TCP", "42/TCP", "554/TCP"}
    allowed |= {"CN", "RU", "US", "DE", "DNS"}
    assert {found["subject"] for found in august.document["findings"]} <= allowed
    assert august.document["missing"]["complete"]


def test_nothing_is_found_in_a_month_of_steady_noise(tmp_path: Path) -> None:
    world = plan(parse(STEADY.read_text(encoding="utf-8")), seed=5, scale=0.5)
    found = reported(world, tmp_path, "2024-04").document
    assert found["access"]["total"]["count"] > 10_000
    assert [(finding["kind"], finding["subject"]) for finding in found["findings"]] == []
