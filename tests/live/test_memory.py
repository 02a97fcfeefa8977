"""What an agent takes of a board's memory before anything came."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from tests.agent.agent import Agent
from tests.live.running import configure, running

if TYPE_CHECKING:
    from tests.live.running import Run
    from tests.live.wire import Wire

MOST_MEBIBYTES = 48
"""For the whole process with its defaults: ring, table, built-in rules and interpreter. A board of 512 MB
has room for an update beside it."""


def resident_mebibytes(run: Run) -> float:
    """Of its memory, what is in the machine's."""
    status = Path(f"/proc/{run.process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None, status
    return int(found[1]) / 1024


def test_an_agent_with_its_defaults_takes_at_most_48_mebibytes(wire: Wire, tmp_path: Path) -> None:
    del wire
    agent = Agent(tmp_path)
    configure(agent)
    with running(agent) as run:
        assert resident_mebibytes(run) <= MOST_MEBIBYTES
        assert run.end(signal.SIGTERM) == 0


def test_a_ring_without_a_filter_does_without_libpcap(wire: Wire, tmp_path: Path) -> None:
    del wire
    agent = Agent(tmp_path)
    configure(agent)
    with running(agent) as run:
        mapped = Path(f"/proc/{run.process.pid}/maps").read_text(encoding="utf-8")
        assert "libpcap" not in mapped
        assert run.end(signal.SIGTERM) == 0
