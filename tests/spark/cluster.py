"""A Spark of one's own: a master and workers as processes on loopback, from the Python package."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pyspark

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = Path(pyspark.__file__).parent
LOOPBACK = "127.0.0.1"
START_SECONDS = 180.0
STOP_SECONDS = 30.0


@contextmanager
def cluster(directory: Path, workers: int) -> Iterator[str]:
    """Runs a master and workers of one core each until the block ends; gives the master's URL.

    Raises:
        RuntimeError: The master did not start, or not all workers came to it.
    """
    port = _free_port()
    url = f"spark://{LOOPBACK}:{port}"
    with ExitStack() as stack:
        where = ("--host", LOOPBACK, "--port", str(port), "--webui-port", "0")
        log = directory / "master.log"
        stack.enter_context(_running(directory, log, "org.apache.spark.deploy.master.Master", *where))
        _wait(log, "I have been elected leader", 1)
        for number in range(workers):
            own = ("--host", LOOPBACK, "--cores", "1", "--memory", "768m", "--webui-port", "0")
            scratch = ("--work-dir", str(directory / f"worker-{number}"), url)
            worker = "org.apache.spark.deploy.worker.Worker"
            beside = directory / f"worker-{number}.log"
            stack.enter_context(_running(directory, beside, worker, *own, *scratch))
        _wait(log, "Registering worker", workers)
        yield url


@contextmanager
def _running(directory: Path, log: Path, *command: str) -> Iterator[None]:
    environment = os.environ | {
        "SPARK_HOME": str(HOME),
        "SPARK_LOCAL_IP": LOOPBACK,
        "SPARK_LOCAL_DIRS": str(directory),
        "SPARK_DAEMON_MEMORY": "256m",
        "PYSPARK_PYTHON": sys.executable,
    }
    with log.open("wb") as stream:
        # `spark-class` becomes the Java process itself, so that its number ends it.
        process = subprocess.Popen(
            [str(HOME / "bin" / "spark-class"), *command],
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        try:
            yield
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            process.kill()
            process.wait()


def _wait(log: Path, words: str, times: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while log.read_text(errors="replace").count(words) < times:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{log.name} does not say {words!r}:\n{log.read_text(errors='replace')}")
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port
