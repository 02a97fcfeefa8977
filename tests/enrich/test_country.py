"""Countries and networks: both shapes of record, whole columns at once, and the embedded default."""

from __future__ import annotations

import datetime as dt
import multiprocessing
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from teiten_collector.enrich import DBIP_CREDIT, CountryDatabase, NetworkDatabase
from teiten_collector.enrich.country import country_of, unpack
from teiten_collector.enrich.network import number_of
from teiten_collector.errors import CannotWriteError, ConfigurationError
from tests.store.building import write_mmdb

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> CountryDatabase:
    path = write_mmdb(
        tmp_path / "countries.mmdb",
        {
            "192.0.2.0/24": {"country_code": "JP"},
            "198.51.100.0/24": {"country": {"iso_code": "CN"}, "registered_country": {"iso_code": "US"}},
            "203.0.113.0/24": {"registered_country": {"iso_code": "US"}},
            "2001:db8::/32": {"country": {"iso_code": "DE", "geoname_id": 1}},
        },
    )
    return CountryDatabase.open(path, tmp_path)


def column(*addresses: str) -> pa.Array[Any]:
    packed = [ip_address(address).packed for address in addresses]
    return pa.array(packed, pa.binary(len(packed[0]) if packed else 4))


def test_both_shapes_of_record_are_read_and_where_a_network_is_registered_is_not(
    database: CountryDatabase,
) -> None:
    column4 = column("192.0.2.1", "198.51.100.255", "203.0.113.9", "8.8.8.8", "192.0.2.1")
    assert database.countries(column4).to_pylist() == ["JP", "CN", None, None, "JP"]
    assert database.countries(column("2001:db8::1", "2001:db9::1")).to_pylist() == ["DE", None]
    assert database.country(IPv4Address("192.0.2.1")) == "JP"
    assert database.country(IPv6Address("2001:db8::1")) == "DE"


def test_an_empty_column_gives_an_empty_column_of_strings(database: CountryDatabase) -> None:
    found = database.countries(column())
    assert (len(found), found.type) == (0, pa.string())


def test_a_distinct_address_is_looked_up_once(
    database: CountryDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []
    columns = database._columns  # noqa: SLF001 - what is counted is inside
    real = columns.one

    def counted(address: bytes) -> str | None:
        asked.append(address)
        return real(address)

    monkeypatch.setattr(columns, "one", counted)
    for _ in range(3):
        database.countries(column(*["192.0.2.1", "198.51.100.1"] * 1000))
    assert len(asked) == 2


def test_what_is_remembered_is_bounded(database: CountryDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("teiten_collector.enrich.database.MAX_REMEMBERED", 10)
    for number in range(50):
        assert database.countries(column(f"192.0.2.{number}")).to_pylist() == ["JP"]
    assert len(database._columns._remembered) <= 11  # noqa: SLF001 - what is bounded is inside


def test_a_file_of_ipv4_alone_knows_nothing_of_ipv6(tmp_path: Path) -> None:
    path = write_mmdb(tmp_path / "four.mmdb", {"192.0.2.0/24": {"country_code": "JP"}}, version=4)
    database = CountryDatabase.open(path, tmp_path)
    assert database.countries(column("2001:db8::1")).to_pylist() == [None]
    assert database.countries(column("192.0.2.1")).to_pylist() == ["JP"]


def test_reports_can_say_which_file_and_of_what_day(database: CountryDatabase) -> None:
    assert database.identity.name == "Test-Country"
    assert database.identity.built == dt.datetime.now(dt.UTC).date()
    assert str(database.identity) == f"Test-Country ({database.identity.built.isoformat()})"
    assert database.credit == ""


def test_the_embedded_default_covers_both_families_and_names_its_source(tmp_path: Path) -> None:
    database = CountryDatabase.open(None, tmp_path / "new" / "store")
    assert database.identity.name == "DB-IP country lite"
    assert database.identity.built >= dt.date(2026, 6, 1)
    assert database.credit == DBIP_CREDIT
    for address in ("8.8.8.8", "2001:4860:4860::8888"):
        code = database.country(ip_address(address))
        assert code is not None
        assert len(code) == 2
    assert database.country(IPv4Address("10.0.0.1")) in {None, "ZZ"}


def test_the_embedded_default_is_unpacked_once_and_whole_by_many_at_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("forkserver").Pool(4) as pool:
        paths = pool.map(unpack, [tmp_path] * 8)
    assert len(set(paths)) == 1
    assert [path.name for path in tmp_path.iterdir()] == [paths[0].name]
    before = paths[0].stat().st_mtime_ns
    CountryDatabase.open(None, tmp_path)
    assert paths[0].stat().st_mtime_ns == before


def test_a_file_that_cannot_be_meant_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database")
    networks = write_mmdb(tmp_path / "asn.mmdb", {"192.0.2.0/24": {"autonomous_system_number": 64496}})
    countries = write_mmdb(tmp_path / "countries.mmdb", {"192.0.2.0/24": {"country_code": "JP"}})
    for path in (tmp_path / "absent", tmp_path / "text", tmp_path, networks):
        with pytest.raises(ConfigurationError, match="country_database"):
            CountryDatabase.open(path, tmp_path)
    for path in (tmp_path / "absent", tmp_path / "text", countries):
        with pytest.raises(ConfigurationError, match="asn_database"):
            NetworkDatabase.open(path)


def test_an_embedded_default_that_cannot_be_unpacked_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWriteError, match="file"):
        CountryDatabase.open(None, tmp_path / "file")


def test_networks_are_read_in_every_shape(tmp_path: Path) -> None:
    path = write_mmdb(
        tmp_path / "asn.mmdb",
        {
            "192.0.2.0/24": {"autonomous_system_number": 64496, "autonomous_system_organization": "Example"},
            "198.51.100.0/24": {"asn": "AS64497"},
            "203.0.113.0/24": {"asn": 4294967295},
            "2001:db8::/32": {"asn": "AS64499"},
        },
        "Test-ASN",
    )
    database = NetworkDatabase.open(path)
    found = database.numbers(column("192.0.2.1", "198.51.100.1", "203.0.113.1", "8.8.8.8"))
    assert (found.to_pylist(), found.type) == ([64496, 64497, 4294967295, None], pa.int64())
    assert database.number(IPv6Address("2001:db8::1")) == 64499
    assert str(database.identity).startswith("Test-ASN (")


records = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["country", "country_code", "iso_code", "asn", "autonomous_system_number"]), inner
        )
    ),
    max_leaves=8,
)


@given(records)
def test_any_record_at_all_gives_a_code_a_number_or_nothing(record: object) -> None:
    code, number = country_of(record), number_of(record)
    assert code is None or (len(code) == 2 and code.isascii() and code.isupper())
    assert number is None or 0 < number < 2**32
