"""Agent and collector killed at random moments, over a bad network and on full disks: every packet once.

    python -m tests.torture.kills [--kills 500] [--seed N]

Each round feeds one capture through one agent, while the weather changes and one of the two is killed
(SIGKILL) or finds its disk full (RLIMIT_FSIZE). At the end the network is clear, every capture is replayed to
its end, and the tables must hold exactly the packets of the captures, each batch once. A fifth of the kills
meets agents that capture live (`live_kills`), which takes root.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_collector.store import Engine
from tests.agent.traffic import DAY_SECONDS, MONDAY_NS, days, write
from tests.fleet import AGENT, Collector
from tests.live.wire import Wire
from tests.torture.live_kills import LiveTorture
from tests.torture.network import Relay, Weather

if TYPE_CHECKING:
    from tests.fleet import Sensor

BATCHES = 12
"""Batches of a capture: one a day."""
PACKETS = 3 * BATCHES
LIVE_PART = 5
"""One kill of so many meets live capture."""
THREADS = 3
"""With which every other of these agents captures."""
FULL_DISK_BYTES = 300
"""Less than any batch: the file system takes no more of a file."""


@dataclass(slots=True)
class Score:
    """What happened."""

    captures: int = 0
    agents_killed: int = 0
    collectors_killed: int = 0
    disks_filled: int = 0
    weathers: dict[str, int] = field(default_factory=dict)

    @property
    def kills(self) -> int:
        """Kills of either kind."""
        return self.agents_killed + self.collectors_killed


class Torture:
    """One run in a folder."""

    def __init__(self, directory: Path, seed: int) -> None:
        """Start a collector, and a relay before it."""
        self.chance = random.Random(seed)  # repeatable on purpose
        self.directory = directory
        self.score = Score()
        self.collector = Collector(directory / "collector")
        self.collector.start()
        self.sensor = self.collector.add_sensor("tokyo-01", ["192.0.2.0/24"], interval_seconds=3600)
        self.relay = Relay(self.collector.port, seed)
        self.captures: list[Path] = []
        text = self.sensor.configuration.read_text(encoding="utf-8")
        self.sensor.configuration.write_text(
            text.replace(f":{self.collector.port}", f":{self.relay.port}").replace(
                "[uplink]\n", "[uplink]\nbatches_per_request = 4\n"
            ),
            encoding="utf-8",
        )

    def run(self, kills: int) -> Score:
        """Torture until so many processes were killed, then count."""
        with self.relay.serving():
            try:
                while self.score.kills < kills:
                    self._round()
                self._finish()
            finally:
                self.collector.stop()
        return self.score

    def _round(self) -> None:
        weather = self.chance.choice(list(Weather))
        self.relay.weather = weather
        self.score.weathers[weather.value] = self.score.weathers.get(weather.value, 0) + 1
        capture = self._capture()
        process = start(self.sensor, capture)
        try:
            for _ in range(self.chance.randint(1, 3)):
                self._hurt(process)
        finally:
            end(process)

    def _hurt(self, process: subprocess.Popen[bytes]) -> None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(self.chance.uniform(0.0, 0.9))
        what = self.chance.choice(["agent", "agent", "collector", "disk", "weather"])
        if what == "agent" and process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait(30)
            self.score.agents_killed += 1
        elif what == "collector":
            self.collector.kill()
            self.score.collectors_killed += 1
            self.collector.start()
        elif what == "disk":
            self._fill_a_disk(process)
        else:
            self.relay.weather = self.chance.choice(list(Weather))

    def _fill_a_disk(self, process: subprocess.Popen[bytes]) -> None:
        """Let files of one of the two grow no further, for a moment or for the rest of its life."""
        victim = self.chance.choice([process.pid, self.collector.pid])
        with suppress(ProcessLookupError):
            _, hard = resource.prlimit(victim, resource.RLIMIT_FSIZE)
            resource.prlimit(victim, resource.RLIMIT_FSIZE, (FULL_DISK_BYTES, hard))
            self.score.disks_filled += 1
            time.sleep(self.chance.uniform(0.0, 0.4))
            resource.prlimit(victim, resource.RLIMIT_FSIZE, (hard, hard))

    def _capture(self) -> Path:
        """A capture that nobody has seen yet, or one that was not brought to its end."""
        if self.captures and self.chance.random() < 0.5:  # half and half
            return self.chance.choice(self.captures)
        number = len(self.captures)
        first_ns = MONDAY_NS + number * BATCHES * DAY_SECONDS * 10**9
        path = write(self.directory / f"{number}.pcap", days(BATCHES, first_ns=first_ns, port=1 + number))
        self.captures.append(path)
        self.score.captures += 1
        return path

    def _finish(self) -> None:
        """Bring everything to its end, and hold it against the captures."""
        self.relay.weather = Weather.CLEAR
        self.collector.kill()
        self.collector.start()
        for capture in self.captures:
            self.sensor.replay(capture)
        self.sensor.replay(*self.captures[:1])
        self.collector.stop()
        self.collector.command("check", "--journal")
        with Engine(self.collector.directory / "store") as engine:
            by_key = engine.query("SELECT key, sum(packets)::BIGINT AS packets FROM tuples GROUP BY key")
            batches = engine.query(
                "SELECT count(*) AS spans, count(DISTINCT (epoch, sequence)) AS batches,"
                " sum(counted)::BIGINT AS counted FROM observations"
            ).to_pylist()[0]
        counted = {str(row["key"]): int(row["packets"]) for row in by_key.to_pylist()}
        expected = {f"{1 + number}/TCP": PACKETS for number in range(len(self.captures))}
        assert counted == expected, "packets of the tables and of the captures differ"
        assert batches["batches"] == BATCHES * len(self.captures), batches
        assert batches["spans"] == batches["batches"], "a batch is in the tables twice"
        assert batches["counted"] == PACKETS * len(self.captures), batches


def start(sensor: Sensor, capture: Path) -> subprocess.Popen[bytes]:
    """Start a replay, and do not wait."""
    return subprocess.Popen(
        [AGENT, "replay", "--config", sensor.configuration, capture],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that may have ended."""
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.wait(30)


def main() -> int:
    """Run as long as asked for."""
    parser = argparse.ArgumentParser(description="Kill agent and collector at random moments.")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=time.time_ns() & 0xFFFF_FFFF)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    began = time.monotonic()
    live = options.kills // LIVE_PART if os.geteuid() == 0 else 0
    with tempfile.TemporaryDirectory() as directory:
        score = Torture(Path(directory), options.seed).run(options.kills - live)
    print(
        f"{score.agents_killed} agents and {score.collectors_killed} collectors killed,"
        f" {score.disks_filled} disks filled, {score.captures} captures of {PACKETS} packets,"
        f" weather {score.weathers}: every packet once, in {time.monotonic() - began:.0f} s",
        flush=True,
    )
    if not live:
        print("live capture left out: it takes root, for a network namespace", file=sys.stderr)
        return 0
    for threads, kills in ((1, live - live // 2), (THREADS, live // 2)):
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as directory, Wire() as wire:
            met = LiveTorture(Path(directory), options.seed, threads).run(wire, kills)
        print(
            f"{met.agents_killed} agents killed while they captured by {threads} threads,"
            f" {met.collectors_killed} collectors beside, {met.disks_filled} disks filled: of {met.sent}"
            f" packets {met.stored} stored, each once; {met.unobserved} at times that no span claims,"
            f" in {time.monotonic() - began:.0f} s"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
