"""`make bench`, second table: `teiten-agent count` beside programs that read captures, in one run.

Every program is timed as a whole process on one core on the same file, in turn, round after round; the table
gives the median and the ratio to ours. What is not installed is named and left out. A program that needs more
than the patience is shown as such and not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.run import BIN, WORK, make_flood

OURS = "teiten-agent count --json"
PATIENCE_SECONDS = 90.0
"""How long one program may take: `ndpiReader` needs many minutes for ten million flows of one packet."""


@dataclass(slots=True)
class Contender:
    """A program, what it tells of the capture, and what it needed.

    Attributes:
        name: As the table shows it.
        package: The Debian package that has it, empty for ours.
        reports: What it reports.
        command: With `FILE` for the capture and `OUT` for a folder of its own.
        seconds: One figure a finished round.
        gave_up: Whether it needed more than the patience.
    """

    name: str
    package: str
    reports: str
    command: tuple[str, ...]
    seconds: list[float] = field(default_factory=list)
    gave_up: bool = False

    @property
    def counts(self) -> bool:
        """Whether it reports per port or per flow, as ours does."""
        return self.reports != "totals"

    def run(self, capture: Path) -> None:
        """One round."""
        with tempfile.TemporaryDirectory() as out:
            command = [
                word.replace("FILE", str(capture.resolve())).replace("OUT", out) for word in self.command
            ]
            start = time.perf_counter()
            try:
                subprocess.run(
                    command,
                    cwd=out,
                    check=True,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=PATIENCE_SECONDS,
                )
            except subprocess.TimeoutExpired:
                self.gave_up = True
            else:
                self.seconds.append(time.perf_counter() - start)


def contenders() -> list[Contender]:
    """Ours first; the others by what they tell."""
    ours = str((BIN / "teiten-agent").resolve())
    return [
        Contender(OURS, "", "per port, class and tool, full tuples", (ours, "count", "--json", "FILE")),
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
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    capture = make_flood(arguments.packets, arguments.sources)
    field_of = contenders()
    present = [one for one in field_of if not one.package or shutil.which(one.command[0])]
    for absent in (one for one in field_of if one not in present):
        print(f"left out: {absent.name} is not installed (Debian: {absent.package})", file=sys.stderr)
    for _ in range(arguments.rounds):
        for contender in present:
            if not contender.gave_up:
                contender.run(capture)
    ours = statistics.median(present[0].seconds)
    print(f"{arguments.packets:,} packets, whole processes on one core, {arguments.rounds} rounds")
    print(f"{'':28}{'seconds':>10}{'times ours':>12}  reports")
    for contender in present:
        if contender.gave_up:
            row = f"{f'> {PATIENCE_SECONDS:.0f}':>10}{f'> {PATIENCE_SECONDS / ours:.0f}':>12}"
        else:
            median = statistics.median(contender.seconds)
            row = f"{median:10.2f}{median / ours:12.1f}"
        print(f"{contender.name:28}{row}  {contender.reports}")
    rivals = [statistics.median(one.seconds) for one in present[1:] if one.counts and one.seconds]
    if rivals:
        print(f"fastest other that reports per port or flow: {min(rivals) / ours:.1f} times our time")
    record = WORK / "peers.json"
    figures = {one.name: {"seconds": one.seconds, "gave_up": one.gave_up} for one in present}
    record.write_text(json.dumps({"packets": arguments.packets, "programs": figures}, indent=1))
    print(f"figures kept in {record}")


if __name__ == "__main__":
    main()
