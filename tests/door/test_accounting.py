"""Why the centre shows nothing: states of sensors, spans that are missing, clocks, losses."""

from __future__ import annotations

import json
import time
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from teiten_agent.config import Uplink as UplinkSettings
from teiten_agent.uplink import Registration, Uplink
from teiten_collector.accounting import Gap, Missing, State, gaps, missing, standings
from teiten_collector.door import RefusalCode
from teiten_collector.intake import Intake
from teiten_collector.store import Contact, Engine, Sensor, Store
from teiten_protocol import Span, compress, encode
from tests.door.conftest import configure, register, serving, wait_until
from tests.door.requesting import headers, post, send
from tests.store.building import AUGUST, MINUTE_NS, admit, batch, countries, tuple4

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.door.conftest import Collector

HOUR_NS = 3_600 * 1_000_000_000
NOW_NS = 1_800_000_000 * 1_000_000_000
SENSOR = Sensor("tokyo-01", (), (), 0, None)
HEARD = Contact("tokyo-01", heard_ns=NOW_NS, offset_ns=0, observed_to_ns=NOW_NS - 60 * 10**9)


@pytest.mark.parametrize(
    ("contact", "states"),
    [
        (None, ["never-heard"]),
        (HEARD, ["ok"]),
        (Contact("tokyo-01", heard_ns=NOW_NS - HOUR_NS), ["silent"]),
        (Contact("tokyo-01", heard_ns=NOW_NS, observed_to_ns=NOW_NS - HOUR_NS), ["behind"]),
        (Contact("tokyo-01", heard_ns=NOW_NS, lost_packets=7, lost_ns=NOW_NS), ["losing"]),
        (Contact("tokyo-01", heard_ns=NOW_NS, lost_packets=7, lost_ns=NOW_NS - 2 * HOUR_NS), ["ok"]),
        (Contact("tokyo-01", heard_ns=NOW_NS, offset_ns=-90 * 10**9), ["drifting"]),
        (
            Contact(
                "tokyo-01", heard_ns=NOW_NS - HOUR_NS, offset_ns=90 * 10**9, lost_packets=1, lost_ns=NOW_NS
            ),
            ["silent", "losing", "drifting"],
        ),
    ],
)
def test_a_sensor_is_in_every_state_that_it_is_in(contact: Contact | None, states: list[str]) -> None:
    (standing,) = standings([SENSOR], [contact] if contact else [], NOW_NS)
    assert list(standing.states) == states
    assert len(standing.said) == (0 if states == [State.OK] else len(states))


def test_a_disabled_sensor_is_nothing_else() -> None:
    (standing,) = standings([Sensor("tokyo-01", (), (), 0, 1)], [HEARD], NOW_NS)
    assert standing.states == (State.DISABLED,)
    assert "rotate" in standing.said[0]


def test_gaps_are_the_spans_between_that_none_covers(tmp_path: Path) -> None:
    def minutes(*pairs: tuple[int, int]) -> tuple[Span, ...]:
        return tuple(Span((AUGUST + start) * MINUTE_NS, (AUGUST + end) * MINUTE_NS) for start, end in pairs)

    with Store.open(tmp_path) as store:
        store.registry.add("tokyo-01", ["198.51.100.0/28"])
        given = [
            batch(0, spans=minutes((0, 10), (12, 20))),
            batch(3, spans=minutes((25, 30))),
            batch(5, spans=minutes((5, 13))),  # came late, and covers what seemed missing
            batch(0, epoch=2, spans=minutes((30, 31))),
            batch(0, sensor="osaka-01", spans=minutes((100, 101))),
        ]
        for one in given:
            admit(store, one)
        Intake(store, countries(tmp_path)).run_once()
        with Engine(tmp_path) as engine:
            assert list(gaps(engine)) == [
                Gap("tokyo-01", (AUGUST + 20) * MINUTE_NS, (AUGUST + 25) * MINUTE_NS)
            ]
            assert list(missing(engine)) == [Missing("tokyo-01", 1, 1, 2), Missing("tokyo-01", 1, 4, 4)]


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    configuration = configure(tmp_path_factory.mktemp("collector"))
    tokens = register(configuration)
    with serving(configuration, tokens=tokens) as running:
        yield running


def listed(collector: Collector, sensor: str = "tokyo-01") -> dict[str, object]:
    document = json.loads(collector.command("sensor", "list", "--json").stdout)
    found: dict[str, object] = next(one for one in document["sensors"] if one["id"] == sensor)
    return found


def test_requests_tell_when_a_sensor_was_heard_what_it_lost_and_how_its_clock_goes(
    collector: Collector,
) -> None:
    assert listed(collector)["states"] == ["never-heard"]
    given = batch(1, counters={"packets": 3, "counted": 0, "lost.full_packets": 40, "lost.full_batches": 2})
    answer = post(collector, compress(encode(given)), changed={"Teiten-Sent": f"{time.time() + 100:.3f}"})
    assert answer.status_code == 201
    wait_until(lambda: listed(collector)["states"] != ["never-heard"])
    wait_until(lambda: listed(collector)["lost_packets"] == 40)
    found = listed(collector)
    assert found["states"] == ["behind", "losing", "drifting"]
    assert found["clock_offset_seconds"] == pytest.approx(100, abs=20)
    assert "last heard" in collector.command("sensor", "list").stdout
    assert listed(collector, "osaka-01")["states"] == ["never-heard"]
    assert post(collector, compress(encode(given))).status_code == 200  # a repeat tells no loss twice
    wait_until(lambda: collector.store.waiting() == 0)
    assert listed(collector)["lost_packets"] == 40


@pytest.mark.parametrize("said", ["", "soon", "-1", "1e9", "9" * 400])
def test_a_clock_that_makes_no_sense_is_not_believed(collector: Collector, said: str) -> None:
    answer = post(collector, compress(encode(batch(2))), changed={"Teiten-Sent": said})
    assert answer.status_code in {200, 201}


def test_check_says_which_spans_are_missing(collector: Collector) -> None:
    for sequence in (10, 13):
        rows = (tuple4(AUGUST + sequence, "192.0.2.1"),)
        assert send(collector, batch(sequence, epoch=9, ipv4=rows)).status_code == 201
    wait_until(lambda: collector.store.waiting() == 0)
    done = collector.command("check", "--journal", "--json")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert document["findings"] == []
    assert {"sensor": "tokyo-01", "epoch": f"{9:016x}", "first": 11, "last": 12} in document[
        "missing_batches"
    ]
    assert {
        "sensor": "tokyo-01",
        "from": "2009-08-01T00:11:00+00:00",
        "to": "2009-08-01T00:13:00+00:00",
    } in document["not_observed"]
    assert "tokyo-01: not observed from 2009-08-01T00:11:00" in collector.command("check").stdout


def test_metrics_count_what_was_taken_and_every_refusal(collector: Collector) -> None:
    post(collector, b"no batch")
    text = requests.get(f"{collector.url}/metrics", timeout=30).text
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    assert float(values['teiten_collector_batches_total{verdict="new"}']) >= 1
    assert float(values['teiten_collector_refusals_total{error="batch"}']) == 1
    assert values['teiten_collector_refusals_total{error="conflict"}'] == "0"
    assert float(values["teiten_collector_acknowledgement_seconds_count"]) >= 1
    assert float(values['teiten_collector_sensor_lost_packets_total{sensor="tokyo-01"}']) == 40
    assert "# TYPE teiten_collector_acknowledgement_seconds histogram" in text


def test_metrics_are_of_prometheus_format_and_name_every_state(collector: Collector) -> None:
    text = requests.get(f"{collector.url}/metrics", timeout=30).text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert all(family.documentation and family.type != "unknown" for family in families.values())
    states = families["teiten_collector_sensor_state"].samples
    assert {sample.labels["sensor"] for sample in states} == {"tokyo-01", "osaka-01"}
    assert {sample.labels["state"] for sample in states} <= {state.value for state in State}
    refusals = families["teiten_collector_refusals"].samples
    assert {sample.labels["error"] for sample in refusals} == {code.text for code in RefusalCode}


def test_a_sensor_is_told_what_is_known_of_it(collector: Collector, tmp_path: Path) -> None:
    (tmp_path / "token").touch(mode=0o600)
    (tmp_path / "token").write_text(collector.tokens["osaka-01"], encoding="ascii")
    uplink = Uplink(UplinkSettings(collector=collector.url, token_file=str(tmp_path / "token")))
    known = uplink.registration()
    assert known == Registration("osaka-01", (ip_network("203.0.113.0/28"),), None)
    assert send(collector, batch(1, sensor="osaka-01"), "osaka-01").status_code == 201
    known = uplink.registration()
    assert known is not None
    assert known.observed_to_ns == batch(1, sensor="osaka-01").spans[-1].end_ns


def test_nobody_else_is_told(collector: Collector) -> None:
    for authorization in ({}, {"Authorization": "Bearer nobody"}):
        answer = requests.get(f"{collector.url}/v1/sensor", headers=authorization, timeout=30)
        assert (answer.status_code, answer.json()["error"]) == (401, "token")


def test_metrics_are_not_for_whoever_comes_through_a_proxy(collector: Collector) -> None:
    answer = requests.get(
        f"{collector.url}/metrics",
        headers={"X-Forwarded-For": "192.0.2.1", **headers(collector.tokens["tokyo-01"])},
        timeout=30,
    )
    assert (answer.status_code, answer.json()["error"]) == (403, "metrics")
