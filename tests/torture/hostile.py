"""Requests that nobody should send, at a collector that serves: bounded memory, honest sensors are answered.

    python -m tests.torture.hostile [--requests 1000000] [--seed N]

The attacker has the tokens of many sensors (stolen appliances), and their rate limits are lifted, so that
bodies are looked at rather than turned away. None may be taken that is no batch. Attackers and honest sensors
are processes of their own. The collector's memory is its highest mark in /proc; the honest sensors' times are
taken first alone, then beside the attack.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_collector.store import Store
from teiten_protocol import MAX_COMPRESSED_BYTES, compress, encode
from tests.fleet import Collector
from tests.store.building import AUGUST, batch, tuple4
from tests.torture.hostile_requests import Attacker
from tests.torture.wire import Answer, Connection, batch_head, quantile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from threading import Event

MOST_MEBIBYTES = 512
ATTACKERS = 2
"""Processes that attack."""
NICENESS = 10
"""Of these: attackers elsewhere have processors of their own, and take none of the collector's otherwise."""
STOLEN = 12
"""Sensors whose tokens each of them has, and uses for all that goes fast."""
CONNECTIONS = 2
"""Of each stolen sensor: as many as are looked at at once."""
SLOW = 6
"""Further stolen sensors of each, over whose connections bytes come slowly; of each one connection more than
is looked at at once."""
HONEST = 8
"""Honest sensors, each of which sends once a second."""
NETWORKS = ["198.51.100.0/28", "2001:db8::/64"]
PACE_SECONDS = 1.0
PROGRESS = 50_000
"""Requests of an attacking process between two signs of life."""

Kind = tuple[str, int]
"""What was sent, and the status of the answer; 0 is a connection that was closed without one."""


@dataclass(slots=True)
class Honest:
    """What honest sensors met.

    Attributes:
        seconds: How long each request took.
        failures: Requests that were not acknowledged.
    """

    seconds: list[float] = field(default_factory=list)
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Attack:
    """What came back to one attacking process.

    Attributes:
        answers: How many there were of each kind.
        taken: Hostile requests that were acknowledged as new.
    """

    answers: Counter[Kind]
    taken: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run.

    Attributes:
        answers: How many there were of each kind.
        taken: Hostile requests that were acknowledged as new.
        alone: Honest sensors before the attack.
        beside: Honest sensors during it.
        peak_mebibytes: The highest resident memory of the collector.
        processor_seconds: What it took of the processors.
        seconds: How long the attack took.
    """

    answers: Counter[Kind]
    taken: int
    alone: Honest
    beside: Honest
    peak_mebibytes: float
    processor_seconds: float
    seconds: float


def run(directory: Path, requests: int, seed: int, alone_seconds: float = 3.0) -> Outcome:
    """One run in a folder; fails where a promise is broken."""
    collector = Collector(directory)
    text = collector.configuration.read_text(encoding="utf-8")
    lifted = (
        "connections_per_address = 0\nsensor_requests_per_minute = 1000000\n"
        "sensor_megabytes_per_minute = 1000000\n"
    )
    collector.configuration.write_text(text.replace("[server]\n", f"[server]\n{lifted}"), encoding="utf-8")
    stolen = [
        [f"stolen-{attacker}-{number:02}" for number in range(STOLEN + SLOW)] for attacker in range(ATTACKERS)
    ]
    honest = [f"honest-{number:02}" for number in range(HONEST)]
    with Store.open(directory / "store") as store:
        tokens = {
            name: store.registry.add(name, NETWORKS)
            for name in (*honest, *(name for names in stolen for name in names))
        }
    context = get_context("spawn")
    collector.start()
    try:
        with context.Manager() as shared, ProcessPoolExecutor(ATTACKERS + 1, mp_context=context) as pool:
            over = shared.Event()
            sensors = {name: tokens[name] for name in honest}
            alone = pool.submit(be_honest, collector.port, sensors, 1, alone_seconds, over).result()
            beside = pool.submit(be_honest, collector.port, sensors, 2, float("inf"), over)
            began = time.monotonic()
            try:
                attacks = [
                    pool.submit(
                        attack,
                        collector.port,
                        {name: tokens[name] for name in names},
                        requests // ATTACKERS + (attacker < requests % ATTACKERS),
                        seed + 1000 * attacker,
                    )
                    for attacker, names in enumerate(stolen)
                ]
                done = [pending.result() for pending in attacks]
                seconds = time.monotonic() - began
            finally:
                over.set()
            outcome = Outcome(
                sum((one.answers for one in done), Counter()),
                sum(one.taken for one in done),
                alone,
                beside.result(),
                _peak_mebibytes(collector.pid),
                _processor_seconds(collector.pid),
                seconds,
            )
    finally:
        ended = collector.stop()
    assert ended == 0, "\n".join(collector.log)
    collector.command("check", "--journal")
    _hold(outcome)
    return outcome


def _hold(outcome: Outcome) -> None:
    """Hold what came of it against what is promised."""
    honest = outcome.beside
    assert outcome.taken == 0, "a hostile request was taken"
    assert honest.failures == outcome.alone.failures == 0, f"{honest.failures} honest requests failed"
    assert outcome.peak_mebibytes < MOST_MEBIBYTES, f"{outcome.peak_mebibytes:.0f} MiB"
    assert not any(status == 500 for _, status in outcome.answers), outcome.answers


def _peak_mebibytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # proc(5): utime, stime


def attack(port: int, tokens: Mapping[str, str], requests: int, seed: int) -> Attack:
    """Send so many hostile requests with stolen tokens. To be called in a process of its own."""
    os.nice(NICENESS)
    return asyncio.run(_Attack(port, tokens, requests, seed).run())


class _Attack:
    """One attacking process."""

    def __init__(self, port: int, tokens: Mapping[str, str], requests: int, seed: int) -> None:
        self._port = port
        self._attackers = [
            Attacker(name, token, seed + at) for at, (name, token) in enumerate(tokens.items())
        ]
        self._left = requests
        self._chance = random.Random(seed)  # repeatable on purpose
        self._over = asyncio.Event()
        self._answers: Counter[Kind] = Counter()
        self._taken = 0

    async def run(self) -> Attack:
        """Attack until all is sent."""
        async with Connection(self._port) as first:
            # What is mutated is known, so that a mutation which changes nothing is a repeat.
            for attacker in self._attackers:
                answer = await first.ask(*attacker.request(attacker.known))
                assert answer.status == 201, answer
        slow = [
            asyncio.create_task(self._trickle(attacker))
            for attacker in self._attackers[STOLEN:]
            for _ in range(CONNECTIONS + 1)
        ]
        await asyncio.gather(
            *(self._send(attacker) for attacker in self._attackers[:STOLEN] for _ in range(CONNECTIONS))
        )
        self._over.set()
        await asyncio.gather(*slow)
        return Attack(self._answers, self._taken)

    async def _send(self, attacker: Attacker) -> None:
        async with Connection(self._port) as connection:
            while self._left > 0:
                self._left -= 1
                if self._left % PROGRESS == 0:
                    print(f"{self._left} left", file=sys.stderr, flush=True)
                kind, top, body = attacker.next()
                self._note(kind, await connection.ask(top, body))
                if kind in {"huge announcement", "no HTTP"}:
                    await connection.close()

    async def _trickle(self, attacker: Attacker) -> None:
        """Heads and bodies in pieces, with pauses between them, some of which never end."""
        async with Connection(self._port) as connection:
            while not self._over.is_set():
                top, body = attacker.request(attacker.known)
                kind = self._chance.choice(["slow head", "slow body", "no end", "held announcement"])
                match kind:
                    case "slow head":
                        at = self._chance.randrange(1, len(top))
                        top, body = top[:at], top[at:] + body
                    case "no end":
                        body = body[:-1]
                    case "held announcement":
                        top, body = attacker.announcement(MAX_COMPRESSED_BYTES), bytes(1 << 20)
                    case _:  # the body comes in two pieces in any case
                        pass
                self._note(kind, await connection.ask(top, body, pause=0.5))
                if kind in {"no end", "held announcement"}:
                    await connection.close()

    def _note(self, kind: str, answer: Answer) -> None:
        self._answers[kind, answer.status] += 1
        self._taken += answer.status == 201 or b'"repeat":false' in answer.body


def be_honest(port: int, tokens: Mapping[str, str], epoch: int, seconds: float, over: Event) -> Honest:
    """Send what sensors should, so long or until it is over. To be called in a process of its own."""
    return asyncio.run(_be_honest(port, tokens, epoch, seconds, over))


async def _be_honest(port: int, tokens: Mapping[str, str], epoch: int, seconds: float, over: Event) -> Honest:
    until = time.monotonic() + seconds
    honest = Honest()
    async with asyncio.TaskGroup() as group:
        for number, (name, token) in enumerate(tokens.items()):
            phase = PACE_SECONDS * number / len(tokens)
            group.create_task(_sensor(port, name, token, epoch, phase, until, over, honest))
    return honest


async def _sensor(  # noqa: PLR0913, PLR0917 - what one sensor needs
    port: int, name: str, token: str, epoch: int, phase: float, until: float, over: Event, honest: Honest
) -> None:
    await asyncio.sleep(phase)
    async with Connection(port) as connection:
        sequence = 0
        while time.monotonic() < until and not over.is_set():
            due = time.monotonic() + PACE_SECONDS
            rows = (tuple4(AUGUST + sequence % 1440, sequence),)
            body = compress(encode(batch(sequence, sensor=name, epoch=epoch, ipv4=rows)))
            top = batch_head(body, token)
            began = time.monotonic()
            answer = await connection.ask(top, body)
            honest.seconds.append(time.monotonic() - began)
            honest.failures += answer.status != 201
            sequence += 1
            await asyncio.sleep(max(0.0, due - time.monotonic()))


def main() -> int:
    """Run as long as asked for."""
    parser = argparse.ArgumentParser(description="Send hostile requests.")
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=time.time_ns() & 0xFFFF_FFFF)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        outcome = run(Path(directory), options.requests, options.seed, alone_seconds=120.0)
    for (kind, status), count in sorted(outcome.answers.items()):
        print(f"{kind:<18} {status or 'closed':>6} {count:>8}")
    total = sum(outcome.answers.values())
    print(
        f"{total} hostile requests in {outcome.seconds:.0f} s ({total / outcome.seconds:.0f} a second), none"
        f" taken; the collector took {outcome.processor_seconds:.0f} s of processors and at most"
        f" {outcome.peak_mebibytes:.0f} MiB"
    )
    for when, honest in (("alone", outcome.alone), ("beside the attack", outcome.beside)):
        print(
            f"honest sensors {when}: {len(honest.seconds)} requests, none refused,"
            f" median {quantile(honest.seconds, 0.5):.3f} s, p99 {quantile(honest.seconds, 0.99):.3f} s,"
            f" longest {max(honest.seconds):.3f} s"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
