"""Replays repeated, agents and collectors killed: the report stays the same, and the sums hold."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from teiten_collector.store import Engine
from tests.end_to_end.conftest import Scenario
from tests.fleet import AGENT, Collector, Sensor

pytestmark = pytest.mark.end_to_end

PERIOD = ("2024-03-01..2024-03-03", "--compare", "2024-02-27..2024-02-29")


def report(collector: Collector) -> str:
    return collector.command("report", "--period", *PERIOD, "--format", "json").stdout


def wait_until_stored(collector: Collector, packets: int) -> dict[str, Any]:
    """The report once the tables hold `packets`: the intake works behind the acknowledgement."""
    deadline = time.monotonic() + 60
    while True:
        document: dict[str, Any] = json.loads(report(collector))
        stored = document["access"]["total"]["count"] + document["access_ipv6"]["total"]["count"]
        if stored >= packets or time.monotonic() > deadline:
            assert stored == packets
            return document
        time.sleep(0.1)


def planned(small: Scenario) -> int:
    return sum(sensor["counted"] for sensor in small.truth["sensors"].values())


def test_a_second_replay_changes_nothing(collector: Collector, small: Scenario) -> None:
    sensors = small.enrol(collector)
    for identity, sensor in sensors.items():
        sensor.replay(*small.replay_arguments(identity))
    wait_until_stored(collector, planned(small))
    first = report(collector)
    for identity, sensor in sensors.items():
        sensor.replay(*small.replay_arguments(identity))
    assert report(collector) == first


def test_a_second_replay_from_an_empty_spool_is_recognised_by_the_collector(
    collector: Collector, small: Scenario
) -> None:
    sensors = small.enrol(collector)
    for identity, sensor in sensors.items():
        sensor.replay(*small.replay_arguments(identity))
    wait_until_stored(collector, planned(small))
    first = report(collector)
    for identity, sensor in sensors.items():
        sensor.spool.rename(sensor.spool.with_name("lost"))
        done = sensor.replay("--json", *small.replay_arguments(identity))
        outcome = json.loads(done.stdout)
        assert outcome["repeats"] == outcome["acknowledged"] == outcome["batches"] > 0
    assert report(collector) == first


def test_batches_carried_by_hand_count_like_those_sent(
    collector: Collector, small: Scenario, tmp_path: Path
) -> None:
    sensors = small.enrol(collector)
    for identity, sensor in sensors.items():
        sensor.replay("--no-upload", *small.replay_arguments(identity))
        carried = tmp_path / identity
        subprocess.run(
            [AGENT, "spool", "export", "--config", sensor.configuration, carried],
            check=True,
            capture_output=True,
        )
        collector.command("import", carried)
        collector.command("import", carried)
    wait_until_stored(collector, planned(small))
    first = report(collector)
    for identity, sensor in sensors.items():
        sensor.replay(*small.replay_arguments(identity))
    assert report(collector) == first


def killed_replay(sensor: Sensor, arguments: tuple[object, ...], after_seconds: float) -> int:
    """Start a replay and kill it; its exit code, 0 where it was faster."""
    process = subprocess.Popen(
        [AGENT, "replay", "--config", sensor.configuration, *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return process.wait(after_seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        return process.wait(30)


def test_an_agent_killed_at_any_moment_and_run_again_counts_once(
    collector: Collector, small: Scenario
) -> None:
    moments = random.Random(20090831)
    for identity, sensor in small.enrol(collector).items():
        for _ in range(6):
            killed_replay(sensor, small.replay_arguments(identity), moments.uniform(0.05, 0.8))
        sensor.replay(*small.replay_arguments(identity))
    document = wait_until_stored(collector, planned(small))
    assert document["access"]["sensors"] == len(small.truth["sensors"])


def test_a_collector_killed_at_any_moment_and_started_again_counts_once(
    collector: Collector, small: Scenario
) -> None:
    moments = random.Random(20090930)
    for identity, sensor in small.enrol(collector).items():
        for _ in range(4):
            process = subprocess.Popen(
                [
                    AGENT,
                    "replay",
                    "--config",
                    sensor.configuration,
                    *map(str, small.replay_arguments(identity)),
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(moments.uniform(0.1, 0.9))
            collector.kill()
            os.kill(process.pid, signal.SIGKILL)
            process.wait(30)
            collector.start()
        sensor.replay(*small.replay_arguments(identity))
    wait_until_stored(collector, planned(small))
    collector.command("check")


@pytest.mark.shared
def test_packets_of_every_real_capture_are_in_the_store_or_have_a_reason(
    collector: Collector, shared: Path
) -> None:
    """Packets in the files = packets of the tuples in the store + packets with a reason."""
    sensor = collector.add_sensor("real", ["0.0.0.0/0", "::/0"], interval_seconds=3600)
    records = 0
    for capture in sorted((shared / "captures").glob("*.pcap*")):
        if capture.suffix not in {".pcap", ".pcapng"}:
            continue
        oracle = capture.with_name(capture.name + ".oracle.tsv").read_text(encoding="utf-8")
        records += int(oracle.split("\n", 1)[0].split("\t")[1])
        done = sensor.replay("--json", capture, expect=None)
        assert done.returncode in {0, 65}, done.stderr
    collector.stop()
    collector.start()
    engine = Engine(collector.directory / "store")
    observed = engine.query(
        "SELECT sum(packets) AS packets, sum(counted) AS counted,"
        " sum(not_monitored + outside_span + malformed) AS reasons FROM observations"
    ).to_pylist()[0]
    tuples = engine.query("SELECT sum(packets) AS packets FROM tuples").to_pylist()[0]
    assert observed["packets"] == records
    assert tuples["packets"] == observed["counted"]
    assert records == tuples["packets"] + observed["reasons"]
