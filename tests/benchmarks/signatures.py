"""`python -m tests.benchmarks.signatures`: what rules cost, on a telescope's mix, in one run.

Nine packets in ten have no payload: SYNs to ports as telescopes see them, backscatter, pings. The tenth is a
payload that a built-in rule is tested with. Contenders run in turn on one core; the last rows are the same
without the payloads. The rule set of 1,659 public rules takes part where the folder `shared` lies beside the
checkout; Suricata, without rules and with that set, where it is on the path or `SURICATA` names it.
"""

from __future__ import annotations

import argparse
import ipaddress
import itertools
import json
import os
import random
import shutil
import statistics
import struct
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from teiten_agent import _core
from teiten_agent.rules import Library, builtin, load
from teiten_agent.rules.packet import packets

WORK = Path("target") / "bench"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "rules"
START = 1_249_084_800
PORTS = (23, 445, 22, 3389, 80, 443, 8080, 5555, 6379, 1433, 2323, 8443, 5060, 37215, 60023, 4899)
"""Ports of half the SYNs; the rest go to any."""

POOL = 50_000
"""Addresses that packets come from."""

SHAPES = ("win=1024", "win=65535", "win=65535 mss=1460", "win=64240 mss=1460", "win=14600 mss=1400")
"""Windows and segment sizes of SYNs."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One contender on one capture: processor seconds of each round, and their ratio to those of no rules."""

    capture: str
    rules: str
    count: int
    seconds: list[float]
    packets_per_second: float
    detections: int
    ratio_to_none: float


def sources(chance: random.Random, count: int) -> list[str]:
    """As many addresses as there are packets, of a pool in which few send most (Pareto, shape 1)."""
    anywhere = (str(ipaddress.IPv4Address(chance.randrange(1 << 24, 224 << 24))) for _ in itertools.count())
    globally = (address for address in anywhere if ipaddress.IPv4Address(address).is_global)
    pool = list(itertools.islice(globally, POOL))
    return [pool[min(int(chance.paretovariate(1)) - 1, POOL - 1)] for _ in range(count)]


def without_payload(chance: random.Random, source: str) -> bytes:
    """A packet as most are: a SYN, backscatter, or a ping without data."""
    kind = chance.random()
    where = f"src={source} dst=198.51.100.{chance.randrange(256)}"
    ends = f"{where} ttl={chance.randrange(30, 120)} id={chance.randrange(65536)}"
    if kind < 0.04:
        return packets(f"icmp 8 {ends}")[0]
    if kind < 0.12:
        return packets(f"tcp 80>{chance.randrange(1024, 65536)} {chance.choice(('SA', 'RA'))} {ends}")[0]
    port = chance.choice(PORTS) if chance.random() < 0.5 else chance.randrange(1, 65536)
    shape = chance.choice(SHAPES)
    return packets(f"tcp {chance.randrange(1024, 65536)}>{port} S {ends} {shape}")[0]


def with_payload(chance: random.Random, source: str, cases: list[str]) -> bytes:
    """A packet of the other kind."""
    packet = bytearray(packets(chance.choice(cases))[0])
    packet[12:16] = ipaddress.IPv4Address(source).packed
    return bytes(packet)


def word(data: bytes) -> bytes:
    """The Internet checksum (RFC 1071)."""
    total = sum(struct.unpack(f">{len(data) // 2}H", data[: len(data) & ~1]))
    total += data[-1] << 8 if len(data) % 2 else 0
    while total > 0xFFFF:
        total = (total >> 16) + (total & 0xFFFF)
    return struct.pack(">H", ~total & 0xFFFF)


def framed(packet: bytes) -> bytes:
    """An IPv4 packet with its checksums, in an Ethernet frame."""
    length = (packet[0] & 15) * 4
    header, segment, protocol = bytearray(packet[:length]), bytearray(packet[length:]), packet[9]
    header[10:12] = word(bytes(header))
    pseudo = header[12:20] + struct.pack(">HH", protocol, len(segment))
    place = {1: 2, 6: 16, 17: 6}.get(protocol)
    if place is not None and not int.from_bytes(header[6:8]) & 0x3FFF and len(segment) >= place + 2:
        segment[place : place + 2] = word(bytes(segment) if protocol == 1 else bytes(pseudo + segment))
    return bytes(12) + b"\x08\x00" + header + segment


def make_mix(count: int, *, payloads: bool) -> Path:
    """A capture of the mix: a tenth of it distinct, written ten times over in time."""
    path = WORK / f"telescope-{count}-{'mix' if payloads else 'bare'}.pcap"
    if path.exists():
        return path
    WORK.mkdir(parents=True, exist_ok=True)
    print(f"writing {path} ...", file=sys.stderr)
    chance = random.Random(1)
    cases = [
        case
        for statement in builtin().statements
        for case in statement.matches
        if case.startswith("udp ") and "src=" not in case
    ]
    distinct = [
        framed(
            with_payload(chance, source, cases)
            if payloads and not number % 10
            else without_payload(chance, source)
        )
        for number, source in enumerate(sources(chance, count // 10))
    ]
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number in range(count):
            packet = distinct[number % len(distinct)]
            second, micro = divmod(number * 50, 1_000_000)
            file.write(struct.pack("<4I", START + second, micro, len(packet), len(packet)) + packet)
    return path


def observe(path: Path, rules: Library | None) -> tuple[int, int]:
    """Count a capture; packets and detections."""
    capture = _core.Capture(str(path))
    observer = _core.Observer(interval_seconds=60, seed=1, rules=None if rules is None else rules.core)
    intervals: list[_core.Interval | None] = []
    while not capture.exhausted:
        intervals.append(observer.advance(capture))
    intervals.append(observer.finish())
    closed = [interval for interval in intervals if interval is not None]
    return (
        sum(interval.counters["packets"] for interval in closed),
        sum(sum(interval.signatures().values()) for interval in closed),
    )


def measure(path: Path, contenders: dict[str, Library | None], rounds: int) -> list[Measurement]:
    """Run all contenders in turn, `rounds` times."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    seen: dict[str, tuple[int, int]] = {}
    _core.Capture(str(path)).walk()  # the file into the page cache, for all of them alike
    for _ in range(rounds):
        for name, rules in contenders.items():
            start = time.process_time()
            seen[name] = observe(path, rules)
            seconds[name].append(time.process_time() - start)
    floor = statistics.median(seconds["none"])
    return [
        Measurement(
            capture=path.stem,
            rules=name,
            count=0 if rules is None else len(rules.core),
            seconds=seconds[name],
            packets_per_second=seen[name][0] / statistics.median(seconds[name]),
            detections=seen[name][1],
            ratio_to_none=statistics.median(seconds[name]) / floor,
        )
        for name, rules in contenders.items()
    ]


OUTPUTS = {0: "fast", 1: "eve-log", 7: "stats"}
"""Files that Suricata's own configuration has on, by their places in it; they are switched off."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Suricata on one capture: processor and wall seconds of each round, less those of its start.

    Attributes:
        capture: Name of the capture.
        rules: With which rules.
        processor: Processor seconds of each round.
        wall: Wall seconds of each round.
        packets_per_second: Packets a second of processor time, of the median round.
    """

    capture: str
    rules: str
    processor: list[float]
    wall: list[float]
    packets_per_second: float


def run_suricata(program: str, capture: Path, rules: Path) -> tuple[float, float]:
    """Processor and wall seconds of one run, with one thread and no output files."""
    logs = (WORK / "suricata").resolve()
    logs.mkdir(exist_ok=True)
    command = [
        program,
        "-r",
        str(capture.resolve()),
        "-S",
        str(rules),
        "-l",
        str(logs),
        "--runmode",
        "single",
    ]
    command += ["-k", "none", "--set", "stats.enabled=no"]
    for number, output in OUTPUTS.items():
        command += ["--set", f"outputs.{number}.{output}.enabled=no"]
    before, start = os.times(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return processor, time.perf_counter() - start


def measure_suricata(program: str, path: Path, packets: int, rounds: int) -> list[Peer]:
    """Suricata without rules and with the public set, as often; one packet gives what its start costs."""
    nothing = WORK / "nothing.pcap"
    with path.open("rb") as file:
        front = file.read(24 + 16)
        nothing.write_bytes(front + file.read(int.from_bytes(front[32:36], "little")))
    none = WORK / "none.rules"
    none.touch()
    public = SHARED / "telescope" / "telescope.rules"
    peers = []
    for name, rules in {"none": none.resolve(), "telescope.rules": public}.items():
        if not rules.exists():
            continue
        runs = []
        for _ in range(rounds):
            start = run_suricata(program, nothing, rules)
            whole = run_suricata(program, path, rules)
            runs.append((whole[0] - start[0], whole[1] - start[1]))
        processor, wall = [run[0] for run in runs], [run[1] for run in runs]
        peers.append(Peer(path.stem, name, processor, wall, packets / statistics.median(processor)))
    return peers


def compare(
    program: str, path: Path, results: list[Measurement], arguments: argparse.Namespace
) -> list[Peer]:
    """Measure Suricata and print how many times as fast as it each of ours with as many rules is."""
    peers = measure_suricata(program, path, arguments.packets, arguments.rounds)
    ours = {"built-in", "telescope.rules", "two whole public sets"}
    for peer in peers:
        print(
            f"{peer.capture:28}Suricata, {peer.rules:16}"
            f"{peer.packets_per_second / 1e6:8.3f} million packets/s "
            f"of processor time; wall {statistics.median(peer.wall):.2f} s"
        )
        for one in results:
            if one.capture == peer.capture and one.rules in ours:
                times = one.packets_per_second / peer.packets_per_second
                print(f"{'':28}    {one.rules} here: {times:.1f} times as fast")
    return peers


def main() -> None:
    """Measure on one core, print a table, keep the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--packets", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    contenders: dict[str, Library | None] = {"none": None, "built-in": builtin()}
    public = SHARED / "telescope" / "telescope.rules"
    if public.exists():
        contenders["telescope.rules"] = load([public], with_builtin=False)
        many = [
            *sorted((SHARED / "snort-2.2.0-gpl").glob("*.rules")),
            *sorted((SHARED / "et-open").glob("*.rules")),
        ]
        contenders["two whole public sets"] = load(many, with_builtin=False)
    results: list[Measurement] = []
    for payloads in (True, False):
        results += measure(make_mix(arguments.packets, payloads=payloads), contenders, arguments.rounds)
    print(f"{arguments.packets:,} packets, one core, {arguments.rounds} rounds")
    columns = f"{'usable':>8}{'million packets/s':>20}{'times none':>12}{'detections':>12}"
    print(f"{'capture':28}{'rules':24}{columns}")
    for one in results:
        print(
            f"{one.capture:28}{one.rules:24}{one.count:8,}{one.packets_per_second / 1e6:20.2f}"
            f"{one.ratio_to_none:12.2f}{one.detections:12,}"
        )
    peers: list[Peer] = []
    program = os.environ.get("SURICATA") or shutil.which("suricata")
    if program is None:
        print("Suricata left out: it is not on the path, and SURICATA names none", file=sys.stderr)
    else:
        for payloads in (True, False):
            peers += compare(program, make_mix(arguments.packets, payloads=payloads), results, arguments)
    record = WORK / "signatures.json"
    document = {"ours": [asdict(one) for one in results], "suricata": [asdict(one) for one in peers]}
    record.write_text(json.dumps(document, indent=1), encoding="utf-8")
    print(f"figures kept in {record}")


if __name__ == "__main__":
    main()
