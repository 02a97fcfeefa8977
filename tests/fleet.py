"""A collector and its sensors, really running: the programs as installed, over loopback, in one folder.

The demo, the end-to-end tests and the torture share this. Nothing is mocked, and every process is ended by
its own id.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

BIN = Path(sys.executable).parent
AGENT = BIN / "teiten-agent"
COLLECTOR = BIN / "teiten-collector"

# How long a program may take to start or to drain before it counts as hanging.
PATIENCE_SECONDS = 60.0
LISTENING = re.compile(r"https?://[^\s:]+:(\d+)")


class CommandFailedError(AssertionError):
    """A command ended with another exit code than the caller expected."""


def run(
    program: Path,
    *arguments: object,
    expect: int | None = 0,
    stdin: bytes | None = None,
    timeout: float = 300.0,
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end and hand back what it printed.

    Raises:
        CommandFailedError: the exit code was not `expect` (None: any will do); it holds the standard error.
    """
    done = subprocess.run(
        [program, *map(str, arguments)], check=False, capture_output=True, input=stdin, timeout=timeout
    )
    out, err = done.stdout.decode(), done.stderr.decode()
    if expect is not None and done.returncode != expect:
        raise CommandFailedError(
            f"{program.name} {' '.join(map(str, arguments))}: exit code {done.returncode}\n{out}\n{err}"
        )
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


@dataclass(frozen=True, slots=True)
class Sensor:
    """One appliance's files: configuration, token, spool."""

    identity: str
    configuration: Path
    spool: Path

    def replay(
        self, *arguments: object, expect: int | None = 0, timeout: float = 300.0
    ) -> subprocess.CompletedProcess[str]:
        """Feed captures through the sensor, as `teiten-agent replay` does."""
        return run(
            AGENT, "replay", "--config", self.configuration, *arguments, expect=expect, timeout=timeout
        )


class Collector:
    """One collector's folder, and its process while it serves."""

    def __init__(
        self,
        directory: Path,
        *,
        country_database: Path | None = None,
        access_groups: Sequence[str] = (),
        signature_groups: Sequence[str] = (),
    ) -> None:
        """Write the configuration; nothing is started. The port is chosen at the first start, and kept."""
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory = directory.resolve()
        self.configuration = directory / "collector.toml"
        self.country_database = country_database
        self.access_groups = list(access_groups)
        self.signature_groups = list(signature_groups)
        self.port = 0
        self._configure()
        self._process: subprocess.Popen[str] | None = None
        self.log: deque[str] = deque(maxlen=1000)

    def _configure(self) -> None:
        database = "" if self.country_database is None else str(self.country_database.resolve())
        self.configuration.write_text(
            f'[server]\nlisten = "127.0.0.1:{self.port}"\n\n'
            f"[store]\ndirectory = {json.dumps(str(self.directory / 'store'))}\n\n"
            f"[geo]\ncountry_database = {json.dumps(database)}\n\n"
            '[report]\ntimezone = "Asia/Tokyo"\nlanguage = "ja"\n'
            f"access_groups = {json.dumps(self.access_groups)}\n"
            f"signature_groups = {json.dumps(self.signature_groups)}\n",
            encoding="utf-8",
        )

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The id of the serving process."""
        if self._process is None:
            raise AssertionError("the collector is not serving")
        return self._process.pid

    def command(
        self, *words: object, expect: int | None = 0, timeout: float = 300.0
    ) -> subprocess.CompletedProcess[str]:
        """Run one administration command, the configuration named after its words."""
        return run(COLLECTOR, *words, "--config", self.configuration, expect=expect, timeout=timeout)

    def start(self) -> None:
        """Serve, and come back when it listens."""
        process = subprocess.Popen(
            [COLLECTOR, "serve", "--config", self.configuration],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._process = process
        listening = threading.Event()
        assert process.stdout is not None
        threading.Thread(target=self._read, args=(process.stdout, listening), daemon=True).start()
        if not listening.wait(PATIENCE_SECONDS) or not self.port:
            self.kill()
            raise AssertionError("the collector did not listen in time:\n" + "\n".join(self.log))
        self._configure()

    def _read(self, stream: IO[str], listening: threading.Event) -> None:
        with stream:
            for line in stream:
                self.log.append(line.rstrip())
                if not listening.is_set() and (found := LISTENING.search(line)):
                    self.port = int(found[1])
                    listening.set()
        listening.set()

    def stop(self) -> int:
        """Ask it to end (SIGTERM) and wait; its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """End it at once (SIGKILL), as a power cut would."""
        return self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.poll() is None:
            os.kill(process.pid, number)
        return process.wait(PATIENCE_SECONDS)

    @contextmanager
    def serving(self) -> Iterator[Collector]:
        """Serve for the length of a `with` block."""
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def add_sensor(
        self,
        identity: str,
        monitored: Sequence[str],
        *,
        groups: Sequence[str] = ("access",),
        interval_seconds: int = 60,
        limits: str = "",
    ) -> Sensor:
        """Register a sensor and write the files of its appliance."""
        added = self.command("sensor", "add", identity, "--monitored", *monitored, "--group", *groups)
        token = added.stdout.splitlines()[-1].split()[-1]
        home = self.directory / "sensors" / identity
        home.mkdir(parents=True)
        token_file = home / "token"
        token_file.touch(mode=0o600)
        token_file.write_text(token + "\n", encoding="utf-8")
        configuration = home / "agent.toml"
        configuration.write_text(
            f"[sensor]\nid = {json.dumps(identity)}\nmonitored = {json.dumps(list(monitored))}\n\n"
            f"[interval]\nseconds = {interval_seconds}\n\n"
            f"[uplink]\ncollector = {json.dumps(self.url)}\ntoken_file = {json.dumps(str(token_file))}\n\n"
            f"[spool]\ndirectory = {json.dumps(str(home / 'spool'))}\n\n{limits}",
            encoding="utf-8",
        )
        return Sensor(identity, configuration, home / "spool")

    def report(self, period: str, *arguments: object, expect: int | None = 0) -> dict[str, Any]:
        """The report of a period, as the JSON document that `report --format json` prints."""
        done = self.command("report", "--period", period, "--format", "json", *arguments, expect=expect)
        document: dict[str, Any] = json.loads(done.stdout)
        return document
