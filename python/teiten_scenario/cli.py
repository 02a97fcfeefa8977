"""The command `teiten-scenario`."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_scenario.errors import DescriptionError, ExitCode, ScenarioError
from teiten_scenario.flood import Flood, write_flood
from teiten_scenario.progress import Progress
from teiten_scenario.reading import parse
from teiten_scenario.world import built_in, describe, plan, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from teiten_scenario.description import Description


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    try:
        if options.command == "list":
            _list(as_json=options.json)
        elif options.command == "write":
            _write(options)
        else:
            _flood(options)
    except ScenarioError as error:
        print(f"teiten-scenario: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return ExitCode.DONE


def make_parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = argparse.ArgumentParser(
        prog="teiten-scenario",
        description="Captures of made-up fleets of sensors, with the counts that must come out.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="list the built-in scenarios")
    listing.add_argument("--json", action="store_true", help="one JSON document")
    writing = commands.add_parser("write", help="write a scenario's captures, country database and truth")
    writing.add_argument("scenario", help="name of a built-in scenario, or a TOML file")
    writing.add_argument("--output", type=Path, required=True, metavar="DIRECTORY", help="where to write")
    writing.add_argument(
        "--seed", type=_seed, help="draw chance from this number instead of the scenario's own"
    )
    writing.add_argument("--scale", type=_factor, default=1.0, help="factor on every rate (default 1)")
    writing.add_argument("--json", action="store_true", help="print the files written and the totals as JSON")
    flood = commands.add_parser(
        "flood", help="write the benchmarks' capture: SYNs of 60 bytes, Zipf over ports"
    )
    flood.add_argument("--packets", type=_count, required=True, help="number of packets")
    flood.add_argument("--sources", type=_count, required=True, help="number of different sources")
    flood.add_argument("--output", type=Path, required=True, metavar="FILE", help="the capture to write")
    flood.add_argument(
        "--addresses",
        type=int,
        choices=range(1, 257),
        default=256,
        metavar="1..256",
        help="number of monitored addresses (default 256)",
    )
    flood.add_argument("--seed", type=_seed, default=0, help="draw chance from this number (default 0)")
    flood.add_argument("--json", action="store_true", help="print the counts that must come out as JSON")
    return parser


def _list(*, as_json: bool) -> None:
    scenarios = [(name, parse(text)) for name, text in built_in().items()]
    if as_json:
        print(
            json.dumps(
                [
                    {
                        "name": name,
                        "title": found.title,
                        "first_day": str(found.first),
                        "last_day": str(found.last),
                        "sensors": [sensor.id for sensor in found.sensors],
                    }
                    for name, found in scenarios
                ]
            )
        )
        return
    for name, found in scenarios:
        print(f"{name:14} {found.first} to {found.last}, {len(found.sensors)} sensors: {found.title}")


def _write(options: argparse.Namespace) -> None:
    world = plan(_load(options.scenario), options.seed, options.scale)
    progress = Progress(options.scenario, len(world.packets))
    try:
        files = write(world, options.output, progress.update)
    finally:
        progress.close()
    truth = world.truth()
    if options.json:
        sensors = {
            name: {part: sensor[part] for part in ("capture", "from", "to", "packets", "counted")}
            for name, sensor in truth["sensors"].items()
        }
        print(
            json.dumps(
                {"files": [str(path) for path in files], "packets": len(world.packets), "sensors": sensors}
            )
        )
        return
    for name, sensor in truth["sensors"].items():
        print(f"{sensor['capture']}: {sensor['packets']} packets, {sensor['counted']} to be counted")
        groups = " ".join(f"--group {group}" for group in sensor["groups"])
        monitored = " ".join(f"--monitored {network}" for network in sensor["monitored"])
        print(f"  teiten-collector sensor add {name} --config collector.toml {monitored} {groups}")
        span = f"--from {sensor['from']} --to {sensor['to']}"
        print(f"  teiten-agent replay --config {name}.agent.toml {span} {sensor['capture']}")


def _load(scenario: str) -> Description:
    path = Path(scenario)
    if not scenario.endswith(".toml"):
        return describe(scenario)
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DescriptionError(scenario, f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise DescriptionError(scenario, "is not UTF-8") from None
    except DescriptionError as error:
        raise DescriptionError(f"{scenario}: {error.place}", error.reason) from None


def _flood(options: argparse.Namespace) -> None:
    flood = Flood(options.packets, options.sources, addresses=options.addresses, seed=options.seed)
    progress = Progress("flood", flood.packets)
    try:
        counts = write_flood(flood, options.output, progress.update)
    finally:
        progress.close()
    if options.json:
        print(json.dumps(counts))
    else:
        print(f"{options.output}: {counts['packets']} packets of {counts['sources']} sources")


def _version() -> str:
    try:
        return metadata.version("teiten-agent")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _count(text: str) -> int:
    return _integer(text, 1)


def _seed(text: str) -> int:
    return _integer(text, 0)


def _integer(text: str, low: int) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < low or int(text) >= 1 << 63:
        raise argparse.ArgumentTypeError(f"{text!r} is no integer from {low} on")
    return int(text)


def _factor(text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor <= 1000:  # noqa: PLR2004 - more would only fill a disk
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0 and up to 1000")
    return factor


if __name__ == "__main__":
    sys.exit(main())
