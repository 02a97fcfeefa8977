"""From the journal to the tables: everything once, with its meaning, whatever dies in between."""

from __future__ import annotations

import datetime as dt
import json
import signal
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

import pytest

from teiten_collector.enrich import NetworkDatabase
from teiten_collector.intake import Intake
from teiten_collector.store import Engine, Repeat, Store
from teiten_collector.store.facts import SCHEMAS
from teiten_collector.store.ledger import State
from teiten_protocol import Batch, DetectionRow, HeldStep, Span, Step, tuple_rows
from tests.store import killed
from tests.store.building import (
    AUGUST,
    MINUTE_NS,
    admit,
    batch,
    countries,
    made_up,
    quotation,
    sketch,
    tuple4,
    tuple6,
    write_mmdb,
)

if TYPE_CHECKING:
    from pathlib import Path

DAY = dt.date(2009, 8, 1)
JOINTS = [
    "journaled",
    "recorded",
    "taken",
    "written-tuples",
    "tuples",
    "written-detections",
    "detections",
    "written-quoted",
    "quoted",
    "written-sketches",
    "sketches",
    "written-observations",
    "observations",
    "published",
    "stored",
]


def address(family: int, high: int, low: int) -> IPv4Address | IPv6Address:
    if family == 4:
        assert high == 0
        return IPv4Address(low)
    return IPv6Address((high % 2**64) << 64 | (low % 2**64))


def contents(directory: Path) -> dict[str, list[str]]:
    """Every row of every table, sorted."""
    with Engine(directory) as engine:
        return {name: sorted(map(repr, engine.query(f"FROM {name}").to_pylist())) for name in SCHEMAS}


def test_every_row_arrives_with_its_meaning(store: Store, tmp_path: Path) -> None:
    given = made_up(0)
    admit(store, given)
    network = NetworkDatabase.open(
        write_mmdb(tmp_path / "asn.mmdb", {"128.0.0.0/2": {"autonomous_system_number": 64496}}, "Test-ASN")
    )
    assert Intake(store, countries(tmp_path), network).run_once() == 1
    with Engine(store.directory) as engine:
        rows = engine.query(
            "SELECT * FROM tuples ORDER BY family, value, source_high, source_low"
        ).to_pylist()
        detections = engine.query("SELECT * FROM detections ORDER BY source_low").to_pylist()
    sent = [*tuple_rows(given.ipv4), *sorted(tuple_rows(given.ipv6), key=lambda row: int(row.source))]
    rows.sort(key=lambda row: (row["family"], row["value"], row["source_high"] % 2**64))
    assert len(rows) == len(sent)
    for row, was in zip(rows, sent, strict=True):
        assert address(row["family"], row["source_high"], row["source_low"]) == was.source
        assert address(row["family"], row["address_high"], row["address_low"]) == was.address
        assert row["day"] == dt.datetime.fromtimestamp(was.minute * 60, dt.UTC).date()
        assert (row["minute"], row["form"], row["value"]) == (was.minute, was.form, was.value)
        assert row["key"] == (f"{was.value}/TCP" if row["family"] == 4 else "128/ICMPv6")
        assert (row["source_port"], row["flags"]) == (was.source_port, was.flags)
        assert (row["class"], row["tool"]) == (was.class_, was.tool)
        assert (row["packets"], row["bytes"]) == (was.packets, was.bytes_)
        assert (row["sensor"], row["epoch"], row["sequence"]) == ("tokyo-01", 1, 0)
        high_half = row["family"] == 4 and int(was.source) >= 2**31
        assert row["country"] == ("JP" if high_half else None)
        assert row["asn"] == (64496 if high_half and int(was.source) < 0xC000_0000 else None)
    assert {row["signature"] for row in detections} == {2_000_001}
    assert sum(row["count"] for row in detections) > 0


def test_extremes_of_every_column_survive(store: Store, tmp_path: Path) -> None:
    admit(
        store,
        batch(
            2**31 - 1,
            sensor="a" * 63,
            epoch=2**63 - 1,
            ipv4=(tuple4(0, 0, 0), tuple4(153_722_867, "255.255.255.255", 65535, (2**63 - 1) // 40)),
            ipv6=(tuple6(0, "::"), tuple6(0, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")),
            detections=(DetectionRow(0, 2**32 - 1, ip_address("ffff::"), ip_address("::1"), 2**63 - 1),),
            spans=(Span(0, 1), Span(2**63 - 2, 2**63 - 1)),
            counters={"packets": 2**63 - 1, "malformed.arp": 2**63 - 1, "malformed.not_ip": 5},
        ),
    )
    Intake(store, countries(tmp_path)).run_once()
    with Engine(store.directory) as engine:
        rows = engine.query("SELECT * FROM tuples ORDER BY family, source_low DESC").to_pylist()
        assert [address(r["family"], r["source_high"], r["source_low"]) for r in rows] == [
            IPv4Address("255.255.255.255"),
            IPv4Address(0),
            IPv6Address("::"),
            IPv6Address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ]
        assert (rows[0]["value"], rows[0]["packets"], rows[0]["epoch"]) == (
            65535,
            (2**63 - 1) // 40,
            2**63 - 1,
        )
        (detection,) = engine.query("SELECT * FROM detections").to_pylist()
        assert (detection["signature"], detection["count"]) == (2**32 - 1, 2**63 - 1)
        assert address(6, detection["source_high"], detection["source_low"]) == IPv6Address("ffff::")
        observed = engine.query("SELECT * FROM observations ORDER BY start_ns").to_pylist()
        assert [row["malformed"] for row in observed] == [2**63 - 1, 0]
    assert store.check() == ()


def test_counters_stand_on_the_first_span_so_that_sums_are_right(store: Store, tmp_path: Path) -> None:
    start = AUGUST * MINUTE_NS
    spans = tuple(Span(start + n * MINUTE_NS, start + (n + 1) * MINUTE_NS) for n in range(1439, 1442))
    counters = {
        "packets": 100,
        "bytes": 4000,
        "counted": 60,
        "not_monitored": 20,
        "outside_span": 5,
        "malformed.arp": 10,
        "malformed.not_ip": 5,
        "time_backward": 3,
    }
    admit(store, batch(0, spans=spans, counters=counters))
    Intake(store, countries(tmp_path)).run_once()
    with Engine(store.directory) as engine:
        rows = engine.query("SELECT * FROM observations ORDER BY start_ns").to_pylist()
    assert [(row["start_ns"], row["end_ns"]) for row in rows] == [
        (span.start_ns, span.end_ns) for span in spans
    ]
    assert [row["day"] for row in rows] == [DAY, DAY + dt.timedelta(1), DAY + dt.timedelta(1)]
    assert json.loads(rows[0]["counters"]) == counters
    assert [row["counters"] for row in rows[1:]] == ["{}", "{}"]
    for name, total in {**counters, "malformed": 15}.items():
        if name in rows[0]:
            assert [row[name] for row in rows] == [total, 0, 0]


def test_groups_stay_within_their_rows_and_take_everything(store: Store, tmp_path: Path) -> None:
    for sequence in range(7):
        admit(store, made_up(sequence))
    joints: list[str] = []
    intake = Intake(store, countries(tmp_path), max_group_rows=64, at_joint=joints.append)
    assert intake.run_once() == 7
    assert joints.count("stored") == 4
    assert intake.run_once() == 0
    assert store.ledger.count()[State.STORED] == 7
    assert store.check() == ()


def test_the_group_says_which_databases_it_was_enriched_from(store: Store, tmp_path: Path) -> None:
    admit(store, made_up(0))
    source = countries(tmp_path)
    Intake(store, source).run_once()
    assert store.ledger.enrichment(1) == (str(source.identity), "")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What the tables hold when nothing dies."""
    directory = tmp_path_factory.mktemp("undisturbed")
    countries(directory)
    assert killed.run(directory, "none", 0, 5) == 0
    return contents(directory / "store")


@pytest.mark.parametrize("joint", JOINTS)
def test_killed_at_a_joint_and_run_again_the_tables_are_the_same(
    tmp_path: Path, joint: str, undisturbed: dict[str, list[str]]
) -> None:
    countries(tmp_path)
    assert killed.run(tmp_path, joint, 0, 5) == -signal.SIGKILL
    assert killed.run(tmp_path, "none", 0, 5) == 0
    assert contents(tmp_path / "store") == undisturbed
    with Store.open(tmp_path / "store") as store:
        assert store.waiting() == 0
        assert store.check() == ()
        assert all(isinstance(admit(store, made_up(sequence)), Repeat) for sequence in range(5))


def test_killed_at_every_joint_in_turn_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    countries(tmp_path)
    for number, joint in enumerate(JOINTS):
        assert killed.run(tmp_path, joint, 0, number + 1) == -signal.SIGKILL
    assert killed.run(tmp_path, "none", 0, len(JOINTS) + 1) == 0
    with Store.open(tmp_path / "store") as store, Engine(store.directory) as engine:
        assert store.check() == ()
        total = engine.query("SELECT sum(packets)::BIGINT AS n FROM tuples").to_pylist()[0]["n"]
    assert total == sum(packets(made_up(number)) for number in range(len(JOINTS) + 1))


def packets(given: Batch) -> int:
    return sum(row.packets for columns in (given.ipv4, given.ipv6) for row in tuple_rows(columns))


def test_a_damaged_journal_entry_costs_its_batch_alone_and_is_named(store: Store, tmp_path: Path) -> None:
    for sequence in range(3):
        admit(store, made_up(sequence))
    row = store.ledger.find(made_up(1).key)
    assert row is not None
    path = store.directory / "journal" / row.position.segment
    content = bytearray(path.read_bytes())
    content[row.position.offset + row.position.length - 1] ^= 1
    path.write_bytes(bytes(content))
    assert Intake(store, countries(tmp_path)).run_once() == 2
    assert store.waiting() == 0
    assert [(finding.kind, finding.subject) for finding in store.check()] == [("unreadable", "tokyo-01/1/1")]
    with Engine(store.directory) as engine:
        kept = engine.query("SELECT DISTINCT sequence FROM tuples ORDER BY 1").to_pydict()["sequence"]
    assert kept == [0, 2]


def test_two_processes_bring_in_what_both_admit_each_batch_once(tmp_path: Path) -> None:
    countries(tmp_path)
    Store.open(tmp_path / "store").close()
    processes = [killed.begin(tmp_path, "none", first, last) for first, last in ((0, 12), (6, 18))]
    assert [killed.outcome(process) for process in processes] == [0, 0]
    with Store.open(tmp_path / "store") as store, Engine(store.directory) as engine:
        assert store.waiting() == 0
        assert store.check() == ()
        total = engine.query("SELECT sum(packets)::BIGINT AS n FROM tuples").to_pylist()[0]["n"]
    assert total == sum(packets(made_up(number)) for number in range(18))


def test_what_a_flood_took_is_unknown_and_what_errors_quote_has_its_victim(
    store: Store, tmp_path: Path
) -> None:
    merged = replace(tuple4(AUGUST, "0.0.0.0", packets=9), source_port=0)  # noqa: S104 - no socket
    held = HeldStep(Step.WITHOUT_SOURCE, AUGUST * MINUTE_NS, (AUGUST + 1) * MINUTE_NS)
    admit(
        store,
        batch(
            merged=(merged,),
            quoted=quotation(AUGUST, "1.2.3.4", 443, 7),
            sketches=sketch(AUGUST, bytes([3]) * 1024),
            steps=(held,),
        ),
    )
    assert Intake(store, countries(tmp_path)).run_once() == 1
    with Engine(store.directory) as engine:
        (row,) = engine.query("FROM tuples").to_pylist()
        assert (row["source_low"], row["source_high"], row["country"]) == (None, None, None)
        assert (row["key"], row["packets"]) == ("445/TCP", 9)
        (row,) = engine.query("FROM quoted").to_pylist()
        assert (row["victim_low"], row["victim_port"], row["protocol"]) == (0x01020304, 443, 6)
        assert (row["source_low"], row["type"], row["packets"]) == (0xC01FC401, 3, 7)
        (row,) = engine.query("FROM sketches").to_pylist()
        assert (row["key"], row["family"], row["registers"]) == ("445/TCP", 4, bytes([3]) * 1024)
        (row,) = engine.query("FROM observations").to_pylist()
        assert json.loads(row["steps"]) == [[3, held.start_ns, held.end_ns]]
    assert store.check() == ()
