"""`make bench`: how fast a sensor counts, beside the same walk without counting, in one run.

Each round runs every contender once, so that a slow spell of the machine falls on all of them; what is
printed is the median of the rounds and the ratio to the walk in the same run. tests/benchmarks/README.md says
how to read it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from teiten_agent import _core

BIN = Path(sys.executable).parent
WORK = Path("target") / "bench"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One contender: seconds of each round, and packets per second of the median round."""

    name: str
    seconds: list[float]
    packets_per_second: float
    ratio_to_walk: float


def make_flood(packets: int, sources: int) -> Path:
    """The capture that is counted: 60-byte SYNs, Zipf over ports; made once and kept."""
    path = WORK / f"flood-{packets}-{sources}.pcap"
    if not path.exists():
        WORK.mkdir(parents=True, exist_ok=True)
        print(f"writing {path} ...", file=sys.stderr)
        subprocess.run(
            [
                BIN / "teiten-scenario",
                "flood",
                "--packets",
                str(packets),
                "--sources",
                str(sources),
                "--output",
                path,
            ],
            check=True,
        )
    return path


def walk(path: Path) -> int:
    """Every record of the file visited, none looked into: the floor that counting stands on."""
    return _core.Capture(str(path)).walk()


def count_in_process(path: Path) -> int:
    """The same walk with headers, classes, tools and full tuples; keys added up as intervals close."""
    capture = _core.Capture(str(path))
    observer = _core.Observer(interval_seconds=0, early_closes=None)
    packets = 0
    while not capture.exhausted:
        if (interval := observer.advance(capture)) is not None:
            packets += interval.counters["packets"]
            interval.keys()
    if (interval := observer.finish()) is not None:
        packets += interval.counters["packets"]
        interval.keys()
    return packets


def add_up_in_process(path: Path) -> int:
    """The same walk with headers, classes and tools, without tuples: what `count` does."""
    capture = _core.Capture(str(path))
    sums = _core.Sums()
    while not capture.exhausted:
        sums.advance(capture)
    sums.keys()
    return sums.counters["packets"]


def count_command(path: Path, *words: str) -> int:
    """`teiten-agent count --json` as a user starts it, the interpreter's start included."""
    done = subprocess.run(
        [BIN / "teiten-agent", "count", "--json", *words, path], check=True, capture_output=True, text=True
    )
    return int(json.loads(done.stdout)["packets"])


def count_command_without_rules(path: Path) -> int:
    """The same without signatures."""
    return count_command(path, "--no-rules")


CONTENDERS: tuple[tuple[str, Callable[[Path], int]], ...] = (
    ("walk without counting", walk),
    ("full tuples, in process", count_in_process),
    ("keys alone, in process", add_up_in_process),
    ("teiten-agent count --no-rules", count_command_without_rules),
    ("teiten-agent count", count_command),
)


def measure(path: Path, packets: int, rounds: int) -> list[Measurement]:
    """Run all contenders `rounds` times in turn, each of which must see every packet."""
    seconds: dict[str, list[float]] = {name: [] for name, _ in CONTENDERS}
    for _ in range(rounds):
        for name, contender in CONTENDERS:
            start = time.perf_counter()
            seen = contender(path)
            seconds[name].append(time.perf_counter() - start)
            if seen != packets:
                raise SystemExit(f"{name} saw {seen} of {packets} packets")
    floor = statistics.median(seconds[CONTENDERS[0][0]])
    return [
        Measurement(
            name,
            times,
            packets / statistics.median(times),
            statistics.median(times) / floor,
        )
        for (name, _), times in zip(CONTENDERS, seconds.values(), strict=True)
    ]


def main() -> None:
    """Measure on one core, print a table, keep the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--packets", type=int, default=10_000_000)
    parser.add_argument("--sources", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    path = make_flood(arguments.packets, arguments.sources)
    walk(path)  # the file into the page cache, for all of them alike
    results = measure(path, arguments.packets, arguments.rounds)
    print(
        f"{arguments.packets:,} packets, {arguments.sources:,} sources, one core, {arguments.rounds} rounds"
    )
    print(f"{'':32}{'million packets/s':>18}{'times the walk':>16}")
    for result in results:
        print(f"{result.name:32}{result.packets_per_second / 1e6:18.2f}{result.ratio_to_walk:16.1f}")
    record = WORK / "results.json"
    record.write_text(
        json.dumps(
            {"packets": arguments.packets, "results": [asdict(result) for result in results]}, indent=1
        )
    )
    print(f"figures kept in {record}")


if __name__ == "__main__":
    main()
