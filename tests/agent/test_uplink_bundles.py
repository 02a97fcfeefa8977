"""Several batches a request: each settled by its own verdict, in the order asked for, at the rate allowed."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from teiten_agent.errors import ConfigurationError, UnreachableError
from teiten_agent.spool import Entry, survey
from teiten_agent.uplink.pace import Pace
from tests.agent.batches import EPOCH, SENSOR
from tests.agent.collector import Answer
from tests.agent.test_uplink import Sensor

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.collector import Collector

BUSY = Answer(503, b'{"error": "busy", "reason": "not now", "retry_after": 3}')
UNKNOWN_VERSION = Answer(422, b'{"error": "version", "reason": "speaks version 1", "versions": [1]}')


@pytest.fixture
def sensor(tmp_path: Path, collector: Collector) -> Sensor:
    sensor = Sensor(tmp_path, collector.url)
    sensor.configuration = replace(sensor.configuration, batches_per_request=8)
    sensor.spooling.fill(*range(20))
    return sensor


def sequences(collector: Collector) -> list[int]:
    return [sequence for _, _, sequence in collector.held]


def test_a_request_holds_as_many_batches_as_are_allowed(sensor: Sensor, collector: Collector) -> None:
    assert sensor.deliver().acknowledged == 20
    assert collector.bundles == [8, 8, 4]
    assert sequences(collector) == list(range(20))
    assert sensor.waiting == []


def test_one_batch_that_waits_travels_without_a_bundle(sensor: Sensor, collector: Collector) -> None:
    sensor.configuration = replace(sensor.configuration, batches_per_request=19)
    assert sensor.deliver().acknowledged == 20
    assert collector.bundles == [19]


def test_each_batch_of_a_bundle_is_settled_by_its_own_verdict(sensor: Sensor, collector: Collector) -> None:
    collector.within = [None, Answer(409), None, BUSY, BUSY]
    delivery = sensor.deliver()
    assert (delivery.acknowledged, len(delivery.refused)) == (19, 1)
    assert sequences(collector)[:7] == [0, 2, 5, 6, 7, 3, 4]
    assert sensor.pauses == []
    assert sensor.waiting == []
    assert survey(sensor.spooling.directory, 10).refused == 1


def test_a_bundle_of_which_nothing_is_settled_is_tried_again_later(
    sensor: Sensor, collector: Collector
) -> None:
    collector.within = [BUSY] * 8
    assert sensor.deliver().acknowledged == 20
    assert sensor.pauses == [3.0]


def test_a_batch_that_is_withheld_waits_and_the_others_go(sensor: Sensor, collector: Collector) -> None:
    """One batch with an address that is not registered must not keep back a week of others."""
    collector.within = [None, Answer(403), None]
    with pytest.raises(ConfigurationError, match="does not take this batch from this sensor") as caught:
        sensor.deliver()
    assert "as registered" in caught.value.remedy
    assert len(collector.held) == 19
    assert sensor.waiting == [Entry(EPOCH, 1)]


def test_what_is_all_withheld_is_not_tried_to_the_end(sensor: Sensor, collector: Collector) -> None:
    collector.always = Answer(403)
    sensor.spooling.fill(*range(200))
    with pytest.raises(ConfigurationError):
        sensor.deliver()
    assert collector.requests == 8
    assert len(sensor.waiting) == 200


def test_a_version_that_the_collector_does_not_know_is_kept_for_its_next_release(
    sensor: Sensor, collector: Collector
) -> None:
    collector.within = [UNKNOWN_VERSION]
    with pytest.raises(ConfigurationError, match="does not speak this agent's version") as caught:
        sensor.deliver()
    assert "upgrade the collector" in caught.value.remedy
    assert sensor.waiting == [Entry(EPOCH, 0)]


def test_a_collector_that_knows_no_bundles_gets_batches_one_by_one(
    sensor: Sensor, collector: Collector
) -> None:
    collector.takes_bundles = False
    assert sensor.deliver().acknowledged == 20
    assert collector.requests == 21


@pytest.mark.parametrize("status", [409, 413, 422])
def test_a_bundle_refused_as_a_whole_condemns_no_batch(
    sensor: Sensor, collector: Collector, status: int
) -> None:
    """Something on the way may refuse large bodies."""
    collector.script = [Answer(status, b"<html>")]
    assert sensor.deliver().acknowledged == 20
    assert survey(sensor.spooling.directory, 10).refused == 0


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"verdicts": []}', b'{"verdicts": [1, 2, 3, 4, 5, 6, 7, 8]}', b"\xff"]
)
def test_an_answer_without_a_verdict_on_each_batch_keeps_them_all(
    sensor: Sensor, collector: Collector, body: bytes
) -> None:
    collector.script = [Answer(200, body)]
    with pytest.raises(UnreachableError):
        sensor.deliver()
    assert len(sensor.waiting) == 20


def test_verdicts_in_another_order_settle_nothing(sensor: Sensor, collector: Collector) -> None:
    sensor.deliver()
    verdicts = [
        {"status": 201, "sensor": key[0], "epoch": key[1], "sequence": key[2], "sha256": sha, "repeat": False}
        for key, sha in list(collector.held.items())[7::-1]
    ]
    record = next((sensor.spooling.directory / "epochs").glob("*.json"))
    document = json.loads(record.read_bytes())
    record.write_text(json.dumps({**document, "acknowledged": []}))
    sensor.spooling.fill(*range(8))
    collector.script = [Answer(200, json.dumps({"verdicts": verdicts}).encode())]
    with pytest.raises(UnreachableError, match="acknowledges another batch"):
        sensor.deliver()
    assert len(sensor.waiting) == 8


def test_after_an_outage_the_newest_go_first_where_that_is_asked_for(
    sensor: Sensor, collector: Collector
) -> None:
    sensor.configuration = replace(sensor.configuration, order="newest-first")
    sensor.spooling.fill(0, epoch=3)
    old = sensor.spooling.directory / Entry(3, 0).name
    os.utime(old, ns=(0, 0))
    assert sensor.deliver().acknowledged == 21
    assert sequences(collector) == [*range(19, -1, -1), 0]
    assert list(collector.held)[-1] == (SENSOR, 3, 0)


def test_requests_are_spaced_to_the_rate() -> None:
    now = [100.0]
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    pace = Pace(1000, sleep, lambda: now[0])
    for _ in range(5):
        pace.wait(500)
        now[0] += 0.1  # what sending takes
    assert pauses == pytest.approx([0.4] * 4)
    now[0] += 60  # idle time is not saved up
    for _ in range(2):
        pace.wait(500)
    assert pauses == pytest.approx([0.4] * 4 + [0.5])


def test_without_a_bound_nothing_waits() -> None:
    pace = Pace(0, lambda _: pytest.fail("waited"))
    for _ in range(3):
        pace.wait(1 << 30)
