"""Requests that nobody should send, at a collector that serves: bounded memory, an honest sensor is answered.

    python -m tests.torture.hostile [--requests 1000000] [--seed N]

The attacker has the tokens of several sensors (stolen appliances), and their rate limit is lifted, so that
bodies are looked at rather than turned away. None may be taken that is no batch; the collector's memory is
read from /proc at the end (its highest mark); the honest sensor's times are taken all the while.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_protocol import MEDIA_TYPE, BatchError, compress, decode, encode
from teiten_protocol.bundle import BUNDLE_MEDIA_TYPE
from tests.fleet import Collector
from tests.store.building import AUGUST, batch, tuple4, tuple6
from tests.torture.wire import Connection, head, quantile

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_MEBIBYTES = 512
STOLEN = [f"stolen-{number:02}" for number in range(8)]
CONNECTIONS = 3
"""Of each stolen sensor: one more than is looked at at once."""
_BEGINNING = b"\x8a\xa7version\x01"
"""As a batch begins, so that the rest is expanded."""
NETWORKS = ["198.51.100.0/28", "2001:db8::/64"]
BOMB = zlib.compress(_BEGINNING + bytes(1 << 30), 9)
"""A gibibyte of zeros in a megabyte: sixteen times what may be expanded."""
SMALL_BOMB = zlib.compress(_BEGINNING + bytes(60 << 20), 9)
"""Within the limit of expansion, and no batch."""


@dataclass(slots=True)
class Outcome:
    """What came back.

    Attributes:
        statuses: Answers by kind and status; 0 is a connection closed without one.
        honest_seconds: How long each request of the honest sensor took.
        honest_failures: Its requests that were not acknowledged.
        taken: Hostile requests that were acknowledged.
        peak_mebibytes: The highest resident memory of the collector.
    """

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    honest_seconds: list[float] = field(default_factory=list)
    honest_failures: int = 0
    taken: int = 0
    peak_mebibytes: float = 0.0


class Attacker:
    """Makes requests of every kind, the same for the same seed."""

    def __init__(self, sensor: str, token: str, seed: int) -> None:
        """Take a sensor's stolen token."""
        self.token = token
        self._chance = random.Random(seed)
        self._body = encode(
            batch(
                7,
                sensor=sensor,
                ipv4=tuple(tuple4(AUGUST, number) for number in range(40)),
                ipv6=tuple(tuple6(AUGUST, number) for number in range(10)),
            )
        )
        self.known = compress(self._body)
        self._kinds: list[tuple[str, Callable[[], tuple[bytes, bytes]], int]] = [
            ("mutated body", self._mutated_body, 30),
            ("mutated stream", self._mutated_stream, 20),
            ("random bytes", self._random_bytes, 10),
            ("deep nesting", self._deep, 5),
            ("huge lengths", self._huge_lengths, 10),
            ("mutated bundle", self._bundle, 10),
            ("wrong token", self._wrong_token, 10),
            ("huge announcement", self._huge_announcement, 3),
            ("no HTTP", self._no_http, 2),
            ("bomb", lambda: self.request(BOMB), 1),
            ("small bomb", lambda: self.request(SMALL_BOMB), 1),
        ]

    def next(self) -> tuple[str, bytes, bytes]:
        """A kind, a head and a body."""
        kinds = self._chance.choices(self._kinds, [weight for _, _, weight in self._kinds])
        name, make, _ = kinds[0]
        return name, *make()

    def request(self, body: bytes, **changed: str) -> tuple[bytes, bytes]:
        """A request with the stolen token."""
        fields = {
            "Authorization": f"Bearer {self.token}",
            "Content_Type": MEDIA_TYPE,
            "Content_Encoding": "deflate",
            **changed,
        }
        return head(len(body), **fields), body

    def _mutated_body(self) -> tuple[bytes, bytes]:
        """A real batch with some bytes changed, cut out or put in, such that it is none any more."""
        while True:
            body = bytearray(self._body)
            for _ in range(self._chance.randint(1, 4)):
                at = self._chance.randrange(len(body))
                match self._chance.randrange(3):
                    case 0:
                        body[at] ^= 1 << self._chance.randrange(8)
                    case 1:
                        del body[at : at + self._chance.randint(1, 8)]
                    case _:
                        body[at:at] = self._chance.randbytes(self._chance.randint(1, 8))
            try:
                decode(bytes(body))
            except BatchError:
                return self.request(zlib.compress(bytes(body), 1))

    def _mutated_stream(self) -> tuple[bytes, bytes]:
        stream = bytearray(self.known)
        stream[self._chance.randrange(len(stream))] ^= self._chance.randint(1, 255)
        return self.request(bytes(stream))

    def _random_bytes(self) -> tuple[bytes, bytes]:
        content = self._chance.randbytes(self._chance.randrange(2000))
        return self.request(content if self._chance.random() < 0.5 else zlib.compress(content, 1))

    def _deep(self) -> tuple[bytes, bytes]:
        return self.request(zlib.compress(bytes([self._chance.choice([0x91, 0x81, 0xDC])]) * 2_000_000, 1))

    def _huge_lengths(self) -> tuple[bytes, bytes]:
        claim = self._chance.choice(
            [b"\xdf\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff"]
        )
        at = self._chance.randrange(len(self._body))
        return self.request(zlib.compress(self._body[:at] + claim + self._body[at:], 1))

    def _bundle(self) -> tuple[bytes, bytes]:
        parts = b"".join(
            struct.pack(">I", self._chance.choice([len(part), 0, 2**32 - 1, len(part) + 1])) + part
            for part in (self._chance.randbytes(20) for _ in range(self._chance.randint(1, 70)))
        )
        body = parts
        return head(len(body), Authorization=f"Bearer {self.token}", Content_Type=BUNDLE_MEDIA_TYPE), body

    def _wrong_token(self) -> tuple[bytes, bytes]:
        number = self._chance.getrandbits(64)
        return self.request(self.known, Authorization=f"Bearer teiten_{number:016x}_{'x' * 43}")

    def _huge_announcement(self) -> tuple[bytes, bytes]:
        length = self._chance.choice([70_000_000, 2**40, 10**30])
        return head(
            length,
            Authorization=f"Bearer {self.token}",
            Content_Type=MEDIA_TYPE,
            Content_Encoding="deflate",
        ), b"x" * 100

    def _no_http(self) -> tuple[bytes, bytes]:
        return self._chance.randbytes(self._chance.randint(1, 200)) + b"\r\n\r\n", b""


async def attack(collector: Collector, tokens: dict[str, str], requests: int, seed: int) -> Outcome:
    """Send so many hostile requests, and honest ones beside them."""
    outcome = Outcome()
    attackers = [Attacker(sensor, tokens[sensor], seed + at) for at, sensor in enumerate(STOLEN)]
    over = asyncio.Event()
    async with Connection(collector.port) as first:
        # What is mutated is known, so that a mutation which changes nothing is a repeat.
        for attacker in attackers:
            taken = await first.ask(*attacker.request(attacker.known))
            assert taken.status in {200, 201}, taken
    left = iter(range(requests))
    honest = asyncio.create_task(_honest(collector.port, tokens["honest-01"], outcome, over))
    slow = [asyncio.create_task(_slow(collector.port, attackers[0], outcome, over)) for _ in range(2)]
    await asyncio.gather(
        *(
            _hostile(collector.port, attacker, left, outcome)
            for attacker in attackers
            for _ in range(CONNECTIONS)
        )
    )
    over.set()
    await asyncio.gather(honest, *slow)
    outcome.peak_mebibytes = _peak_mebibytes(collector.pid)
    return outcome


def _peak_mebibytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


async def _hostile(port: int, attacker: Attacker, left: object, outcome: Outcome) -> None:
    async with Connection(port) as connection:
        for _ in left:  # type: ignore[attr-defined] # an iterator that all connections share
            kind, top, body = attacker.next()
            answer = await connection.ask(top, body)
            outcome.statuses[kind, answer.status] += 1
            if answer.status in {200, 201} and b'"repeat":false' in answer.body.replace(b" ", b""):
                outcome.taken += 1
            if kind in {"huge announcement", "no HTTP"}:
                await connection.close()


async def _slow(port: int, attacker: Attacker, outcome: Outcome, over: asyncio.Event) -> None:
    """Heads and bodies that come by the byte."""
    async with Connection(port) as connection:
        while not over.is_set():
            top, body = attacker.request(attacker.known)
            answer = await connection.ask(top, body, pause=0.5)
            outcome.statuses["slow", answer.status] += 1


async def _honest(port: int, token: str, outcome: Outcome, over: asyncio.Event) -> None:
    """A sensor that sends what it should, four times a second."""
    async with Connection(port) as connection:
        sequence = 0
        while not over.is_set():
            rows = (tuple4(AUGUST, sequence),)
            body = compress(encode(batch(sequence, sensor="honest-01", ipv4=rows)))
            began = time.monotonic()
            answer = await connection.ask(
                head(
                    len(body),
                    Authorization=f"Bearer {token}",
                    Content_Type=MEDIA_TYPE,
                    Content_Encoding="deflate",
                ),
                body,
            )
            outcome.honest_seconds.append(time.monotonic() - began)
            outcome.honest_failures += answer.status != 201
            sequence += 1
            await asyncio.sleep(0.25)


def run(directory: Path, requests: int, seed: int) -> Outcome:
    """One run in a folder; fails where a promise is broken."""
    collector = Collector(directory)
    text = collector.configuration.read_text(encoding="utf-8")
    collector.start()
    collector.stop()
    text = collector.configuration.read_text(encoding="utf-8")
    collector.configuration.write_text(
        text.replace("[server]\n", "[server]\nsensor_requests_per_minute = 1000000\n"), encoding="utf-8"
    )
    tokens = {}
    for sensor in (*STOLEN, "honest-01"):
        added = collector.command("sensor", "add", sensor, "--monitored", *NETWORKS)
        tokens[sensor] = added.stdout.split()[-1]
    with Serving(collector):
        outcome = asyncio.run(attack(collector, tokens, requests, seed))
    assert outcome.taken == 0, "a hostile request was taken"
    assert outcome.honest_failures == 0, f"{outcome.honest_failures} honest requests failed"
    assert outcome.peak_mebibytes < MOST_MEBIBYTES, f"{outcome.peak_mebibytes:.0f} MiB"
    assert not any(status == 500 for _, status in outcome.statuses), outcome.statuses
    collector.command("check", "--journal")
    return outcome


class Serving:
    """A collector with the configuration that it has: `Collector.start` would write another."""

    def __init__(self, collector: Collector) -> None:
        """Name it."""
        self._collector = collector

    def __enter__(self) -> None:
        """Start it, and keep its configuration."""
        text = self._collector.configuration.read_text(encoding="utf-8")
        self._collector.start()
        self._collector.configuration.write_text(text, encoding="utf-8")

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        assert self._collector.stop() == 0


def main() -> int:
    """Run as long as asked for."""
    parser = argparse.ArgumentParser(description="Send hostile requests.")
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=time.time_ns() & 0xFFFF_FFFF)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        outcome = run(Path(directory), options.requests, options.seed)
    seconds = time.monotonic() - began
    for (kind, status), count in sorted(outcome.statuses.items()):
        print(f"{kind:<18} {status or 'closed':>6} {count:>8}")
    times = outcome.honest_seconds
    print(
        f"{sum(outcome.statuses.values())} hostile requests in {seconds:.0f} s, none taken;"
        f" highest memory {outcome.peak_mebibytes:.0f} MiB; honest sensor: {len(times)} requests,"
        f" median {quantile(times, 0.5):.3f} s, p99 {quantile(times, 0.99):.3f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
