"""A fleet of sensors that sends for a while, bounded in time and requests, over loopback.

    python -m tests.ingestion.fleet_load [--sensors 2000] [--batches 2] [--rows 50] [--pace 60]
    python -m tests.ingestion.fleet_load --sensors 40 --batches 100 --rows 20000 --pace 0

The first is a fleet of thousands, a batch a minute each; with `--pace 0` each sensor sends as soon as it is
answered, which shows the highest rate. All batches are made before the first is sent and lie in a file, with
sources and ports that repeat as the Internet's do. Prints accepted, repeated, refused and lost, the times of
acknowledgements, how many tuples a second reached the tables, and what the collector took of the processors.
`make load` does both, for ten and for some minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from array import array
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from teiten_collector.store import Engine, Store
from teiten_protocol import Class, Family, Form, Tool, TupleColumns, compress, encode
from tests.fleet import Collector
from tests.store.building import AUGUST, MINUTE_NS, batch
from tests.torture.wire import Connection, batch_head, quantile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SOURCES = 200_000
"""Sources that all sensors see, the n-th as often as 1/n of the first."""
PORTS = 2_000
SENSORS_ADDRESSES = 16
FIRST_ADDRESS = 0xC633_6400
"""198.51.100.0"""
PATIENCE_SECONDS = 600.0
VARIETY = 16
"""Sets of rows that are drawn; a sensor's batches have them in turn, each at a minute of its own."""


@dataclass(slots=True)
class Outcome:
    """What came of it.

    Attributes:
        statuses: Answers by status.
        seconds: How long each acknowledgement took.
        rows: Tuples that were sent and acknowledged.
        stored: Tuples in the tables at the end.
        sent: Seconds from the first request to the last answer.
        drained: Seconds from the first request until everything was in the tables.
        processor_seconds: What the collector took of the processors meanwhile.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    rows: int = 0
    stored: int = 0
    sent: float = 0.0
    drained: float = 0.0
    processor_seconds: float = 0.0


class _World:
    """What all sensors see: sources and ports by how often they come."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # repeatable on purpose
        self._sources = [self._chance.getrandbits(32) for _ in range(SOURCES)]
        self._source_weights = _zipf(SOURCES)
        self._ports = self._chance.sample(range(65_536), PORTS)
        self._port_weights = _zipf(PORTS)
        self._drawn: list[TupleColumns] = []

    def columns(self, minute: int, rows: int) -> TupleColumns:
        """SYNs of one minute."""
        chance = self._chance
        sources = array("I", chance.choices(self._sources, cum_weights=self._source_weights, k=rows))
        addresses = array("I", (FIRST_ADDRESS + chance.randrange(SENSORS_ADDRESSES) for _ in range(rows)))
        ports = array("H", chance.choices(self._ports, cum_weights=self._port_weights, k=rows))
        sources.byteswap()
        addresses.byteswap()
        return TupleColumns(
            family=Family.IPV4,
            rows=rows,
            minute=(array("I", [minute]) * rows).tobytes(),
            source=sources.tobytes(),
            address=addresses.tobytes(),
            form=bytes([Form.TCP]) * rows,
            value=ports.tobytes(),
            source_port=chance.randbytes(2 * rows),
            flags=bytes([2]) * rows,
            class_=bytes([Class.PROBE]) * rows,
            tool=bytes([Tool.NONE]) * rows,
            packets=(array("Q", [1]) * rows).tobytes(),
            bytes_=(array("Q", [40]) * rows).tobytes(),
        )

    def bodies(self, number: int, batches: int, rows: int) -> Iterator[bytes]:
        """Batches of the sensor of a number, minute after minute, compressed."""
        while len(self._drawn) < VARIETY:
            self._drawn.append(self.columns(AUGUST, rows))
        for sequence in range(batches):
            given = batch(sequence, sensor=_name(number), counters={"counted": rows, "packets": rows})
            minute = given.spans[0].start_ns // MINUTE_NS
            drawn = self._drawn[(number + sequence) % VARIETY]
            given = replace(given, ipv4=replace(drawn, minute=(array("I", [minute]) * rows).tobytes()))
            yield compress(encode(given))


class _Bodies:
    """Bodies in one file, so that the sender's memory stays small; its pages are the system's."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self._places: list[tuple[int, int]] = []

    def add(self, body: bytes) -> None:
        self._places.append((self._file.tell(), len(body)))
        self._file.write(body)

    def read(self, at: int) -> bytes:
        offset, length = self._places[at]
        return os.pread(self._file.fileno(), length, offset)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_unused: object) -> None:
        self._file.close()


def _name(number: int) -> str:
    return f"sensor-{number:05}"


def _zipf(count: int) -> list[float]:
    total, sums = 0.0, []
    for rank in range(1, count + 1):
        total += 1 / rank
        sums.append(total)
    return sums


async def _sensor(  # noqa: PLR0913 - what one sensor needs, by name
    port: int, token: str, bodies: Iterable[bytes], *, rows: int, phase: float, pace: float, outcome: Outcome
) -> None:
    await asyncio.sleep(phase)
    async with Connection(port) as connection:
        due = time.monotonic()
        for body in bodies:
            top = batch_head(body, token)
            began = time.monotonic()
            answer = await connection.ask(top, body)
            outcome.seconds.append(time.monotonic() - began)
            outcome.statuses[answer.status] += 1
            outcome.rows += rows * (answer.status == 201)
            due += pace
            await asyncio.sleep(max(0.0, due - time.monotonic()))


def run(directory: Path, sensors: int, batches: int, rows: int, pace: float) -> Outcome:
    """Register, make all batches, send them, and wait until everything is in the tables."""
    collector = Collector(directory)
    text = collector.configuration.read_text(encoding="utf-8")
    collector.configuration.write_text(
        text.replace("[server]\n", "[server]\nconnections_per_address = 0\n"), encoding="utf-8"
    )
    world = _World(seed=sensors)
    outcome = Outcome()
    with _Bodies(directory / "bodies") as bodies, Store.open(directory / "store") as store:
        tokens = [store.registry.add(_name(number), ["198.51.100.0/28"]) for number in range(sensors)]
        for number in range(sensors):
            for body in world.bodies(number, batches, rows):
                bodies.add(body)
        collector.start()
        before = _processor_seconds(collector.pid)
        began = time.monotonic()

        async def fleet() -> None:
            async with asyncio.TaskGroup() as group:
                for number, token in enumerate(tokens):
                    mine = map(bodies.read, range(number * batches, (number + 1) * batches))
                    phase = pace * number / sensors
                    group.create_task(
                        _sensor(
                            collector.port, token, mine, rows=rows, phase=phase, pace=pace, outcome=outcome
                        )
                    )

        try:
            asyncio.run(fleet())
            outcome.sent = time.monotonic() - began
            while store.waiting():
                assert time.monotonic() - began < outcome.sent + PATIENCE_SECONDS, "the intake stands still"
                time.sleep(0.2)
            outcome.drained = time.monotonic() - began
            outcome.processor_seconds = _processor_seconds(collector.pid) - before
        finally:
            assert collector.stop() == 0
    with Engine(directory / "store") as engine:
        found = engine.query("SELECT count(*) AS rows FROM tuples").to_pylist()[0]["rows"]
    outcome.stored = int(found)
    return outcome


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # proc(5): utime, stime


def main() -> int:
    """Run as asked for."""
    parser = argparse.ArgumentParser(description="Send as a fleet of sensors.")
    parser.add_argument("--sensors", type=int, default=2_000)
    parser.add_argument("--batches", type=int, default=2, help="of each sensor")
    parser.add_argument("--rows", type=int, default=50, help="tuples of a batch")
    parser.add_argument("--pace", type=float, default=60.0, help="seconds between two batches of a sensor")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        outcome = run(Path(directory), options.sensors, options.batches, options.rows, options.pace)
    refused = {status: count for status, count in outcome.statuses.items() if status not in {200, 201}}
    told = f" ({refused})" if refused else ""
    sys.stdout.write(
        f"{options.sensors} sensors: {outcome.statuses[201]} accepted, {outcome.statuses[200]} repeated,"
        f" {sum(refused.values())} refused{told}, {outcome.rows - outcome.stored} tuples lost;"
        f" acknowledged in {quantile(outcome.seconds, 0.5):.3f} s (median),"
        f" {quantile(outcome.seconds, 0.99):.3f} s (p99), {max(outcome.seconds):.3f} s (longest);"
        f" {outcome.rows / outcome.sent:.0f} tuples/s taken,"
        f" {outcome.stored / outcome.drained:.0f} tuples/s into the tables over {outcome.drained:.0f} s;"
        f" the collector took {outcome.processor_seconds:.1f} s of processors,"
        f" {outcome.processor_seconds / max(outcome.stored, 1) * 1e6:.2f} s a million tuples\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
