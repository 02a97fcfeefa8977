"""Thousands of sensors, a batch a minute each, at a collector that serves: what was accepted, and how fast.

    python -m tests.ingestion.fleet_load [--sensors 2000] [--seconds 120] [--rows 50]

Bounded in time and requests; loopback only. Prints accepted, repeated, refused and lost, the times of
acknowledgements, and how many tuples a second reached the tables.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from teiten_collector.store import Engine, Store
from teiten_protocol import MEDIA_TYPE, compress, encode
from tests.fleet import Collector
from tests.store.building import AUGUST, batch, tuple4
from tests.torture.wire import Connection, head, quantile

MINUTE = 60.0


@dataclass(slots=True)
class Outcome:
    """What came of it.

    Attributes:
        statuses: Answers by status.
        seconds: How long each acknowledgement took.
        rows: Tuples that were sent and acknowledged.
        stored: Tuples in the tables at the end.
        drained: Seconds from the first request until everything was in the tables.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    rows: int = 0
    stored: int = 0
    drained: float = 0.0


async def _sensor(  # noqa: PLR0913 - what one sensor needs, by name
    port: int, sensor: str, token: str, *, phase: float, until: float, rows: int, outcome: Outcome
) -> None:
    await asyncio.sleep(phase)
    async with Connection(port) as connection:
        sequence = 0
        while time.monotonic() < until:
            due = time.monotonic() + MINUTE
            content = tuple(tuple4(AUGUST + sequence, number) for number in range(rows))
            body = compress(encode(batch(sequence, sensor=sensor, ipv4=content)))
            top = head(
                len(body),
                Authorization=f"Bearer {token}",
                Content_Type=MEDIA_TYPE,
                Content_Encoding="deflate",
            )
            began = time.monotonic()
            answer = await connection.ask(top, body)
            outcome.seconds.append(time.monotonic() - began)
            outcome.statuses[answer.status] += 1
            if answer.status == 201:
                outcome.rows += rows
                sequence += 1
            await asyncio.sleep(max(0.0, min(due, until) - time.monotonic()))


def run(directory: Path, sensors: int, seconds: float, rows: int) -> Outcome:
    """Register, send, and wait until everything is in the tables."""
    collector = Collector(directory)
    text = collector.configuration.read_text(encoding="utf-8")
    collector.configuration.write_text(
        text.replace("[server]\n", "[server]\nconnections_per_address = 0\n"), encoding="utf-8"
    )
    with Store.open(directory / "store") as store:
        tokens = {
            name: store.registry.add(name, ["198.51.100.0/28"])
            for name in (f"sensor-{number:05}" for number in range(sensors))
        }
        collector.start()
        outcome = Outcome()
        began = time.monotonic()

        async def fleet() -> None:
            step = min(MINUTE, seconds) / sensors
            await asyncio.gather(
                *(
                    _sensor(
                        collector.port,
                        sensor,
                        token,
                        phase=number * step,
                        until=began + seconds,
                        rows=rows,
                        outcome=outcome,
                    )
                    for number, (sensor, token) in enumerate(tokens.items())
                )
            )

        try:
            asyncio.run(fleet())
            while store.waiting():
                time.sleep(0.2)
            outcome.drained = time.monotonic() - began
        finally:
            assert collector.stop() == 0
    with Engine(directory / "store") as engine:
        found = engine.query("SELECT count(*) AS rows FROM tuples").to_pylist()[0]["rows"]
    outcome.stored = int(found)
    return outcome


def main() -> int:
    """Run as asked for."""
    parser = argparse.ArgumentParser(description="Send as a fleet of sensors.")
    parser.add_argument("--sensors", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--rows", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        outcome = run(Path(directory), options.sensors, options.seconds, options.rows)
    refused = sum(count for status, count in outcome.statuses.items() if status not in {200, 201})
    sys.stdout.write(
        f"{options.sensors} sensors: {outcome.statuses[201]} accepted, {outcome.statuses[200]} repeated,"
        f" {refused} refused, {outcome.rows - outcome.stored} tuples lost;"
        f" acknowledged in {quantile(outcome.seconds, 0.5):.3f} s (median),"
        f" {quantile(outcome.seconds, 0.99):.3f} s (p99); {outcome.stored / outcome.drained:.0f} tuples/s"
        f" into the tables over {outcome.drained:.0f} s\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
