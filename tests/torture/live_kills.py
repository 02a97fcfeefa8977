"""`teiten-agent run` killed while it captures: packets that are gone were observed by nobody, as it says.

What is in an interval that is not closed yet is in memory, and a kill takes it. Nobody can count it then, so
it is accounted for by time: no span covers it. The rule that must hold for every packet that is sent over the
wire, whether or not anybody listens just then:

    its time is in a span of a batch in the tables   <=>   it is in the tables, once

and what was in intervals of which the agent has said that they are stored is never lost by a kill. Where a
full disk costs a whole batch, its span is gone as well, and a later batch carries the number of its packets.
"""

from __future__ import annotations

import json
import os
import random
import re
import resource
import signal
import threading
import time
from bisect import bisect_right
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from teiten_collector.store import Engine
from tests.agent.agent import Agent
from tests.agent.traffic import syn
from tests.fleet import AGENT, Collector, run
from tests.live.running import configure, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.running import Run
    from tests.live.wire import Wire

FIRST_SOURCE = 11 << 24
"""Each packet has a source of its own from here on, by which it is found again."""
OPENING_NS = 500_000_000
"""An observation begins a moment before its ring is open: for so long a packet may be in or not."""
FULL_DISK_BYTES = 300
PACE_SECONDS = 0.002
LOST = re.compile(r"lost\.[a-z]+_packets")


@dataclass(slots=True)
class Score:
    """What happened.

    Attributes:
        agents_killed: Agents killed while they captured.
        collectors_killed: Collectors killed beside that.
        disks_filled: How often the agent's disk was full for a moment.
        sent: Packets sent over the wire.
        stored: Packets in the tables.
        unobserved: Packets at whose time nobody says to have observed: lost in kills, and sent while no agent
            ran.
        lost_and_told: Packets of batches that a full disk cost, as later batches tell.
    """

    agents_killed: int = 0
    collectors_killed: int = 0
    disks_filled: int = 0
    sent: int = 0
    stored: int = 0
    unobserved: int = 0
    lost_and_told: int = 0


class _Sender(threading.Thread):
    """Sends a packet every two milliseconds, each from a source of its own, and remembers when."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(name="sender", daemon=True)
        self.over = threading.Event()
        self.times: list[tuple[int, int]] = []
        """Of each packet in turn: the nanosecond before and the one after it was sent."""
        self._wire = wire

    def run(self) -> None:
        while not self.over.wait(PACE_SECONDS):
            frame = syn(str(IPv4Address(FIRST_SOURCE + len(self.times))), "192.0.2.1", 445)
            before_ns = time.time_ns()
            self._wire.send([frame])
            self.times.append((before_ns, time.time_ns()))


class LiveTorture:
    """One run in a folder and a namespace."""

    def __init__(self, directory: Path, seed: int, threads: int = 1) -> None:
        """Start a collector; its sensor captures from the heard end, by so many threads."""
        self._chance = random.Random(seed)  # repeatable on purpose
        self._score = Score()
        self._said_durable = 0
        self._collector = Collector(directory / "collector")
        self._collector.start()
        registered = self._collector.add_sensor("tokyo-01", ["192.0.2.0/24"])
        (directory / "agent").mkdir()
        self._agent = Agent(directory / "agent")
        configure(self._agent, collector=self._collector.url, seconds=1, more=f"threads = {threads}")
        token = registered.configuration.with_name("token").read_text(encoding="utf-8")
        (self._agent.home / "token").write_text(token, encoding="utf-8")

    def run(self, wire: Wire, kills: int) -> Score:
        """Kill so many agents while they capture, then count."""
        sender = _Sender(wire)
        sender.start()
        try:
            while self._score.agents_killed < kills:
                with running(self._agent) as capturing:
                    self._hurt(capturing)
            with running(self._agent) as capturing:
                capturing.await_events("batch", 2)
                sender.over.set()
                sender.join()
                assert capturing.end(signal.SIGTERM) == 0
            run(AGENT, "spool", "upload", "--config", self._agent.configuration_path)
        finally:
            sender.over.set()
            self._collector.stop()
        self._collector.command("check", "--journal")
        self._count(sender.times)
        return self._score

    def _hurt(self, capturing: Run) -> None:
        """Kill an agent at a random moment of its first seconds, perhaps after something else."""
        until = time.monotonic() + self._chance.uniform(0.0, 3.0)
        match self._chance.choice(["nothing", "nothing", "collector", "disk"]):
            case "collector":
                self._collector.kill()
                self._collector.start()
                self._score.collectors_killed += 1
            case "disk":
                self._fill_the_disk(capturing.process.pid)
            case _:
                pass
        while time.monotonic() < until:
            time.sleep(0.02)
        assert capturing.process.poll() is None, f"the agent ended by itself:\n{capturing.said()}"
        os.kill(capturing.process.pid, signal.SIGKILL)
        capturing.process.wait(30)
        self._score.agents_killed += 1
        self._said_durable += sum(int(event.get("counted", 0)) for event in capturing.events("batch"))

    def _fill_the_disk(self, process: int) -> None:
        with suppress(ProcessLookupError):
            _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
            resource.prlimit(process, resource.RLIMIT_FSIZE, (FULL_DISK_BYTES, hard))
            time.sleep(self._chance.uniform(0.0, 0.9))
            resource.prlimit(process, resource.RLIMIT_FSIZE, (hard, hard))
            self._score.disks_filled += 1

    def _count(self, times: list[tuple[int, int]]) -> None:
        """Hold the tables against what was sent, packet by packet."""
        with Engine(self._collector.directory / "store") as engine:
            rows = engine.query(
                f"SELECT source_low - {FIRST_SOURCE} AS number, sum(packets)::BIGINT AS packets"  # noqa: S608 - a constant
                " FROM tuples GROUP BY ALL"
            ).to_pylist()
            observations = engine.query(
                "SELECT epoch, start_ns, end_ns, counters FROM observations ORDER BY start_ns"
            ).to_pylist()
        lost = sum(
            count
            for row in observations
            for name, count in json.loads(row["counters"]).items()
            if LOST.fullmatch(name)
        )
        stored = {row["number"]: row["packets"] for row in rows}
        assert set(stored.values()) <= {1}, "a packet was counted twice"
        assert set(stored) <= set(range(len(times))), "a packet was counted that nobody sent"
        observed = _Observed([(row["epoch"], row["start_ns"], row["end_ns"]) for row in observations])
        for number, (before_ns, after_ns) in enumerate(times):
            if observed.surely(before_ns, after_ns):
                assert number in stored, (
                    f"packet {number} of {before_ns} is not in the tables, and observed:"
                    f" {observed.around(before_ns)}"
                )
            elif not observed.perhaps(before_ns, after_ns):
                assert number not in stored, (
                    f"packet {number} of {before_ns}: in the tables, and not observed"
                )
        score = self._score
        score.sent, score.stored = len(times), len(stored)
        score.unobserved = score.sent - score.stored
        score.lost_and_told = lost
        assert score.stored >= self._said_durable - score.lost_and_told, (
            "a kill took what was said to be stored"
        )


class _Observed:
    """The spans of all batches, in the order of time."""

    def __init__(self, spans: list[tuple[int, int, int]]) -> None:
        self._starts = [start for _, start, _ in spans]
        self._ends = [end for _, _, end in spans]
        first = {epoch: start for epoch, start, _ in reversed(spans)}
        self._opening = [first[epoch] == start for epoch, start, _ in spans]

    def surely(self, before_ns: int, after_ns: int) -> bool:
        """Whether all of a moment is in one span, and not in the moment in which its ring was opened."""
        at = bisect_right(self._starts, before_ns) - 1
        if at < 0 or after_ns >= self._ends[at]:
            return False
        return not self._opening[at] or before_ns >= self._starts[at] + OPENING_NS

    def perhaps(self, before_ns: int, after_ns: int) -> bool:
        """Whether any part of a moment is in a span."""
        at = bisect_right(self._starts, after_ns) - 1
        return at >= 0 and before_ns < self._ends[at]

    def around(self, moment_ns: int) -> str:
        """The spans around a moment, in milliseconds from it."""
        at = bisect_right(self._starts, moment_ns) - 1
        return ", ".join(
            f"[{(self._starts[near] - moment_ns) / 1e6:.1f}, {(self._ends[near] - moment_ns) / 1e6:.1f}]"
            f"{' first of its epoch' if self._opening[near] else ''}"
            for near in range(max(at - 1, 0), min(at + 2, len(self._starts)))
        )
