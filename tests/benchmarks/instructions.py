"""`make bench`: instructions a packet costs, counted by valgrind's callgrind.

A count of instructions is the same on a busy machine as on an idle one. What is counted is what a sensor does
to packets of a capture, from the mapped record to the columns of closed intervals: the example `observe` of
teiten-capture, built as for release. Captures of two lengths are counted, and the difference divided by the
packets more: what is done once falls out. In the flood nearly every packet opens a row, which is the worst;
the telescope's mix is like what sensors see. On arm64 `firmware/emulation/measure.sh` counts under QEMU.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.benchmarks.run import WORK, make_flood
from tests.benchmarks.signatures import make_mix

_COLLECTED = re.compile(r"Collected : (\d+)")


def example() -> Path:
    """The program, built."""
    words = ["cargo", "build", "--release", "--locked", "--quiet", "--package", "teiten-capture"]
    subprocess.run([*words, "--example", "observe"], check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", "target")) / "release" / "examples" / "observe"


def instructions(valgrind: str, program: Path, capture: Path) -> int:
    """How many instructions the program spends on the packets of a capture."""
    done = subprocess.run(
        [
            valgrind,
            "--tool=callgrind",
            "--toggle-collect=observe::observe*",
            "--callgrind-out-file=/dev/null",
            str(program),
            str(capture),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    found = _COLLECTED.search(done.stderr)
    if found is None:
        raise SystemExit(f"valgrind told no count:\n{done.stderr}")
    return int(found[1])


def main() -> None:
    """Count, print a table, keep the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--sources", type=int, default=2_000_000)
    arguments = parser.parse_args()
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        print("instructions left out: valgrind is not installed (Debian: valgrind)", file=sys.stderr)
        return
    program = example()
    captures: dict[str, Callable[[int], Path]] = {
        "flood": lambda packets: make_flood(packets, arguments.sources),
        "telescope, without payloads": partial(make_mix, payloads=False),
        "telescope": partial(make_mix, payloads=True),
    }
    figures = {}
    for name, make in captures.items():
        few, many = arguments.packets, 3 * arguments.packets
        less, more = (instructions(valgrind, program, make(packets)) for packets in (few, many))
        figures[name] = (more - less) / (many - few)
        print(f"{name:28} {figures[name]:.0f} instructions a packet: full tuples, classes and tools")
    record = WORK / "instructions.json"
    record.write_text(json.dumps(figures, indent=1))
    print(f"figures kept in {record}")


if __name__ == "__main__":
    main()
