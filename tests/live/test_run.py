"""`teiten-agent run`: what is promised of the service, on real processes over a real wire."""

from __future__ import annotations

import json
import signal
import socket
import struct
import subprocess
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.agent.agent import Agent
from tests.agent.collector import serving
from tests.agent.traffic import syn
from tests.live.running import batches, configure, counters, running
from tests.live.wire import HEARD, ip

if TYPE_CHECKING:
    from tests.live.wire import Wire

SECOND_NS = 10**9
CAP_NET_RAW = 13
"""Its number in linux/capability.h."""
ENDLESS = 3600
"""Seconds of an interval that does not close while a test runs (but for one run in an hour)."""

both_ways = pytest.mark.parametrize("source", ["ring", "pcapy"])


def syns(count: int) -> list[bytes]:
    """SYNs to a monitored address."""
    return [syn("203.0.113.1", "192.0.2.1", 445)] * count


@pytest.fixture
def agent(tmp_path: Path, wire: Wire) -> Agent:
    """A sensor that captures from the heard end."""
    del wire
    agent = Agent(tmp_path)
    configure(agent, seconds=ENDLESS)
    return agent


@both_ways
def test_sigterm_drains_what_was_sent_and_spools_it(wire: Wire, agent: Agent, source: str) -> None:
    configure(agent, seconds=ENDLESS, more=f'source = "{source}"')
    with running(agent) as run:
        sent = wire.send(syns(5000))
        assert run.end(signal.SIGTERM) == 0
        assert run.events("stop")
    total = counters(agent)
    assert total["counted"] == sent
    assert total["kernel_received"] == sent
    assert total["kernel_dropped"] == 0
    assert agent.document("status")["spool"]["incomplete_epochs"] == 0


def test_threads_share_the_sources_and_their_batches_count_once(wire: Wire, agent: Agent) -> None:
    configure(agent, seconds=1, more="threads = 3")
    with running(agent) as run:
        sent = wire.send(
            syn(f"203.0.113.{host}", "192.0.2.1", port) for port in range(40) for host in range(1, 201)
        )
        run.await_events("batch", 3)
        run.process.send_signal(signal.SIGHUP)
        run.await_events("rules", 2)
        sent += wire.send(syns(100))
        assert run.end(signal.SIGTERM) == 0
    kept = batches(agent)
    total = counters(agent)
    assert total["counted"] == total["packets"] == total["kernel_received"] == sent
    assert total["kernel_dropped"] == 0
    assert total["rules_changes"] == 3
    assert len({batch.key.sequence for batch in kept}) == len(kept)
    spans = sorted((span.start_ns, span.end_ns) for batch in kept for span in batch.spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans)), "a time is one batch's alone"
    assert agent.document("status")["spool"]["incomplete_epochs"] == 0


def test_rules_are_read_again_without_losing_a_packet_and_a_broken_file_keeps_them(
    wire: Wire, agent: Agent
) -> None:
    own = agent.home / "own.rules"
    own.write_text("alert tcp any any -> any 445 (sid:1;)\n", encoding="utf-8")
    configure(agent, seconds=ENDLESS, more=f'[rules]\nfiles = ["{own}"]')
    with running(agent) as run:
        sent = wire.send(syns(2000))
        own.write_text("alert tcp any any -> any 445 (sid:2;)\n", encoding="utf-8")
        run.process.send_signal(signal.SIGHUP)
        sent += wire.send(syns(2000))
        run.await_events("rules", 2)
        sent += wire.send(syns(2000))
        whole = "alert tcp any any -> any 445 (sid:3;)\n"
        for times, (broken, line) in enumerate((("alert tcp any\n", 1), (whole + whole[:-9], 2)), 1):
            own.write_text(broken, encoding="utf-8")
            run.process.send_signal(signal.SIGHUP)
            assert f"{own}:{line}:" in run.await_events("rules_kept", times)[-1]["said"]
        sent += wire.send(syns(2000))
        assert run.end(signal.SIGTERM) == 0
    total = counters(agent)
    assert total["counted"] == total["kernel_received"] == sent
    assert total["kernel_dropped"] == 0
    assert total["rules_changes"] == 1
    detected: Counter[int] = Counter()
    for batch in batches(agent):
        columns = batch.detections
        signatures = struct.unpack(f"<{columns.rows}I", columns.signature)
        for signature, count in zip(
            signatures, struct.unpack(f"<{columns.rows}Q", columns.count), strict=True
        ):
            detected[signature] += count
    assert detected[1] + detected[2] == sent, "each packet meets the old rules or the new ones"
    assert detected[2] > 0, "the rules from before the broken file stay"


def test_threads_share_again_when_the_interface_is_back(wire: Wire, agent: Agent) -> None:
    configure(agent, seconds=ENDLESS, more="threads = 2")
    hosts = range(1, 101)
    with running(agent) as run:
        sent = wire.send(syn(f"203.0.113.{host}", "192.0.2.1", 22) for host in hosts)
        time.sleep(0.3)
        ip("link", "set", HEARD, "down")
        run.await_events("interface_lost", 2)
        ip("link", "set", HEARD, "up")
        run.await_events("interface_back", 2)
        sent += wire.send(syn(f"203.0.113.{host}", "192.0.2.1", 23) for host in hosts)
        assert run.end(signal.SIGTERM) == 0
    kept = batches(agent)
    assert counters(agent)["counted"] == sent
    assert counters(agent)["interface_losses"] == 2
    assert len({span for batch in kept for span in batch.spans}) == 2, "it was not observed in between"


def test_what_a_thread_drops_is_counted(wire: Wire, agent: Agent) -> None:
    configure(agent, seconds=ENDLESS, more="threads = 2\nring_megabytes = 2")
    frames = [syn(f"203.0.{host >> 8}.{host & 255}", "192.0.2.1", 445) for host in range(60_000)]
    with running(agent) as run:
        run.process.send_signal(signal.SIGSTOP)
        sent = wire.send(frames)
        run.process.send_signal(signal.SIGCONT)
        assert run.end(signal.SIGTERM) == 0
    total = counters(agent)
    assert total["kernel_dropped"] > 0
    assert total["kernel_received"] == sent == total["packets"] + total["kernel_dropped"]
    assert total["packets"] == total["counted"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('threads = 2\nsource = "pcapy"', "capture.threads: is 2"),
        ("threads = 9", "capture.ring_megabytes: is 8 for 9 threads"),
        ("threads = 2\n[limits]\ntable_megabytes = 1", "limits.table_megabytes: is 1 for 2 threads"),
    ],
)
def test_what_threads_cannot_share_is_named(agent: Agent, more: str, said: str) -> None:
    configure(agent, more=more)
    assert said in agent.run("run", expect=78).stderr


def test_quiet_intervals_are_observed(agent: Agent) -> None:
    configure(agent, seconds=1)
    before_ns = time.time_ns()
    with running(agent) as run:
        run.await_events("batch", 3)
        assert run.end(signal.SIGTERM) == 0
    spans = [span for batch in batches(agent) for span in batch.spans]
    assert all(batch.counters["packets"] == 0 for batch in batches(agent))
    assert before_ns < spans[0].start_ns
    assert spans[-1].end_ns < time.time_ns()
    assert spans[-1].end_ns - spans[0].start_ns > SECOND_NS
    for one, other in pairwise(spans):
        assert one.end_ns == other.start_ns
        assert one.end_ns % SECOND_NS == 0


def test_sigkill_loses_the_open_interval_at_most(wire: Wire, agent: Agent) -> None:
    configure(agent, seconds=1)
    with running(agent) as run:
        sent = wire.send(syns(100))
        run.await_events("batch", 2)
        assert run.end(signal.SIGKILL) == -signal.SIGKILL
    assert counters(agent)["counted"] == sent
    with running(agent) as run:
        sent += wire.send(syns(50))
        assert run.end(signal.SIGTERM) == 0
    assert counters(agent)["counted"] == sent
    assert len({batch.key.epoch for batch in batches(agent)}) == 2


def test_batches_go_to_the_collector_beside_the_capture(wire: Wire, agent: Agent) -> None:
    with serving() as collector:
        configure(agent, collector=collector.url, seconds=1)
        with running(agent) as run:
            sent = wire.send(syns(100))
            while collector.counted < sent:
                run.await_events("uploaded", len(run.events("uploaded")) + 1)
            assert run.end(signal.SIGTERM) == 0
    assert collector.counted == sent


def test_a_collector_that_is_away_stops_no_capture(wire: Wire, agent: Agent) -> None:
    configure(agent, collector="http://127.0.0.1:9", seconds=1)
    with running(agent) as run:
        sent = wire.send(syns(100))
        run.await_events("batch", 2)
        assert run.end(signal.SIGTERM) == 0
    assert counters(agent)["counted"] == sent


def test_an_interface_that_went_down_is_not_observed_until_it_is_back(wire: Wire, agent: Agent) -> None:
    with running(agent) as run:
        sent = wire.send(syns(10))
        time.sleep(0.3)
        ip("link", "set", HEARD, "down")
        run.await_events("interface_lost")
        ip("link", "set", HEARD, "up")
        run.await_events("interface_back")
        sent += wire.send(syns(20))
        assert run.end(signal.SIGTERM) == 0
    first, second = batches(agent)
    assert first.counters["counted"] == 10
    assert first.counters["interface_losses"] == 1
    assert first.spans[-1].end_ns < second.spans[0].start_ns
    assert counters(agent)["counted"] == sent


def test_the_service_manager_hears_of_readiness_progress_and_end(agent: Agent) -> None:
    address = agent.home / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(30)
        with running(agent, NOTIFY_SOCKET=str(address)) as run:
            said = [manager.recv(100) for _ in range(3)]
            assert run.end(signal.SIGTERM) == 0
            while said[-1] != b"STOPPING=1":
                said.append(manager.recv(100))
    assert said[0] == b"READY=1"
    assert b"WATCHDOG=1" in said


def test_events_are_json_by_choice(agent: Agent) -> None:
    configure(agent, more='[log]\nformat = "json"')
    events = []
    with subprocess.Popen(agent.arguments("run"), stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        for line in run.stderr:
            events.append(json.loads(line))
            if events[-1]["event"] == "start":
                run.send_signal(signal.SIGTERM)
    assert run.returncode == 0
    assert [one["event"] for one in events if one["level"] == "info"] == ["rules", "start", "batch", "stop"]
    assert events[-1]["batches"] == 1


def test_without_the_capability_run_and_check_say_so(agent: Agent) -> None:
    without = ("/usr/bin/setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw")
    for word in ("run", "check"):
        done = subprocess.run([*without, *agent.arguments(word)], capture_output=True, text=True, check=False)
        assert done.returncode == 77, done.stderr
        assert "setcap cap_net_raw+ep" in done.stderr + done.stdout


def test_check_compiles_the_filter_and_tries_the_capture(agent: Agent) -> None:
    configure(agent, more='filter = "tcp or udp"')
    steps = {step["name"]: step for step in agent.document("check")["steps"]}
    assert (steps["filter"]["state"], steps["capture"]["state"]) == ("ok", "ok")
    configure(agent, more='filter = "tcp ore udp"')
    steps = {step["name"]: step for step in agent.document("check", expect=78)["steps"]}
    assert steps["filter"]["state"] == "failed"


def test_a_wrong_interface_ends_the_command_with_the_near_name(agent: Agent) -> None:
    text = agent.configuration_path.read_text(encoding="utf-8")
    agent.configuration_path.write_text(text.replace(f'"{HEARD}"', '"haerd"'), encoding="utf-8")
    assert "did you mean heard?" in agent.run("run", expect=78).stderr


@pytest.mark.parametrize(("setting", "expected"), [("false", "promiscuity 0"), ("true", "promiscuity 1")])
def test_promiscuous_mode_needs_no_more_than_the_one_capability(
    wire: Wire, agent: Agent, setting: str, expected: str
) -> None:
    configure(agent, seconds=ENDLESS, more=f"promiscuous = {setting}")
    alone = ("/usr/bin/setpriv", "--bounding-set", "-all,+net_raw", "--inh-caps", "-all,+net_raw")
    with running(agent, *alone) as run:
        status = Path(f"/proc/{run.process.pid}/status").read_text(encoding="ascii")
        assert f"CapEff:\t{1 << CAP_NET_RAW:016x}" in status
        assert f" {expected} " in ip("-details", "link", "show", HEARD)
        sent = wire.send(syns(10))
        assert run.end(signal.SIGTERM) == 0
    assert counters(agent)["counted"] == sent
