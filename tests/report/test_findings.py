"""The sentences of the 2009 report come out of packets, and none out of noise."""

from __future__ import annotations

import json
from datetime import date
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from teiten_collector.analysis.bulletins import Bulletin, read_bulletins
from teiten_collector.analysis.categories import read_categories, read_signatures
from teiten_collector.analysis.periods import parse_period
from teiten_collector.report import CountrySource, Document, Question, build_document, render_text, to_json
from teiten_collector.store import Engine, Store
from teiten_scenario.reading import parse
from teiten_scenario.world import built_in, describe
from tests.report.stored_world import LIST, store_world

if TYPE_CHECKING:
    from teiten_collector.analysis.bulletins import BulletinFinding
    from teiten_collector.analysis.findings import Finding

TOKYO = ZoneInfo("Asia/Tokyo")
STEADY = Path(__file__).with_name("steady.toml")
SCENARIO = "npa-2009-08"


def document_of(store: Path, period: str, *, bulletins: tuple[Bulletin, ...], compare: str = "") -> Document:
    signatures = store / "signatures.csv"
    signatures.write_text(LIST, encoding="utf-8")
    asked = parse_period(period, TOKYO)
    before = parse_period(compare, TOKYO) if compare else asked.before()
    with Store.open(store) as opened, Engine(store) as engine:
        return build_document(
            engine,
            opened.registry.list(),
            Question(asked, before, ("access",), ("ids",), "JP", bulletins),
            CountrySource("Test-Country (2026-11-01)", ""),
            read_signatures([signatures], read_categories()),
        )


@pytest.fixture(scope="session")
def npa_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two months in the likeness of the reference, with its events."""
    return store_world(describe(SCENARIO), tmp_path_factory.mktemp("npa") / "store")


@pytest.fixture(scope="session")
def npa_bulletins(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bulletin, ...]:
    path = tmp_path_factory.mktemp("bulletins") / "bulletins.toml"
    path.write_text(built_in()[SCENARIO], encoding="utf-8")
    return read_bulletins(path)


@pytest.fixture(scope="session")
def npa_document(npa_store: Path, npa_bulletins: tuple[Bulletin, ...]) -> Document:
    return document_of(npa_store, "2009-08", bulletins=npa_bulletins)


def finding(document: Document, kind: str, subject: str, part: str = "access") -> Finding:
    found = [
        finding
        for finding in document.findings
        if (finding.kind, finding.subject, finding.part) == (kind, subject, part)
    ]
    assert len(found) == 1, [(finding.kind, finding.subject) for finding in document.findings]
    return found[0]


def bulletin(document: Document, key: str) -> BulletinFinding:
    (found,) = [finding for finding in document.bulletins if finding.key == key]
    return found


def number(value: Any) -> float:  # noqa: ANN401 - evidence is any value of JSON
    assert isinstance(value, int | float)
    return float(value)


def test_the_rise_in_late_august_is_one_address_in_china_with_source_port_6000(
    npa_document: Document,
) -> None:
    """Section 3-1 (2): 8月下旬における2967/TCPの増加は、中国を発信元とする特定の IP アドレスによる."""
    found = finding(npa_document, "single-source", "2967/TCP")
    assert (found.first, found.last) == (date(2009, 8, 20), date(2009, 8, 31))
    assert (found.evidence["country"], found.evidence["source_port"]) == ("CN", 6000)
    assert number(found.evidence["share"]) > 0.7
    assert number(found.evidence["explains"]) > 0.9
    port = finding(npa_document, "fixed-source-port", "2967/TCP")
    assert port.evidence["source_port"] == 6000
    assert number(port.evidence["share"]) > 0.9


def test_a_port_seen_on_two_days_only_comes_from_poland(npa_document: Document) -> None:
    """Section 3-1 (1): 17566/TCP は 19 日及び 20 日に大量に検知。ポーランドからのアクセスが 60%."""
    found = finding(npa_document, "new-key", "17566/TCP")
    assert found.evidence["days"] == ["2009-08-19", "2009-08-20"]
    country = finding(npa_document, "country-concentration", "17566/TCP")
    assert country.evidence["country"] == "PL"
    assert number(country.evidence["share"]) == pytest.approx(0.6, abs=0.05)


def test_a_port_of_the_month_before_is_hardly_seen_any_more(npa_document: Document) -> None:
    """Section 3-1 (1): 前期において一時的に増加した 62400/TCP は、今期はほとんど見られなかった."""
    found = finding(npa_document, "gone-key", "62400/TCP")
    assert found.evidence["compare_days"] == ["2009-07-14", "2009-07-15", "2009-07-16"]


def test_pings_come_by_the_clock_from_one_address_in_china(npa_document: Document) -> None:
    """Section 3-1 (2): 7月30日以降、中国を発信元とする特定の 1IP アドレスからの定期的なアクセス."""
    found = finding(npa_document, "periodic-source", "8/ICMP")
    assert (found.first, found.evidence["country"]) == (date(2009, 7, 30), "CN")
    assert number(found.evidence["every_seconds"]) == pytest.approx(14_400, abs=60)


@pytest.mark.parametrize(
    ("country", "first", "last", "least"),
    [
        ("CN", date(2009, 8, 3), date(2009, 8, 7), 0.4),
        ("RU", date(2009, 8, 13), date(2009, 8, 16), 0.9),
        ("US", date(2009, 8, 23), date(2009, 8, 23), 0.9),
    ],
)
def test_the_rise_of_a_country_is_backscatter_of_one_victim(
    npa_document: Document, country: str, first: date, last: date, least: float
) -> None:
    """Section 3-2 (1): それぞれ特定の IP アドレスからの跳ね返りパケットを大量に検知したことが主な原因."""
    found = finding(npa_document, "backscatter-burst", country)
    assert (found.first, found.last) == (first, last)
    assert number(found.evidence["explains"]) > least


def test_the_rise_of_the_leading_port_is_from_japan(npa_document: Document) -> None:
    """Section 1: 特に日本国内からのアクセスが前期と比較して +7.5 件 (+26.5%)と増加した."""
    found = finding(npa_document, "country-change", "445/TCP")
    assert found.evidence["country"] == "JP"
    assert number(found.evidence["change"]) == pytest.approx(7.5, abs=0.3)
    assert number(found.evidence["change_percent"]) == pytest.approx(26.5, abs=2)


def test_the_rise_of_dns_detections_is_one_address_in_germany(npa_document: Document) -> None:
    """Section 4-1: これは特定の IP アドレスを発信元としており、除いた DNS の検知件数は 0.15 件で減少した."""
    found = finding(npa_document, "category-single-source", "DNS", "signatures")
    assert (found.first, found.evidence["country"]) == (date(2009, 7, 31), "DE")
    assert number(found.evidence["explains"]) > 0.9
    assert number(found.evidence["rate_without"]) == pytest.approx(0.15, abs=0.05)
    assert number(found.evidence["change_percent_without"]) < 0
    country = finding(npa_document, "single-source", "DE", "signatures")
    assert number(country.evidence["rate_without"]) == pytest.approx(0.02, abs=0.02)


def test_nothing_is_found_beside_what_was_put_in(npa_document: Document) -> None:
    allowed = {"2967/TCP", "8/ICMP", "445/TCP", "17566/TCP", "62400/TCP", "23/TCP", "42/TCP", "554/TCP"}
    allowed |= {"CN", "RU", "US", "DE", "DNS"}
    assert {found.subject for found in npa_document.findings} <= allowed


def test_findings_stand_by_how_much_of_the_change_they_explain(npa_document: Document) -> None:
    explained = [found.explained for found in npa_document.findings]
    assert explained == sorted(explained, reverse=True)
    assert npa_document.findings[0].kind == "backscatter-burst"


def test_the_ports_of_the_bulletins_surged(npa_document: Document) -> None:
    """Sections 2-1 and 2-3: 3 件のポートに増加。42/TCP と 23/TCP は広範囲の IP アドレスを網羅."""
    rtsp, wins, telnet = (bulletin(npa_document, key) for key in ("554/TCP", "42/TCP", "23/TCP"))
    assert (rtsp.surge, rtsp.before, rtsp.begin, rtsp.sources) == (True, 0.0, date(2009, 8, 12), 1)
    assert (wins.surge, wins.begin, wins.end) == (True, date(2009, 8, 7), date(2009, 8, 15))
    assert (telnet.surge, telnet.begin) == (True, date(2009, 8, 12))
    assert telnet.sources > 50
    assert [found.scan_range.reach for found in (wins, telnet)] == ["all", "all"]
    assert [found.scan_range.verdict for found in (rtsp, wins, telnet)] == [
        "insufficient-evidence",
        "exhaustive",
        "exhaustive",
    ]


def test_an_exhaustive_surge_is_told_from_a_random_one(tmp_path: Path) -> None:
    store = store_world(describe("surge"), tmp_path / "store", scale=3)
    path = tmp_path / "bulletins.toml"
    path.write_text(built_in()["surge"], encoding="utf-8")
    found = document_of_all(store, read_bulletins(path))
    assert bulletin(found, "8080/TCP").scan_range.verdict == "exhaustive"
    assert bulletin(found, "7547/TCP").surge
    assert bulletin(found, "7547/TCP").scan_range.verdict in {"random", "insufficient-evidence"}


def document_of_all(store: Path, bulletins: tuple[Bulletin, ...]) -> Document:
    period = parse_period("2024-05-15..2024-05-31", TOKYO)
    before = parse_period("2024-05-01..2024-05-14", TOKYO)
    with Store.open(store) as opened, Engine(store) as engine:
        return build_document(
            engine,
            opened.registry.list(),
            Question(period, before, bulletins=bulletins),
            CountrySource("Test-Country (2026-11-01)", ""),
        )


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_nothing_is_found_in_steady_noise(tmp_path: Path, seed: int) -> None:
    bulletins = (
        Bulletin(id="a", published=date(2024, 4, 8), keys=("445/TCP", "23/TCP", "42/TCP", "554/TCP")),
        Bulletin(id="b", published=date(2024, 4, 15), keys=("1433/TCP", "53/UDP", "3389/TCP")),
    )
    store = store_world(parse(STEADY.read_text(encoding="utf-8")), tmp_path / "store", seed=seed, scale=0.3)
    found = document_of(store, "2024-04", bulletins=bulletins)
    assert found.access.total.count > 10_000
    assert [(finding.kind, finding.subject) for finding in found.findings] == []
    assert [finding.key for finding in found.bulletins if finding.surge] == []


def test_no_monitored_address_is_in_any_form(npa_document: Document) -> None:
    forms = [to_json(npa_document), render_text(npa_document, "ja"), render_text(npa_document, "en")]
    for sensor in describe(SCENARIO).sensors:
        for network in sensor.monitored:
            for address in ip_network(str(network)):
                assert not any(str(address) in form for form in forms)


def test_the_same_store_gives_the_same_bytes_whoever_reads_it(
    npa_store: Path, npa_bulletins: tuple[Bulletin, ...], npa_document: Document
) -> None:
    assert to_json(document_of(npa_store, "2009-08", bulletins=npa_bulletins)) == to_json(npa_document)


def test_every_finding_has_its_words_in_both_languages(npa_document: Document) -> None:
    for found in json.loads(to_json(npa_document))["findings"]:
        assert found["text"]["ja"].endswith("。")
        assert found["text"]["en"].endswith(".")
        assert "None" not in found["text"]["ja"] + found["text"]["en"]


def test_parts_of_every_series_add_up(npa_document: Document) -> None:
    content = json.loads(to_json(npa_document))
    for side, name in (("access", "ports"), ("access", "countries"), ("signatures", "categories")):
        for days in content[side]["series"][name].values():
            assert len(days) == 31
            for day in days:
                (parts,) = [value for value in day.values() if isinstance(value, dict)]
                assert sum(parts.values()) == pytest.approx(day["rate"])
