"""`rollout`: signed releases on their way to the sensors."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_collector.accounting import iso
from teiten_collector.cli.arguments import add_config, add_json, open_store
from teiten_collector.cli.output import print_json
from teiten_collector.config import load
from teiten_collector.errors import ExitCode

if TYPE_CHECKING:
    from teiten_collector.cli.arguments import Commands
    from teiten_collector.store import Advance, Rollout


def add(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser("rollout", help="bring a signed release to sensors, in stages")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    start = actions.add_parser("start", help="begin; the last word printed is its number")
    start.add_argument("file", type=Path, metavar="FILE", help="the release, signed: teiten-BOARD.raucb")
    add_config(start)
    start.add_argument("--group", nargs="+", action="extend", required=True, metavar="NAME")
    start.add_argument(
        "--stages",
        nargs="+",
        type=int,
        default=[1, 10, 100],
        metavar="PERCENT",
        help="of the sensors, ascending to 100; one sensor at least (default: 1 10 100)",
    )
    start.add_argument(
        "--soak-minutes",
        type=_natural,
        default=60,
        metavar="N",
        help="how long all of a stage must be good before the next (default: %(default)s)",
    )
    _add_most_failures(start)
    start.set_defaults(run=_rollout_start)
    listing = actions.add_parser("list", help="every roll-out, and how far it has come")
    add_config(listing)
    add_json(listing)
    listing.set_defaults(run=_rollout_list)
    stop = actions.add_parser("stop", help="offer it to nobody any more")
    stop.add_argument("number", type=int, metavar="NUMBER")
    add_config(stop)
    stop.set_defaults(run=_rollout_stop)
    resume = actions.add_parser("resume", help="go on with one that was stopped")
    resume.add_argument("number", type=int, metavar="NUMBER")
    add_config(resume)
    _add_most_failures(resume)
    resume.set_defaults(run=_rollout_resume)


def _add_most_failures(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--most-failures",
        type=_natural,
        default=0,
        metavar="N",
        help="one more stops it by itself (default: %(default)s)",
    )


def _rollout_start(options: argparse.Namespace) -> int:
    with open_store(load(options.config)) as store:
        rollout = store.fleet.start(
            options.file,
            options.group,
            stages=options.stages,
            soak_ns=options.soak_minutes * 60 * 1_000_000_000,
            most_failures=options.most_failures,
            now_ns=time.time_ns(),
        )
    print(
        f"{rollout.name} ({rollout.release}) goes to {', '.join(rollout.groups)} as number {rollout.number}"
    )
    return ExitCode.DONE


def _rollout_list(options: argparse.Namespace) -> int:
    with open_store(load(options.config)) as store:
        found = store.fleet.rollouts(time.time_ns())
        told = store.fleet.conditions()
    if options.json:
        print_json({"rollouts": [_rollout(rollout, advance) for rollout, advance in found]})
        return ExitCode.DONE
    for rollout, advance in found:
        state = "stopped" if rollout.stopped_ns is not None else "done" if advance.done else "under way"
        print(f"{rollout.number} {state}: {rollout.name} to {', '.join(rollout.groups)}")
        print(f"  stage {advance.stage} of {len(rollout.stages)}, begun {iso(rollout.started_ns)}")
        if rollout.stopped_for:
            print(f"  -> stopped: {rollout.stopped_for}")
        for failure in advance.failures:
            print(f"  -> {failure}")
        for sensor, step in advance.steps.items():
            runs = f", runs {told[sensor].condition.version}" if sensor in told else ""
            print(f"  {sensor} {step}{runs}")
    return ExitCode.DONE


def _rollout(rollout: Rollout, advance: Advance) -> dict[str, object]:
    return {
        "number": rollout.number,
        "name": rollout.name,
        "release": rollout.release,
        "groups": list(rollout.groups),
        "stages": list(rollout.stages),
        "stage": advance.stage,
        "started": iso(rollout.started_ns),
        "stopped": None if rollout.stopped_ns is None else iso(rollout.stopped_ns),
        "stopped_for": rollout.stopped_for,
        "done": advance.done,
        "sensors": {sensor: str(step) for sensor, step in advance.steps.items()},
        "failures": list(advance.failures),
    }


def _rollout_stop(options: argparse.Namespace) -> int:
    with open_store(load(options.config)) as store:
        store.fleet.stop(options.number, "by hand", time.time_ns())
    print(f"roll-out {options.number} is stopped; sensors that have it keep it")
    return ExitCode.DONE


def _rollout_resume(options: argparse.Namespace) -> int:
    with open_store(load(options.config)) as store:
        store.fleet.resume(options.number, options.most_failures)
    print(f"roll-out {options.number} goes on")
    return ExitCode.DONE


def _natural(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number")
    return int(text[:9])
