"""`teiten-agent run` as a real process on the heard end of a wire."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from teiten_protocol import Batch, decode, expand
from tests.agent.agent import COMMAND, Agent
from tests.live.wire import HEARD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_SECONDS = 60.0

Event = dict[str, str]


class Run:
    """One process, and what it said."""

    def __init__(self, process: subprocess.Popen[bytes], said: Path) -> None:
        """Watch a process that writes its standard error into a file."""
        self.process = process
        self._said = said

    def said(self) -> str:
        """Everything on standard error so far."""
        return self._said.read_text(encoding="utf-8")

    def events(self, name: str) -> list[Event]:
        """The events of one name that were said so far."""
        lines = self.said().splitlines()
        return [event for event in map(parse, lines) if event.get("event") == name]

    def await_events(self, name: str, count: int = 1) -> list[Event]:
        """Wait until an event was said so many times."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self.events(name)) < count:
            running = self.process.poll() is None
            assert running or len(self.events(name)) >= count, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.02)
        return self.events(name)

    def end(self, signal_number: int) -> int:
        """Send a signal and wait for the end; return the exit code."""
        self.process.send_signal(signal_number)
        return self.process.wait(PATIENCE_SECONDS)


def parse(line: str) -> Event:
    """Read an event line; values with blanks are quoted as in JSON, which shlex reads well enough.

    A line that is torn, because its writer was killed or its disk was full, is no event.
    """
    try:
        words = shlex.split(line)
    except ValueError:
        return {}
    return dict(word.partition("=")[::2] for word in words if "=" in word)


def configure(agent: Agent, *, collector: str = "", seconds: int = 3600, more: str = "") -> None:
    """Write a configuration that captures from the heard end."""
    agent.configure(collector=collector, seconds=seconds, more=f'[capture]\ninterface = "{HEARD}"\n{more}\n')


@contextmanager
def running(agent: Agent, *wrapper: str, **environment: str) -> Iterator[Run]:
    """Start the agent, wait until it captures, and make sure that it has ended in the end."""
    path = agent.home / "said"
    command = [*wrapper, *COMMAND, "run", "--config", str(agent.configuration_path)]
    with path.open("wb") as said:
        process = subprocess.Popen(command, stderr=said, env={**os.environ, **environment})
    run = Run(process, path)
    try:
        run.await_events("start")
        yield run
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE_SECONDS)


def batches(agent: Agent) -> list[Batch]:
    """The batches that wait in the spool, in order."""
    return [decode(expand(content)) for content in agent.batches().values()]


def counters(agent: Agent) -> Counter[str]:
    """The sums of their counters."""
    total: Counter[str] = Counter()
    for batch in batches(agent):
        total.update(batch.counters)
    return total
