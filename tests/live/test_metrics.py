"""What a running agent shows of itself: to Prometheus by file and port, and to `status`."""

from __future__ import annotations

import re
import signal
import socket
import stat
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from teiten_agent.metrics import Family, exposition, read
from teiten_agent.metrics.exposition import Kind
from tests.agent.agent import Agent
from tests.agent.collector import Answer, serving
from tests.agent.traffic import arp, syn
from tests.live.running import configure, running

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.live.wire import Wire

REFERENCE = Path(__file__).parents[2] / "docs/reference/agent-metrics.md"


@pytest.fixture
def agent(tmp_path: Path, wire: Wire) -> Agent:
    """A sensor that captures from the heard end."""
    del wire
    agent = Agent(tmp_path)
    configure(agent, seconds=1)
    return agent


def samples(text: str) -> dict[tuple[str, str], float]:
    """What Prometheus' own parser makes of a text: numbers by name and the label's value."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            found[sample.name, "".join(sample.labels.values())] = sample.value
    return found


def of_file(agent: Agent) -> dict[tuple[str, str], float]:
    return samples((agent.home / "agent.prom").read_text(encoding="utf-8"))


def waited_for(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_every_outcome_and_reason_is_in_the_file(wire: Wire, agent: Agent) -> None:
    frames = [syn("203.0.113.1", "192.0.2.1", 445)] * 20
    frames += [syn("203.0.113.1", "198.51.100.9", 445)] * 5 + [arp()] * 3
    with running(agent) as run:
        sent = wire.send(frames)
        assert run.end(signal.SIGTERM) == 0
    found = of_file(agent)
    outcomes = {
        label: number for (name, label), number in found.items() if name == "teiten_agent_packets_total"
    }
    assert outcomes == {"counted": 20, "not_monitored": 5, "outside_span": 0, "malformed": 3}
    assert found["teiten_agent_malformed_packets_total", "arp"] == 3
    assert found["teiten_agent_received_packets_total", ""] == sent
    assert found["teiten_agent_dropped_packets_total", "kernel"] == 0
    assert found["teiten_agent_lost_batches_total", "full"] == 0
    assert found["teiten_agent_spool_batches", "waiting"] > 0
    assert found["teiten_agent_start_timestamp_seconds", ""] <= time.time()
    assert stat.S_IMODE((agent.home / "agent.prom").stat().st_mode) == 0o644
    assert not list(agent.home.glob(".*.writing"))


def test_every_metric_has_its_place_in_the_reference(wire: Wire, agent: Agent) -> None:
    with serving() as collector:
        configure(agent, collector=collector.url, seconds=1)
        with running(agent) as run:
            wire.send([syn("203.0.113.1", "192.0.2.1", 445), arp()])
            run.await_events("uploaded")
            assert run.end(signal.SIGTERM) == 0
    shown = {name for name, _ in of_file(agent)}
    listed = set(re.findall(r"^\| `(teiten_agent_\w+)`", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE))
    assert shown == listed
    assert of_file(agent)["teiten_agent_uplink_up", ""] == 1
    assert of_file(agent)["teiten_agent_uploaded_batches_total", "new"] >= 1
    assert abs(of_file(agent)["teiten_agent_clock_offset_seconds", ""]) < 60


def test_a_port_on_loopback_answers_by_choice(agent: Agent) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configure(agent, seconds=1, more=f'[metrics]\ntextfile = ""\nlisten = "127.0.0.1:{port}"')
    with running(agent) as run:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            found = samples(answer.read().decode())
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30)
        assert run.end(signal.SIGTERM) == 0
    assert found["teiten_agent_sensor_info", "tokyo-01"] == 1
    assert not (agent.home / "agent.prom").exists()


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:9464", "192.0.2.1:9464", "127.0.0.1", "127.0.0.1:0", "::1:9464", "x"]
)
def test_no_other_address_is_listened_on(agent: Agent, listen: str) -> None:
    configure(agent, more=f'[metrics]\nlisten = "{listen}"')
    assert "metrics.listen: is" in agent.run("config", "show", expect=78).stderr


def test_a_port_that_is_taken_ends_the_start(agent: Agent) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        configure(agent, more=f'[metrics]\nlisten = "127.0.0.1:{taken.getsockname()[1]}"')
        assert "metrics.listen: cannot listen" in agent.run("run", expect=78).stderr


def test_a_file_that_cannot_be_written_is_said_once_and_stops_nothing(wire: Wire, agent: Agent) -> None:
    configure(agent, seconds=1, more='[metrics]\ntextfile = "/proc/teiten/agent.prom"')
    with running(agent) as run:
        wire.send([syn("203.0.113.1", "192.0.2.1", 445)])
        run.await_events("batch", 2)
        assert run.end(signal.SIGTERM) == 0
        assert len(run.events("metrics")) == 1


def test_status_tells_what_the_running_agent_counts(wire: Wire, agent: Agent) -> None:
    with running(agent) as run:
        wire.send([syn("203.0.113.1", "192.0.2.1", 445)] * 7)
        run.await_events("batch", 2)
        document = agent.document("status")
        assert document["running"] is True
        assert document["agent"]['sensor_info{sensor="tokyo-01"}'] == 1
        assert document["findings"] == []
        assert "running since:" in agent.run("status").stdout
        assert run.end(signal.SIGTERM) == 0
    document = agent.document("status")
    assert (document["running"], document["agent"]) == (False, {})
    assert document["findings"][0]["said"] == "no agent is running"


@pytest.mark.parametrize(
    ("collector", "cause"), [(Answer(401), "refused"), (Answer(500), "unreachable"), (None, "unreachable")]
)
def test_uploads_that_fail_are_counted_by_cause_and_status_says_so(
    agent: Agent, collector: Answer | None, cause: str
) -> None:
    with serving() as there:
        there.always = collector
        configure(agent, collector=there.url if collector else "http://127.0.0.1:1", seconds=1)
        with running(agent) as run:
            assert run.await_events("upload_failed")[0]["remedy"]
            assert run.end(signal.SIGTERM) == 0
    found = of_file(agent)
    assert found["teiten_agent_upload_failures_total", cause] == 1
    assert found["teiten_agent_uplink_up", ""] == 0
    assert found["teiten_agent_upload_requests_total", ""] >= 1


def test_what_is_written_is_what_is_read() -> None:
    families = [
        Family("a_total", Kind.COUNTER, "One\nline, \\ and all.", "b", (('q"\\\n', 1.5), ("c", 2))),
        Family("d", Kind.GAUGE, "Alone.", "", (("", float("inf")),)),
    ]
    text = exposition(families)
    assert samples(text) == {("a_total", 'q"\\\n'): 1.5, ("a_total", "c"): 2, ("d", ""): float("inf")}
    assert list(read(text).values()) == [1.5, 2, float("inf")]
