"""Exports say what the store has, give no monitored address away, and are read back by other programs."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import stix2  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from teiten_collector.cli import main
from teiten_collector.export.addresses import KEY_BYTES, KEY_FILE, Anonymised
from teiten_collector.export.dshield import flag_letters
from teiten_collector.intake import Intake
from teiten_collector.report.spreadsheets import spreadsheets
from teiten_collector.store import Store
from teiten_protocol import Class, Family, Form, Tool
from tests.report.complete_document import complete_document
from tests.store.building import AUGUST, admit, batch, countries, tuple4, tuple6

if TYPE_CHECKING:
    from pathlib import Path

KEY = bytes(range(KEY_BYTES))
SOURCE = "192.0.2.9"
PING = replace(tuple4(AUGUST + 1, SOURCE, 8, 3), form=Form.ICMP, source_port=0, flags=0, tool=Tool.NONE)
REPLY = replace(
    tuple4(AUGUST + 2, "192.0.2.80", packets=2), source_port=80, flags=18, class_=Class.BACKSCATTER
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    directory = tmp_path / "store"
    with Store.open(directory) as store:
        store.registry.add("tokyo-01", ["198.51.100.0/28", "2001:db8::/64"], ["access"])
        admit(
            store,
            batch(
                ipv4=(tuple4(AUGUST, SOURCE, packets=5), PING, REPLY),
                ipv6=(tuple6(AUGUST + 3, "2001:db8:9::1", 4),),
            ),
        )
        Intake(store, countries(directory)).run_once()
    path = tmp_path / "collector.toml"
    path.write_text(f'[store]\ndirectory = "{directory}"\n[report]\ntimezone = "UTC"\n', encoding="utf-8")
    return path


def run(config: Path, form: str, *words: str) -> bytes:
    """One export to a file, and its bytes."""
    path = config.parent / f"out.{form}"
    arguments = ["export", "--config", str(config), "--period", "2009-08-01", "--format", form]
    assert main([*arguments, "-o", str(path), *words]) == 0
    return path.read_bytes()


def encrypted(address: str) -> str:
    number = int(ip_address(address))
    family = Family(ip_address(address).version)
    high, low = divmod(number, 2**64)
    low = low - 2**64 if low >= 2**63 else low
    found = Anonymised(KEY).texts(family, pa.array([high], pa.int64()), pa.array([low], pa.int64()))
    return str(found[0].as_py())


def test_flowtuples_are_read_back_as_they_were_stored(config: Path) -> None:
    key = config.parent / "key"
    key.write_bytes(KEY)
    rows = pq.read_table(io.BytesIO(run(config, "flowtuple", "--key", str(key)))).to_pylist()
    assert [(row["src_ip"], row["src_port"], row["dst_port"], row["protocol"]) for row in rows] == [
        (SOURCE, 6000, 445, 6),
        (SOURCE, 8, 0, 1),
        ("192.0.2.80", 80, 445, 6),
        ("2001:db8:9::1", 128, 0, 58),
    ]
    assert [(row["packet_cnt"], row["tool"], row["class"]) for row in rows] == [
        (5, "zmap", "probe"),
        (3, "none", "probe"),
        (2, "zmap", "backscatter"),
        (4, "none", "probe"),
    ]
    assert rows[0]["time"] == datetime(2009, 8, 1, tzinfo=UTC)
    assert {row["dst_ip"] for row in rows} == {encrypted("198.51.100.7"), encrypted("2001:db8::7")}


@pytest.mark.parametrize("form", ["flowtuple", "csv", "dshield", "stix"])
@pytest.mark.parametrize("addresses", ["anonymised", "omitted"])
def test_no_form_gives_a_monitored_address_away(config: Path, form: str, addresses: str) -> None:
    content = run(config, form, "--addresses", addresses)
    if form == "flowtuple":
        content = repr(pq.read_table(io.BytesIO(content)).to_pylist()).encode()
    assert b"198.51.100." not in content
    assert b"2001:db8::7" not in content
    if addresses == "omitted":
        assert not (config.parent / "store" / KEY_FILE).exists()


def test_the_same_export_again_is_the_same_to_the_byte(config: Path) -> None:
    for form in ("flowtuple", "csv", "dshield", "stix"):
        assert run(config, form) == run(config, form)
    key = config.parent / "store" / KEY_FILE
    assert (len(key.read_bytes()), key.stat().st_mode & 0o777) == (KEY_BYTES, 0o600)


def test_csv_has_the_rows_of_the_parquet_file(config: Path) -> None:
    table = pq.read_table(io.BytesIO(run(config, "flowtuple")))
    lines = list(csv.DictReader(run(config, "csv").decode().splitlines()))
    for name in ("src_ip", "dst_ip", "key", "tool"):
        assert [line[name] for line in lines] == table[name].to_pylist()
    assert [int(line["packet_cnt"]) for line in lines] == table["packet_cnt"].to_pylist()


def test_dshield_lines_have_their_nine_fields(config: Path) -> None:
    lines = [line.split("\t") for line in run(config, "dshield", "--user", "7").decode().splitlines()]
    assert {len(fields) for fields in lines} == {9}
    first, ping, reply, _ = lines
    assert first[:5] == ["2009-08-01 00:00:00 +00:00", "7", "5", SOURCE, "6000"]
    assert first[6:] == ["445", "6", "S"]
    assert ping[4:] == ["8", ping[5], "0", "1", ""]
    assert reply[8] == "SA"


@given(st.integers(0, 255))
def test_every_flag_has_one_letter(flags: int) -> None:
    assert len(flag_letters(flags)) == flags.bit_count()


def test_sightings_are_valid_stix_and_count_what_each_source_sent(config: Path) -> None:
    bundle = stix2.parse(run(config, "stix").decode(), version="2.1")
    kinds = [found.type for found in bundle.objects]
    assert kinds.count("sighting") == kinds.count("indicator") == kinds.count("observed-data") == 2
    by_id = {found.id: found for found in bundle.objects}
    counted = {
        by_id[found.sighting_of_ref].pattern: found.count
        for found in bundle.objects
        if found.type == "sighting"
    }
    assert counted == {
        f"[ipv4-addr:value = '{SOURCE}']": 8,  # backscatter is no probe
        "[ipv6-addr:value = '2001:db8:9::1']": 4,
    }
    traffic = [found for found in bundle.objects if found.type == "network-traffic"]
    assert all("dst_ref" not in found for found in traffic)
    assert sorted(found.src_packets for found in traffic) == [3, 4, 5]
    (only,) = [
        found
        for found in stix2.parse(run(config, "stix", "--sources", "1").decode()).objects
        if found.type == "sighting"
    ]
    assert only.count == 8


@given(st.integers(0, 2**32 - 1), st.integers(1, 32))
def test_addresses_that_share_a_prefix_share_one_as_long_afterwards(address: int, length: int) -> None:
    """Xu, Fan, Ammar and Moon 2002, section 3."""
    other = address ^ 1 << (32 - length)
    texts = Anonymised(KEY).texts(
        Family.IPV4, pa.nulls(2, pa.int64()), pa.array([address, other], pa.int64())
    )
    first, second = (int(IPv4Address(str(text))) for text in texts.to_pylist())
    assert (first ^ second).bit_length() == 33 - length


def test_ipv6_prefixes_stay_prefixes() -> None:
    assert IPv6Address(encrypted("2001:db8::7")) in ip_network((encrypted("2001:db8::8"), 124), strict=False)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--format", "flowtuple"], 2),
        (["--format", "stix", "--sources", "0"], 2),
        (["--format", "csv", "--json"], 2),
        (["--format", "csv", "--group", "none"], 78),
        (["--format", "csv", "--key", "/absent"], 78),
        (["--format", "csv", "-o", "/absent/out.csv"], 73),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    config: Path, capfd: pytest.CaptureFixture[str], words: list[str], code: int
) -> None:
    before = sorted(config.parent.rglob("*.csv*"))
    assert main(["export", "--config", str(config), "--period", "2009-08-01", *words]) == code
    out, err = capfd.readouterr()
    assert (out, err.startswith("teiten-collector: ")) == ("", True)
    assert sorted(config.parent.rglob("*.csv*")) == before


def test_a_key_of_another_length_is_refused_with_the_remedy(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = config.parent / "short"
    key.write_bytes(b"x")
    arguments = ["export", "--config", str(config), "--period", "2009-08-01", "--format", "csv"]
    assert main([*arguments, "--key", str(key)]) == 78
    assert "head -c 32 /dev/urandom" in capsys.readouterr().err


def test_every_table_of_the_report_is_a_file_of_its_own() -> None:
    document = complete_document()
    files = {
        name: list(csv.DictReader(content.decode().splitlines())) for name, content in spreadsheets(document)
    }
    ports = files["access.ports.csv"]
    assert [row["key"] for row in ports] == [row["key"] for row in document["access"]["ports"]]
    assert [float(row["rate"]) for row in ports] == [row["rate"] for row in document["access"]["ports"]]
    assert sum(int(row["count"]) for row in files["access.ports_by_country.csv"]) == sum(
        sum(found.values()) for found in document["access"]["ports_by_country"].values()
    )
    days = [
        row for row in files["access.series.ports.csv"] if row["subject"] == "445/TCP" and not row["part"]
    ]
    assert len(days) == len(document["access"]["series"]["ports"]["445/TCP"])
    assert "" in {row["rate"] for row in days}  # not observed is no zero
    assert json.loads(files["findings.csv"][0]["text"])["ja"] == document["findings"][0]["text"]["ja"]
    assert {
        "access.total.csv",
        "access.without_surveys.ports.csv",
        "access.backscatter.attacks.csv",
        "access.by_sensor.csv",
        "signatures.categories.csv",
        "signatures.series.categories.csv",
        "bulletins.csv",
        "missing.losses.csv",
    } <= files.keys()


def test_the_report_writes_its_tables_beside_it(config: Path) -> None:
    tables = config.parent / "tables"
    arguments = [
        "report",
        "--config",
        str(config),
        "--period",
        "2009-08-01",
        "-o",
        str(config.parent / "r.txt"),
    ]
    assert main([*arguments, "--tables", str(tables)]) == 0
    rows = list(csv.DictReader((tables / "access.ports.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["key"]: row["count"] for row in rows} == {"445/TCP": "7", "8/ICMP": "3"}
