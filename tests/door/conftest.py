"""A collector that really serves, in a process of its own, over loopback."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from teiten_collector.cli import main
from teiten_collector.store import Engine, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

PATIENCE_SECONDS = 60.0
MONITORED = {"tokyo-01": ["198.51.100.0/28", "2001:db8::/64"], "osaka-01": ["203.0.113.0/28"]}


@dataclass(frozen=True, slots=True)
class Collector:
    """A collector's files and what its sensors need to know."""

    configuration: Path
    store_directory: Path
    url: str
    tokens: dict[str, str]
    process: subprocess.Popen[bytes]
    log: Path
    store: Store

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs an administration command in another process than the one that serves."""
        return command(*arguments, "--config", str(self.configuration))

    def journaled(self) -> int:
        """How many batches are durable."""
        return sum(self.store.ledger.count().values())

    def packets(self) -> int:
        """How many packets are in the tables, once everything admitted has reached them."""
        wait_until(lambda: self.store.waiting() == 0)
        with Engine(self.store_directory) as engine:
            rows = engine.query(
                "SELECT CAST(COALESCE(SUM(packets), 0) AS BIGINT) AS sum FROM tuples"
            ).to_pylist()
        return int(rows[0]["sum"])


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the program to its end, in this process, which is another one than the service's."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))  # they have a buffer
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as ending:  # argparse: help, version and usage errors
            code = ending.code if isinstance(ending.code, int) else 0
    said = []
    for stream in (out, err):
        stream.flush()
        said.append(stream.buffer.getvalue().decode())
    return subprocess.CompletedProcess(arguments, code, *said)


def wait_until(holds: Callable[[], bool]) -> None:
    """Waits for something another process does.

    Raises:
        AssertionError: It did not come to pass in time.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def configure(
    directory: Path, *, server: Sequence[str] = ('listen = "127.0.0.1:0"',), seconds: float = 0.2
) -> Path:
    """Writes a configuration whose store lies beside it."""
    path = directory / "collector.toml"
    path.write_text(
        "\n".join(["[server]", *server, "[store]", 'directory = "store"', f"group_seconds = {seconds}"])
        + "\n",
        encoding="utf-8",
    )
    return path


@contextmanager
def serving(configuration: Path, *, tokens: dict[str, str] | None = None) -> Iterator[Collector]:
    """Serves until the block ends; SIGTERM must end it cleanly."""
    ready, log = configuration.with_name("ready"), configuration.with_name("log")
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "teiten_collector",
                "serve",
                "--config",
                configuration,
                "--ready-file",
                ready,
            ],
            stderr=stream,
        )
    try:
        wait_until(lambda: ready.exists() or process.poll() is not None)
        assert ready.exists(), log.read_text(encoding="utf-8")
        store_directory = configuration.with_name("store")
        with Store.open(store_directory) as store:
            url = ready.read_text(encoding="utf-8").strip()
            yield Collector(configuration, store_directory, url, tokens or {}, process, log, store)
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)


def register(configuration: Path) -> dict[str, str]:
    """Registers the sensors of these tests by the command, and reads their tokens as a script would."""
    tokens = {}
    for sensor, monitored in MONITORED.items():
        added = command(
            *("sensor", "add", sensor, "--config", str(configuration), "--monitored", *monitored),
            *("--group", "access"),
        )
        assert added.returncode == 0, added.stderr
        tokens[sensor] = added.stdout.splitlines()[-1].split()[-1]
    listed = command("sensor", "list", "--config", str(configuration), "--json")
    assert [sensor["id"] for sensor in json.loads(listed.stdout)["sensors"]] == sorted(MONITORED)
    return tokens


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One serving collector with two sensors, for the tests of a module."""
    configuration = configure(tmp_path_factory.mktemp("collector"))
    tokens = register(configuration)
    with serving(configuration, tokens=tokens) as running:
        yield running
    assert running.process.returncode == 0, running.log.read_text(encoding="utf-8")
