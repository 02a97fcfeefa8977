"""`replay`: a pure function of sensor, span, captures and settings; nothing is lost or counted twice."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import time
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from teiten_protocol import decode, expand
from tests.agent.agent import PATIENCE_SECONDS, Agent, run
from tests.agent.collector import Answer
from tests.agent.traffic import DAY_SECONDS, MONDAY_NS, SYN_BYTES, arp, days, pcap, syn, write

if TYPE_CHECKING:
    from pathlib import Path

    from teiten_protocol import Batch
    from tests.agent.collector import Collector

WEEK = ("--from", "2009-08-03T00:00:00Z", "--to", "2009-08-10T09:00:00+09:00")
WEEK_NS = (MONDAY_NS, MONDAY_NS + 7 * DAY_SECONDS * 10**9)


def decoded(agent: Agent) -> list[Batch]:
    return [decode(expand(content)) for content in agent.batches().values()]


def counters(batches: list[Batch]) -> Counter[str]:
    return sum((Counter(dict(batch.counters)) for batch in batches), Counter())


def start(agent: Agent, *words: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        agent.arguments(*words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


# What comes out


def test_batches_hold_what_the_captures_held(agent: Agent, tmp_path: Path) -> None:
    capture = write(
        tmp_path / "a.pcap",
        [
            *days(3),
            (MONDAY_NS + 3 * DAY_SECONDS * 10**9, syn("203.0.113.1", "198.51.100.1", 1)),
            (MONDAY_NS + 3 * DAY_SECONDS * 10**9, arp()),
        ],
    )
    outcome = agent.document("replay", capture, "--no-upload", *WEEK)
    batches = decoded(agent)
    assert Counter(outcome["counters"]) == counters(batches)
    assert outcome["batches"] == outcome["written"] == outcome["waiting"] == len(batches)
    assert outcome["span_ns"] == list(WEEK_NS)
    assert [batch.key.sequence for batch in batches] == list(range(len(batches)))
    assert {(batch.key.sensor, f"{batch.key.epoch:016x}") for batch in batches} == {
        ("tokyo-01", outcome["epoch"])
    }
    sums = counters(batches)
    assert (sums["packets"], sums["counted"], sums["not_monitored"]) == (11, 9, 1)
    assert sums["bytes"] == 9 * SYN_BYTES
    assert sum(count for name, count in sums.items() if name.startswith("malformed.")) == 1
    assert sum(batch.ipv4.rows for batch in batches) == 9


@pytest.mark.parametrize(
    ("words", "span"),
    [(WEEK, WEEK_NS), ((), (MONDAY_NS + 3600 * 10**9, MONDAY_NS + (2 * DAY_SECONDS + 3 * 3600) * 10**9 + 1))],
    ids=["stated", "first to last packet"],
)
def test_the_whole_span_is_observed_without_gap(
    agent: Agent, tmp_path: Path, words: tuple[str, ...], span: tuple[int, int]
) -> None:
    agent.run("replay", write(tmp_path / "a.pcap", days(3)), "--no-upload", *words)
    spans = [span for batch in decoded(agent) for span in batch.spans]
    assert spans[0].start_ns == span[0]
    assert spans[-1].end_ns == span[1]
    assert all(before.end_ns == after.start_ns for before, after in pairwise(spans))


def test_a_batch_gathers_intervals_within_a_day_and_the_limits_of_the_format(
    agent: Agent, tmp_path: Path
) -> None:
    start_ns = MONDAY_NS + (DAY_SECONDS - 2000) * 10**9
    frames = [(start_ns + second * 10**9, syn("203.0.113.1", "192.0.2.1", 445)) for second in range(3000)]
    agent.configure(seconds=1).run("replay", write(tmp_path / "a.pcap", frames), "--no-upload")
    batches = decoded(agent)
    assert [batch.counters["counted"] for batch in batches] == [1440, 560, 1000]
    assert [len(batch.spans) for batch in batches] == [1, 1, 1]
    assert batches[2].spans[0].start_ns == MONDAY_NS + DAY_SECONDS * 10**9


def test_silence_is_observed_too(agent: Agent, tmp_path: Path) -> None:
    silent = write(tmp_path / "silent.pcap", [])
    assert "hold no packet" in agent.run("replay", silent, "--no-upload", expect=65).stderr
    agent.run("replay", silent, "--no-upload", *WEEK)
    batches = decoded(agent)
    assert counters(batches)["packets"] == 0
    assert (batches[0].spans[0].start_ns, batches[-1].spans[-1].end_ns) == WEEK_NS


def test_packets_outside_the_stated_span_are_counted_as_such(agent: Agent, tmp_path: Path) -> None:
    capture = write(tmp_path / "a.pcap", days(3))
    agent.run(
        "replay", capture, "--no-upload", "--from", "2009-08-04T00:00:00Z", "--to", "2009-08-05T00:00:00Z"
    )
    sums = counters(decoded(agent))
    assert (sums["packets"], sums["counted"], sums["outside_span"]) == (9, 3, 6)


# A pure function


def test_replaying_twice_gives_the_same_files_byte_for_byte(tmp_path: Path) -> None:
    capture = write(tmp_path / "a.pcap", days(4))
    agents = [Agent(tmp_path / name) for name in ("one", "other")]
    for agent in agents:
        agent.home.mkdir()
        agent.configure().run("replay", capture, "--no-upload", *WEEK)
    assert agents[0].batches() == agents[1].batches() != {}


def test_replaying_twice_into_one_spool_writes_once(agent: Agent, tmp_path: Path) -> None:
    capture = write(tmp_path / "a.pcap", days(4))
    agent.run("replay", capture, "--no-upload", *WEEK)
    before = agent.batches()
    outcome = agent.document("replay", capture, "--no-upload", *WEEK)
    assert outcome["written"] == 0
    assert agent.batches() == before


def test_names_order_and_copies_of_the_captures_do_not_matter(tmp_path: Path) -> None:
    early, late = pcap(days(2)), pcap(days(2, first_ns=MONDAY_NS + 2 * DAY_SECONDS * 10**9))
    spools = []
    for name, files in {
        "one": {"a": early, "b": late},
        "other": {"z": early, "b": late, "y": early},
    }.items():
        folder = tmp_path / name / "captures"
        folder.mkdir(parents=True)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        agent = Agent(tmp_path / name).configure()
        agent.run("replay", folder, "--no-upload")
        spools.append(agent.batches())
    late_first = Agent(tmp_path / "third")
    late_first.home.mkdir()
    late_first.configure().run(
        "replay", tmp_path / "one" / "captures" / "b", tmp_path / "one" / "captures" / "a", "--no-upload"
    )
    assert spools[0] == spools[1] == late_first.batches() != {}


def test_standard_input_is_a_capture_like_any_other(tmp_path: Path) -> None:
    content = gzip.compress(pcap(days(2)), mtime=0)
    (tmp_path / "a.gz").write_bytes(content)
    agents = [Agent(tmp_path / name) for name in ("one", "other")]
    for agent in agents:
        agent.home.mkdir()
        agent.configure()
    agents[0].run("replay", tmp_path / "a.gz", "--no-upload")
    run("replay", "-", "--no-upload", "--config", agents[1].configuration_path, stdin=content)
    assert agents[0].batches() == agents[1].batches() != {}


def test_another_span_or_sensor_is_another_epoch(agent: Agent, tmp_path: Path) -> None:
    capture = write(tmp_path / "a.pcap", days(1))
    epochs = {
        agent.document("replay", capture, "--no-upload")["epoch"],
        agent.document("replay", capture, "--no-upload", *WEEK)["epoch"],
    }
    other = Agent(tmp_path, "osaka-01").configure()
    epochs.add(other.document("replay", capture, "--no-upload")["epoch"])
    assert len(epochs) == 3


def test_the_same_replay_with_other_settings_is_refused(agent: Agent, tmp_path: Path) -> None:
    capture = write(tmp_path / "a.pcap", days(1))
    agent.run("replay", capture, "--no-upload")
    done = agent.configure(seconds=60).run("replay", capture, "--no-upload", expect=78)
    assert "interval_seconds was 3600, is 60" in done.stderr


# To the collector


def test_it_ends_when_every_batch_is_acknowledged(agent: Agent, tmp_path: Path, collector: Collector) -> None:
    agent.configure(collector=collector.url)
    outcome = agent.document("replay", write(tmp_path / "a.pcap", days(4)), *WEEK)
    assert outcome["acknowledged"] == outcome["batches"] == len(collector.held)
    assert (outcome["waiting"], collector.counted) == (0, 12)
    status = agent.document("status")
    assert status["sensor"] == "tokyo-01"
    assert status["spool"]["acknowledged"] == outcome["batches"]
    assert status["spool"]["acknowledged_at"]


def test_a_repeated_replay_sends_nothing(agent: Agent, tmp_path: Path, collector: Collector) -> None:
    agent.configure(collector=collector.url)
    capture = write(tmp_path / "a.pcap", days(4))
    agent.run("replay", capture, *WEEK)
    requests = collector.requests
    outcome = agent.document("replay", capture, *WEEK)
    assert (outcome["written"], outcome["acknowledged"], collector.requests) == (0, 0, requests)
    assert outcome["batches"] == len(collector.held)


def test_a_lost_spool_is_replayed_as_repeats(agent: Agent, tmp_path: Path, collector: Collector) -> None:
    agent.configure(collector=collector.url)
    capture = write(tmp_path / "a.pcap", days(4))
    agent.run("replay", capture, *WEEK)
    agent.spool.rename(tmp_path / "lost")
    outcome = agent.document("replay", capture, *WEEK)
    assert outcome["repeats"] == outcome["acknowledged"] == len(collector.held)
    assert collector.counted == 12


def test_spooled_batches_go_out_later(agent: Agent, tmp_path: Path, collector: Collector) -> None:
    capture = write(tmp_path / "a.pcap", days(4))
    agent.configure(collector=collector.url).run("replay", capture, "--no-upload")
    assert collector.requests == 0
    assert agent.document("spool", "upload")["acknowledged"] == len(collector.held)
    assert collector.counted == 12
    assert agent.document("spool", "status")["spool"]["waiting"] == 0


def test_a_refusal_is_said_kept_and_the_answer_is_no(
    agent: Agent, tmp_path: Path, collector: Collector
) -> None:
    agent.configure(collector=collector.url, uplink="batches_per_request = 1\n")
    collector.script = [Answer(422)]
    capture = write(tmp_path / "a.pcap", days(4))
    done = agent.run("replay", capture, expect=1)
    assert "refused by the collector: 422: told: the test says so" in done.stderr
    assert "1 refused" in done.stdout
    requests = collector.requests
    agent.run("replay", capture)
    assert collector.requests == requests
    assert agent.document("spool", "upload", "--refused")["acknowledged"] == 1
    assert collector.counted == 12


def test_an_unreachable_collector_ends_with_69_and_keeps_the_batches(
    agent: Agent, tmp_path: Path, collector: Collector
) -> None:
    agent.configure(collector=collector.url)
    collector.always = Answer(503, headers=(("Retry-After", "0"),))
    done = agent.run("replay", write(tmp_path / "a.pcap", days(2)), expect=69)
    assert "answers 503" in done.stderr
    assert "spool upload" in done.stderr
    assert len(agent.batches()) == 2


def test_a_full_spool_waits_for_uploads(agent: Agent, tmp_path: Path, collector: Collector) -> None:
    agent.configure(collector=collector.url, more="max_megabytes = 1\n")
    capture = write(tmp_path / "a.pcap", days(10))
    agent.spool.mkdir()
    (agent.spool / "x.damaged").write_bytes(b"\0" * 999_000)  # leaves room for two batches or so
    outcome = agent.document("replay", capture)
    assert outcome["acknowledged"] == outcome["written"] == len(collector.held)
    assert collector.counted == 30


def test_a_full_spool_without_uploads_ends_with_73_and_keeps_what_is_there(
    agent: Agent, tmp_path: Path
) -> None:
    agent.configure(more="max_megabytes = 1\n")
    capture = write(tmp_path / "a.pcap", days(10))
    agent.spool.mkdir()
    (agent.spool / "x.damaged").write_bytes(b"\0" * 999_000)
    done = agent.run("replay", capture, "--no-upload", expect=73)
    assert "is full" in done.stderr
    kept = agent.batches()
    assert kept
    (agent.spool / "x.damaged").unlink()
    agent.run("replay", capture, "--no-upload")
    assert kept.items() <= agent.batches().items()
    assert counters(decoded(agent))["counted"] == 30


# Captures with faults


def test_what_lies_before_a_fault_is_delivered_and_the_fault_is_said_each_time(
    agent: Agent, tmp_path: Path, collector: Collector
) -> None:
    agent.configure(collector=collector.url)
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(pcap(days(3))[:-1])
    for _ in range(2):
        done = agent.run("replay", cut, expect=65)
        assert f"{cut}: " in done.stderr
        assert "everything before is counted" in done.stderr
        assert collector.counted == 8


def test_a_file_that_is_no_capture_stops_the_replay_before_anything_is_counted(
    agent: Agent, tmp_path: Path
) -> None:
    noise = tmp_path / "noise"
    noise.write_bytes(b"no capture at all, but bytes")
    done = agent.run("replay", write(tmp_path / "a.pcap", days(1)), noise, "--no-upload", expect=65)
    assert f"{noise}: " in done.stderr
    assert agent.batches() == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "2009-08-03T00:00:00"), "lacks its offset"),
        (("--from", "yesterday"), "is no time of ISO 8601"),
        (("--from", "1960-08-03T00:00:00Z"), "is not between 1970 and 2262"),
        (("--from", "2009-08-03T00:00:00Z"), "go together"),
        (("--from", "2009-08-03T00:00:00Z", "--to", "2009-08-03T09:00:00+09:00"), "is not before"),
    ],
)
def test_a_span_that_is_none_is_a_mistake_of_usage(agent: Agent, words: tuple[str, ...], said: str) -> None:
    assert said in agent.run("replay", "-", *words, expect=2).stderr


# Crashes and Ctrl-C


def wait_for(process: subprocess.Popen[bytes], seen: object) -> None:
    """Come back when `seen()` holds or the process has ended."""
    assert callable(seen)
    limit = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and not seen():
        assert time.monotonic() < limit
        time.sleep(0.001)


def kill(process: subprocess.Popen[bytes]) -> None:
    with process:
        os.kill(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("files", [0, 1, 7, 40])
def test_killed_at_any_moment_a_rerun_gives_the_same_spool(agent: Agent, tmp_path: Path, files: int) -> None:
    capture = write(tmp_path / "a.pcap", days(60))
    calm = Agent(tmp_path / "calm")
    calm.home.mkdir()
    calm.configure().run("replay", capture, "--no-upload")
    process = start(agent, "replay", capture, "--no-upload")
    wait_for(process, lambda: agent.spool.exists() and len(agent.batches()) >= files)
    kill(process)
    agent.run("replay", capture, "--no-upload")
    assert agent.batches() == calm.batches()
    assert counters(decoded(agent))["counted"] == 180
    assert not list(agent.spool.rglob(".*"))


@pytest.mark.parametrize("requests", [1, 5, 30])
def test_killed_while_uploading_a_rerun_delivers_each_batch_once(
    agent: Agent, tmp_path: Path, collector: Collector, requests: int
) -> None:
    agent.configure(collector=collector.url, uplink="batches_per_request = 1\n")
    capture = write(tmp_path / "a.pcap", days(60))
    process = start(agent, "replay", capture)
    wait_for(process, lambda: collector.requests >= requests)
    kill(process)
    agent.run("replay", capture)
    assert collector.counted == 180
    assert len(collector.held) == len({sequence for _, _, sequence in collector.held}) == 60
    assert agent.batches() == {}


def test_ctrl_c_while_counting_says_what_is_kept(agent: Agent) -> None:
    process = start(agent, "replay", "-", "--no-upload")
    wait_for(
        process,
        lambda: (
            (agent.spool / "refused").exists()
            and (agent.spool / "lock").exists()
            and (agent.spool / "lock").stat().st_size
        ),
    )
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130, said
    assert said.decode().splitlines()[0] == f"teiten-agent: interrupted: 0 batches are kept in {agent.spool}"


def test_ctrl_c_while_uploading_keeps_what_waits(agent: Agent, tmp_path: Path, collector: Collector) -> None:
    agent.configure(collector=collector.url)
    collector.always = Answer(503, headers=(("Retry-After", "60"),))
    capture = write(tmp_path / "a.pcap", days(3))
    process = start(agent, "replay", capture)
    assert collector.came.wait(PATIENCE_SECONDS)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130, said
    assert b"interrupted: 3 batches are kept" in said
    collector.always = None
    assert json.loads(agent.run("replay", capture, "--json").stdout)["acknowledged"] == 3
    assert collector.counted == 9


def test_a_replay_says_where_every_packet_is(agent: Agent, tmp_path: Path) -> None:
    """A span or addresses that are not the captures' show at once, and not first in an empty report."""
    capture = write(
        tmp_path / "a.pcap",
        [
            *days(3),
            (MONDAY_NS + 1, syn("203.0.113.1", "8.8.8.8", 1)),
            (MONDAY_NS + 2, arp()),
            (MONDAY_NS + 8 * DAY_SECONDS * 10**9, syn("203.0.113.1", "198.51.100.1", 1)),
        ],
    )
    counted = len(days(3))
    said = f"{counted + 3} packets = {counted} counted + 1 not monitored + 1 outside the span + 1 malformed"
    assert agent.run("replay", capture, "--no-upload", *WEEK).stdout.splitlines()[1] == said
    again = agent.run("replay", capture, "--no-upload", *WEEK).stdout.splitlines()
    assert len(again) == 1
