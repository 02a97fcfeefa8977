"""What the reference has no place for: survey scanners, attacks, reflection, estimates, gaps, IPv6."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Network, ip_network
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from teiten_collector.analysis.periods import parse_period
from teiten_collector.analysis.survey_scanners import SurveyNetwork, SurveyScanners
from teiten_collector.intake import Intake
from teiten_collector.report import CountrySource, Document, Question, build_document, render_text, to_json
from teiten_collector.store import Engine, Store
from teiten_protocol import Class, DetectionRow, Form, Span, Tool, TupleRow
from tests.store.building import AUGUST, IPV4, MINUTE_NS, admit, batch, countries, sketch, tuple4, tuple6

if TYPE_CHECKING:
    from pathlib import Path

    from teiten_protocol import Batch

DAY = parse_period("2009-08-01", ZoneInfo("UTC"))
WHOLE = Span(AUGUST * MINUTE_NS, (AUGUST + 1440) * MINUTE_NS)
BEFORE = Span((AUGUST - 1440) * MINUTE_NS, AUGUST * MINUTE_NS)
SURVEY, OTHER = "203.0.113.5", "192.0.2.9"
SCANNERS = SurveyScanners((SurveyNetwork(ip_network("203.0.113.0/24"), "Example Survey"),))


def document(directory: Path, *batches: Batch, scanners: SurveyScanners = SCANNERS) -> Document:
    with Store.open(directory / "store") as store:
        store.registry.add("tokyo-01", ["198.51.100.0/28", "2001:db8::/64"], ["access"])
        for item in batches:
            admit(store, item)
        Intake(store, countries(store.directory)).run_once()
        with Engine(store.directory) as engine:
            return build_document(
                engine,
                store.registry.list(),
                Question(DAY, DAY.before(), scanners=scanners),
                CountrySource("Test-Country (2026-11-01)", ""),
            )


def content(found: Document) -> Any:  # noqa: ANN401 - any value of JSON
    return json.loads(to_json(found))


def counts(rows: list[dict[str, Any]], name: str = "count") -> dict[str, int]:
    return {row["key"]: row[name] for row in rows}


def reply(minute: int, packets: int) -> TupleRow:
    """SYN and ACK of a web server that is attacked in our name."""
    return replace(tuple4(minute, OTHER, packets=packets), source_port=80, flags=18, class_=Class.BACKSCATTER)


def answer(service: int, packets: int) -> TupleRow:
    """What a reflector sends."""
    row = tuple4(AUGUST, OTHER, 40_000, packets)
    return replace(
        row,
        form=Form.UDP,
        source_port=service,
        flags=0,
        class_=Class.REFLECTED,
        tool=Tool.NONE,
        bytes_=400 * packets,
    )


def test_every_rate_is_told_with_and_without_survey_scanners(tmp_path: Path) -> None:
    alert = DetectionRow(AUGUST, 2003, IPv4Address(SURVEY), IPV4, 4)
    seen = batch(
        spans=(WHOLE,),
        ipv4=(
            tuple4(AUGUST, SURVEY, packets=6),
            tuple4(AUGUST, OTHER, packets=10),
            tuple4(AUGUST, OTHER, 23),
        ),
        detections=(alert, replace(alert, source=IPv4Address(OTHER), count=1)),
    )
    earlier = batch(1, spans=(BEFORE,), ipv4=(tuple4(AUGUST - 60, SURVEY, packets=3),))
    found = document(tmp_path, seen, earlier)
    access, signatures = content(found)["access"], content(found)["signatures"]
    assert counts(access["ports"]) == {"445/TCP": 16, "23/TCP": 1}
    without = access["without_surveys"]
    assert counts(without["scanners"]) == {"Example Survey": 6}
    total = without["total"]
    assert (total["count"], total["compare_count"], total["sources"]) == (11, 0, 1)
    assert counts(without["ports"]) == {"445/TCP": 10, "23/TCP": 1}
    assert counts(without["ports"], "sources") == {"445/TCP": 1, "23/TCP": 1}
    assert counts(without["classes"]) == {"probe": 11}
    assert counts(without["tools"]) == {"zmap": 11}
    assert access["by_sensor"][0]["without_surveys"]["count"] == 11
    assert signatures["total"]["count"] == 5
    assert signatures["without_surveys"]["total"]["count"] == 1
    text = render_text(found, "en")
    assert "Of 1.1 per address and day, 0.7 are left without the known survey scanners." in text
    assert "Accesses by destination port, known survey scanners left out" in text
    assert "Without surveys" in text


def test_where_no_survey_scanner_was_seen_the_report_says_so(tmp_path: Path) -> None:
    found = document(tmp_path, batch(spans=(WHOLE,), ipv4=(tuple4(AUGUST, OTHER),)))
    assert "None of the 1 listed survey scanners was seen" in render_text(found, "en")
    assert "Without surveys" not in render_text(found, "en")


def test_survey_scanners_are_told_over_ipv6_too(tmp_path: Path) -> None:
    scanners = SurveyScanners((SurveyNetwork(IPv6Network("2001:db8:5::/48"), "Example Survey"),))
    rows = (tuple6(AUGUST, "2001:db8:5:1::9", packets=5), tuple6(AUGUST, "2001:db8:6::9", packets=2))
    found = document(tmp_path, batch(spans=(WHOLE,), ipv6=rows), scanners=scanners)
    without = content(found)["access_ipv6"]["without_surveys"]
    assert (without["total"]["count"], counts(without["ports"])) == (2, {"128/ICMPv6": 2})


@pytest.mark.parametrize("packets", [40, 1])
def test_the_detection_floor_is_told_with_attacks_and_without(tmp_path: Path, packets: int) -> None:
    rows = tuple(reply(AUGUST + minute, packets) for minute in range(4))
    found = document(tmp_path, batch(spans=(WHOLE,), ipv4=rows))
    backscatter = content(found)["access"]["backscatter"]
    # 30 packets a minute at 16 of 2^32 addresses (Moore et al. 2006, section 4).
    assert backscatter["attack_floor"] == {
        "addresses": 16.0,
        "packets_a_second": 0.5 * 2**28,
        "packets": 25 * 2**28,
    }
    text = {language: render_text(found, language) for language in ("ja", "en")}
    assert "134,000,000" in text["ja"]
    assert "Detection floor: with 16.0 addresses observed on average" in text["en"]
    if packets == 1:
        assert backscatter["attacks"] == []
        assert "DoS 攻撃はなかった" in text["ja"]
        return
    (attack,) = backscatter["attacks"]
    assert (attack["victim"], attack["protocol"], attack["port"], attack["packets"]) == (OTHER, 6, 80, 160)
    assert attack["victim_packets"] == 160 * 2**28
    assert f"{OTHER}  " in text["en"]
    assert "80/TCP" in text["en"]


def test_replies_of_reflectors_stand_by_their_service(tmp_path: Path) -> None:
    probes = replace(tuple4(AUGUST, OTHER, 123, 8), form=Form.UDP, flags=0, tool=Tool.NONE)
    rows = (answer(123, 16), answer(53, 4), probes)
    found = document(tmp_path, batch(spans=(WHOLE,), ipv4=rows))
    services = content(found)["access"]["reflected"]
    assert counts(services) == {"123/UDP": 16, "53/UDP": 4}
    assert services[0]["bytes"] == 6_400
    line = next(line for line in render_text(found, "en").splitlines() if "(NTP)" in line)
    assert line.split() == ["123/UDP", "(NTP)", "1.00", "0.57", "-", "1.62", "-", "16", "1", "400", "0.50"]


def test_each_port_tells_the_share_of_each_tool(tmp_path: Path) -> None:
    rows = (
        tuple4(AUGUST, OTHER, 23, 3),
        replace(tuple4(AUGUST, SURVEY, 23, 1), tool=Tool.MIRAI),
        replace(tuple4(AUGUST, "192.0.2.77", 23, 4), tool=Tool.NONE),
    )
    found = document(tmp_path, batch(spans=(WHOLE,), ipv4=rows), scanners=SurveyScanners())
    access = content(found)["access"]
    assert counts(access["tools"], "sources") == {"zmap": 1, "mirai": 1}
    assert counts(access["classes"], "sources") == {"probe": 3}
    text = render_text(found, "en").split("Scanners' tools in each port")[1]
    assert text.splitlines()[4].split() == ["23/TCP", "8", "37.5%", "12.5%", "50.0%"]


def test_a_number_of_sources_that_is_an_estimate_is_marked(tmp_path: Path) -> None:
    merged = replace(tuple4(AUGUST, "0.0.0.0", packets=500), source_port=0)  # noqa: S104 - no socket
    seen = batch(
        spans=(WHOLE,),
        ipv4=(tuple4(AUGUST, OTHER, 23, 2),),
        merged=(merged,),
        sketches=sketch(AUGUST, bytes([1]) * 1024),
    )
    found = document(tmp_path, seen)
    rows = {row["key"]: row for row in content(found)["access"]["ports"]}
    assert (rows["445/TCP"]["sources_estimated"], rows["23/TCP"]["sources_estimated"]) == (True, False)
    text = render_text(found, "en")
    assert f"~{rows['445/TCP']['sources']:,}" in text
    assert '"~": holds an estimate' in text
    assert f"約 {rows['445/TCP']['sources']:,}" in render_text(found, "ja")


def test_half_uploaded_data_say_so_with_sensor_and_span(tmp_path: Path) -> None:
    hour = 60 * MINUTE_NS
    first = batch(0, spans=(Span(WHOLE.start_ns, WHOLE.start_ns + 6 * hour),))
    last = batch(
        2,
        spans=(Span(WHOLE.start_ns + 7 * hour, WHOLE.start_ns + 20 * hour),),
        counters={"lost.full_batches": 3, "lost.full_packets": 70},
    )
    found = document(tmp_path, first, last)
    missing = content(found)["missing"]
    assert not missing["complete"]
    assert [(gap["from"][11:16], gap["to"][11:16]) for gap in missing["gaps"]] == [
        ("06:00", "07:00"),
        ("20:00", "00:00"),
    ]
    assert [(run["first"], run["last"], run["from"][11:16]) for run in missing["batches"]] == [
        (1, 1, "06:00")
    ]
    lines = render_text(found, "en").splitlines()
    assert any(line.startswith("Data of this period are missing (sensors: tokyo-01)") for line in lines)
    told = [line.split(maxsplit=2)[2] for line in lines if line.startswith("this period")]
    assert [" ".join(line.split()) for line in told] == [
        "tokyo-01 2009-08-01 06:00 2009-08-01 07:00 not observed (down, or not sent yet)",
        "tokyo-01 2009-08-01 20:00 2009-08-02 00:00 not observed (down, or not sent yet)",
        "tokyo-01 2009-08-01 06:00 2009-08-01 07:00 1 batches did not come",
        "tokyo-01 2009-08-01 07:00 2009-08-01 20:00 3 batches lost (spool full; 70 packets or more)",
    ]
    assert "今期のデータには欠けがある(センサー tokyo-01)" in render_text(found, "ja")


def test_findings_of_ipv6_stand_by_themselves_and_speak_of_prefixes(tmp_path: Path) -> None:
    rows = tuple(tuple6(AUGUST + 1440 * day + 60, "2001:db8:9::1", packets=300) for day in (3, 4))
    steady = tuple(
        tuple6(AUGUST + 1440 * day, f"2001:db8:{number:x}::5")
        for day in range(-14, 14)
        for number in range(20)
    )
    question = Question(
        parse_period("2009-08-01..2009-08-14", ZoneInfo("UTC")),
        parse_period("2009-07-18..2009-07-31", ZoneInfo("UTC")),
    )
    with Store.open(tmp_path / "store") as store:
        store.registry.add("tokyo-01", ["2001:db8::/64"], ["access"])
        span = Span((AUGUST - 1440 * 14) * MINUTE_NS, (AUGUST + 1440 * 14) * MINUTE_NS)
        admit(store, batch(spans=(span,), ipv6=(*rows, *steady)))
        Intake(store, countries(store.directory)).run_once()
        with Engine(store.directory) as engine:
            source = CountrySource("Test (2026-11-01)", "")
            found = build_document(engine, store.registry.list(), question, source)
    told = content(found)["findings"]
    assert told
    assert {finding["part"] for finding in told} == {"access_ipv6"}
    single = next(finding for finding in told if finding["kind"] == "single-source")
    assert single["evidence"]["source"] == "2001:db8:9::1"
    surge = next(finding for finding in told if finding["kind"] == "surge")
    assert "per /64 prefix and day" in surge["text"]["en"]
    assert "一日・1 プレフィックス(/64)当たり" in surge["text"]["ja"]
    assert surge["text"]["en"] in render_text(found, "en")
