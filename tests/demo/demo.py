"""`make demo`: the whole way on this machine, from captures at the sensors to the report.

Without captures the made-up July and August of 2009 is written and sent through its sensors, and the month's
report is printed. With `--captures DIRECTORY` real captures are dealt out to three sensors; each sensor
monitors just the addresses that its captures were sent to, and has observed only while they ran.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from teiten_agent import _core
from teiten_collector.store import Engine
from tests.fleet import BIN, Collector, Sensor, run

HOME = Path("demo")
SCENARIO = HOME / "scenario"
ZONE = ZoneInfo("Asia/Tokyo")
SENSORS_OF_REAL_CAPTURES = ("real-01", "real-02", "real-03")
CAPTURE_SUFFIXES = {".pcap", ".pcapng", ".cap", ".gz", ".zst"}


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one sensor replays, one list of arguments a replay."""

    sensor: Sensor
    replays: list[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Production:
    """A demo ready to run: who replays what, and which period is reported."""

    assignments: list[Assignment]
    period: tuple[str, ...]


def say(text: str) -> None:
    """Tell where the demo stands, apart from the report."""
    print(text, file=sys.stderr, flush=True)


def new_collector(*, made_up: bool) -> Collector:
    """A collector with nothing in it; the made-up months come first, since they bring their own countries."""
    if not made_up:
        return Collector(HOME / "collector")
    say("writing two months of 2009 ...")
    run(BIN / "teiten-scenario", "write", "npa-2009-08", "--output", SCENARIO)
    return Collector(
        HOME / "collector",
        country_database=SCENARIO / "country.mmdb",
        access_groups=["access"],
        signature_groups=["ids"],
    )


def written_scenario(collector: Collector) -> Production:
    """Register the made-up fleet."""
    truth: dict[str, Any] = json.loads((SCENARIO / "truth.json").read_text(encoding="utf-8"))
    assignments = []
    for identity, plan in truth["sensors"].items():
        sensor = collector.add_sensor(identity, plan["monitored"], groups=plan["groups"])
        replay = ("--from", plan["from"], "--to", plan["to"], SCENARIO / plan["capture"])
        assignments.append(Assignment(sensor, [replay]))
    return Production(assignments, ("2009-08", "--bulletins", str(SCENARIO / "bulletins.toml")))


def destinations(capture: Path) -> set[str]:
    """Every address that a capture's packets were sent to, as text."""
    observer, source = _core.Observer(interval_seconds=0), _core.Capture(capture)
    found: set[str] = set()

    def take(interval: _core.Interval | None) -> None:
        if interval is None:
            return
        for width, columns in ((4, interval.ipv4), (16, interval.ipv6)):
            packed = columns.address
            found.update({packed[at : at + width].hex() for at in range(0, len(packed), width)})

    while not source.exhausted:
        take(observer.advance(source))
    take(observer.finish())
    return {str(ipaddress.ip_address(bytes.fromhex(text))) for text in found}


def networks(addresses: set[str]) -> list[str]:
    """The same addresses as the fewest networks."""
    parsed = [ipaddress.ip_network(address) for address in addresses]
    four = [network for network in parsed if isinstance(network, ipaddress.IPv4Network)]
    six = [network for network in parsed if isinstance(network, ipaddress.IPv6Network)]
    collapsed = [*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six)]
    return [str(network) for network in collapsed]


def real_captures(collector: Collector, directory: Path) -> Production:
    """Deal the captures of a folder out to three sensors."""
    captures = sorted(
        path for path in directory.rglob("*") if path.suffix in CAPTURE_SUFFIXES and path.is_file()
    )
    usable: list[Path] = []
    days: list[datetime] = []
    for capture in captures:
        try:
            span = _core.Capture(capture).span()
        except _core.CaptureError as error:
            say(f"left out: {error}")
            continue
        if span is not None:
            usable.append(capture)
            days += [datetime.fromtimestamp(moment / 1e9, ZONE) for moment in span[:2]]
    if not usable:
        raise SystemExit(f"there is no capture with packets in {directory}")
    assignments = []
    for index, identity in enumerate(SENSORS_OF_REAL_CAPTURES):
        own = usable[index :: len(SENSORS_OF_REAL_CAPTURES)]
        if not own:
            continue
        addresses = set[str]().union(*(destinations(capture) for capture in own))
        sensor = collector.add_sensor(identity, networks(addresses))
        assignments.append(Assignment(sensor, [(capture,) for capture in own]))
    first, last = min(days).date(), max(days).date()
    before = first - timedelta(days=1)
    return Production(assignments, (f"{first}..{last}", "--compare", f"{before}..{before}"))


def replay(assignment: Assignment) -> int:
    """All replays of one sensor, one after another; how many of its captures ended in a fault."""
    faults = 0
    for arguments in assignment.replays:
        done = assignment.sensor.replay(*arguments, expect=None)
        if done.returncode == 65:
            faults += 1
            say(done.stderr.strip())
        elif done.returncode:
            raise SystemExit(f"replay of {arguments[-1]} ended with {done.returncode}:\n{done.stderr}")
    return faults


def sums(collector: Collector) -> str:
    """The sum that must hold: packets in the files are in the store or have a reason."""
    engine = Engine(collector.directory / "store")
    row = engine.query(
        "SELECT sum(packets) AS packets, sum(not_monitored) AS not_monitored,"
        " sum(outside_span) AS outside_span, sum(malformed) AS malformed FROM observations"
    ).to_pylist()[0]
    stored = engine.query("SELECT sum(packets) AS packets FROM tuples").to_pylist()[0]["packets"]
    reasons = row["not_monitored"] + row["outside_span"] + row["malformed"]
    verdict = "they agree" if row["packets"] == stored + reasons else "THEY DIFFER"
    return (
        f"{row['packets']:,} packets in the files = {stored:,} in the store"
        f" + {reasons:,} with a reason ({row['not_monitored']:,} not monitored,"
        f" {row['malformed']:,} not IP or malformed): {verdict}"
    )


def main() -> int:
    """Run the demo in the folder `demo`, made anew."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--captures", type=Path, metavar="DIRECTORY", help="real captures instead of 2009")
    parser.add_argument("--lang", choices=("ja", "en"), default="ja")
    arguments = parser.parse_args()
    if arguments.captures is not None and not arguments.captures.is_dir():
        parser.error(f"{arguments.captures} is no folder of captures")
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    begun = time.monotonic()
    collector = new_collector(made_up=arguments.captures is None)
    with collector.serving():
        say(f"collector on {collector.url}")
        if arguments.captures is None:
            production = written_scenario(collector)
        else:
            production = real_captures(collector, arguments.captures)
        names = ", ".join(assignment.sensor.identity for assignment in production.assignments)
        say(f"sensors {names} replay and upload ...")
        with ThreadPoolExecutor(len(production.assignments)) as pool:
            faults = sum(pool.map(replay, production.assignments))
        say("report:")
        command = ["report", "--period", *production.period, "--lang", arguments.lang]
        report = collector.command(*command).stdout
        print(report)
        print(sums(collector))
    say(f"{time.monotonic() - begun:.0f} s; {faults} captures ended in a fault; everything lies in {HOME}/")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (KeyboardInterrupt, subprocess.TimeoutExpired) as error:
        sys.exit(f"stopped: {error!r}")
