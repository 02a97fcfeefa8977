"""`make bench`, second table: `teiten-agent count` beside programs that read captures, in one run.

Every program is timed as a whole process on one core on the same file, in turn, round after round; the table
gives the medians of processor time, its own and the kernel's for it, and of the clock, and the ratio of
processor times to ours. Only the last of our rows has all cores. What is not installed is named and left out.
A program that needs more than the patience is shown as such and not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.run import BIN, WORK, make_flood

OURS = "teiten-agent count --no-rules"
PATIENCE_SECONDS = 90.0
"""How long one program may take: `ndpiReader` needs many minutes for ten million flows of one packet."""
MEMORY_BYTES = 12 << 30
"""How much of its address space one program may fill: `ndpiReader` keeps every flow and has no bound."""


@dataclass(slots=True)
class Contender:
    """A program, what it tells of the capture, and what it needed.

    Attributes:
        name: As the table shows it.
        package: The Debian package that has it, empty for ours.
        reports: What it reports.
        command: With `FILE` for the capture and `OUT` for a folder of its own.
        every_core: Whether it may use all cores, and not one.
        seconds: One figure a finished round, by the clock.
        processor_seconds: The same in processor time of all its threads.
        gave_up: Why there is no figure, where it needed too much time or memory; else empty.
    """

    name: str
    package: str
    reports: str
    command: tuple[str, ...]
    every_core: bool = False
    seconds: list[float] = field(default_factory=list)
    processor_seconds: list[float] = field(default_factory=list)
    gave_up: str = ""

    @property
    def counts(self) -> bool:
        """Whether it reports per port or per flow, as ours does."""
        return self.reports != "totals"

    def run(self, capture: Path, cores: set[int]) -> None:
        """One round."""
        os.sched_setaffinity(0, cores if self.every_core else {min(cores)})
        with tempfile.TemporaryDirectory() as out:
            command = [
                word.replace("FILE", str(capture.resolve())).replace("OUT", out) for word in self.command
            ]
            start, used = time.perf_counter(), _processor_seconds_of_children()
            try:
                subprocess.run(
                    command,
                    cwd=out,
                    check=True,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=PATIENCE_SECONDS,
                    preexec_fn=_bound_memory,
                )
            except subprocess.TimeoutExpired:
                self.gave_up = f"more than {PATIENCE_SECONDS:.0f} s"
            except subprocess.CalledProcessError:
                if not self.package:
                    raise
                self.gave_up = f"ended within {MEMORY_BYTES >> 30} GiB of memory"
            else:
                self.seconds.append(time.perf_counter() - start)
                self.processor_seconds.append(_processor_seconds_of_children() - used)


def _bound_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _read_through(capture: Path) -> None:
    # Whoever comes first would else pay for bringing the file into memory.
    with capture.open("rb", buffering=0) as file:
        while file.read(1 << 24):
            pass


def _processor_seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def contenders() -> list[Contender]:
    """Ours first; the others by what they tell."""
    ours = str((BIN / "teiten-agent").resolve())
    return [
        Contender(
            OURS,
            "",
            "per port, class, tool",
            (ours, "count", "--json", "--no-rules", "--threads", "1", "FILE"),
        ),
        Contender(
            "teiten-agent count",
            "",
            "per port, class, tool, signature",
            (ours, "count", "--json", "FILE"),
        ),
        Contender(
            f"{OURS}, every core",
            "",
            "per port, class, tool",
            (ours, "count", "--json", "--no-rules", "FILE"),
            every_core=True,
        ),
        Contender(
            "tcpdump -w /dev/null", "tcpdump", "totals", ("tcpdump", "-n", "-r", "FILE", "-w", "/dev/null")
        ),
        Contender("capinfos", "tshark", "totals", ("capinfos", "-c", "-M", "FILE")),
        Contender("tracestats", "libtrace-tools", "totals", ("tracestats", "pcapfile:FILE")),
        Contender("tracereport -p", "libtrace-tools", "per port", ("tracereport", "-p", "pcapfile:FILE")),
        Contender("nfpcapd", "nfdump", "per flow", ("nfpcapd", "-r", "FILE", "-l", "OUT")),
        Contender(
            "softflowd", "softflowd", "per flow", ("softflowd", "-r", "FILE", "-d", "-n", "127.0.0.1:9")
        ),
        Contender("argus", "argus-server", "per flow", ("argus", "-r", "FILE", "-w", "OUT/flows")),
        Contender("ndpiReader", "libndpi-bin", "per flow and port", ("ndpiReader", "-q", "-i", "FILE")),
    ]


def main() -> None:
    """Measure, print the table, keep the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--packets", type=int, default=10_000_000)
    parser.add_argument("--sources", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    cores = os.sched_getaffinity(0)
    capture = make_flood(arguments.packets, arguments.sources)
    field_of = contenders()
    present = [one for one in field_of if not one.package or shutil.which(one.command[0])]
    for absent in (one for one in field_of if one not in present):
        print(f"left out: {absent.name} is not installed (Debian: {absent.package})", file=sys.stderr)
    for _ in range(arguments.rounds):
        _read_through(capture)
        for contender in present:
            if not contender.gave_up:
                contender.run(capture, cores)
    ours = statistics.median(present[0].processor_seconds)
    print(
        f"{arguments.packets:,} packets, whole processes, one core of {len(cores)} unless said otherwise,"
        f" {arguments.rounds} rounds"
    )
    print(f"{'':42}{'clock s':>9}{'processor s':>13}{'times ours':>12}  reports")
    for contender in present:
        if contender.gave_up:
            row = f"{contender.gave_up:>34}"
        else:
            clock = statistics.median(contender.seconds)
            used = statistics.median(contender.processor_seconds)
            row = f"{clock:9.2f}{used:13.2f}{used / ours:12.1f}"
        print(f"{contender.name:42}{row}  {contender.reports}")
    rivals = [one for one in present if one.package and one.counts and one.seconds]
    if rivals:
        used = min(statistics.median(one.processor_seconds) for one in rivals) / ours
        clock = min(statistics.median(one.seconds) for one in rivals) / statistics.median(present[0].seconds)
        print("fastest other that reports per port or flow, one core against one core, times ours:")
        print(f"  {used:.1f} by processor time, {clock:.1f} by the clock")
    record = WORK / "peers.json"
    programs = {
        one.name: {
            "seconds": one.seconds,
            "processor_seconds": one.processor_seconds,
            "gave_up": one.gave_up,
        }
        for one in present
    }
    record.write_text(json.dumps({"packets": arguments.packets, "programs": programs}, indent=1))
    print(f"figures kept in {record}")


if __name__ == "__main__":
    main()
