"""`check`, `rebuild`, `upkeep`, `backup` and `migrate`: the store, kept well."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_collector.accounting import gaps, iso, missing, overlaps
from teiten_collector.analysis.periods import parse_period
from teiten_collector.cli import PROGRAM
from teiten_collector.cli.arguments import add_config, add_json, open_store
from teiten_collector.cli.output import print_json, progress
from teiten_collector.config import load
from teiten_collector.errors import ExitCode
from teiten_collector.rebuild import rebuild
from teiten_collector.service import open_intake, open_sources
from teiten_collector.store import Engine, backup
from teiten_collector.upkeep import SETTLED_SECONDS, upkeep

if TYPE_CHECKING:
    import argparse

    from teiten_collector.cli.arguments import Commands

UPKEEP_SECONDS = 60
UPKEEP_NICENESS = 10


def add(commands: Commands) -> None:
    """Adds the commands."""
    _add_check(commands)
    _add_rebuild(commands)
    _add_upkeep(commands)
    _add_backup(commands)
    _add_migrate(commands)


def _add_check(commands: Commands) -> None:
    parser = commands.add_parser(
        "check", help="hold journal, ledger and tables against one another, and say what was not observed"
    )
    add_config(parser)
    parser.add_argument("--journal", action="store_true", help="also read every batch in the journal again")
    add_json(parser)
    parser.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> int:
    config = load(options.config)
    with open_store(config) as store:
        findings = [*store.check(), *(store.check_journal() if options.journal else ())]
        with Engine(config.store.directory) as engine:
            unobserved, absent = list(gaps(engine)), list(missing(engine))
            twice = list(overlaps(engine))
    if options.json:
        print_json(
            {
                "findings": [
                    {"kind": finding.kind, "subject": finding.subject, "text": finding.text}
                    for finding in findings
                ],
                "not_observed": [
                    {"sensor": gap.sensor, "from": iso(gap.from_ns), "to": iso(gap.to_ns)}
                    for gap in unobserved
                ],
                "observed_twice": [
                    {
                        "sensor": overlap.sensor,
                        "epochs": [f"{epoch:016x}" for epoch in overlap.epochs],
                        "from": iso(overlap.from_ns),
                        "to": iso(overlap.to_ns),
                    }
                    for overlap in twice
                ],
                "missing_batches": [
                    {"sensor": run.sensor, "epoch": f"{run.epoch:016x}", "first": run.first, "last": run.last}
                    for run in absent
                ],
            }
        )
    else:
        for finding in findings:
            print(f"{finding.subject}: {finding.text}")
        for gap in unobserved:
            print(f"{gap.sensor}: not observed from {iso(gap.from_ns)} to {iso(gap.to_ns)}")
        for overlap in twice:
            both = " and ".join(f"{epoch:016x}" for epoch in overlap.epochs)
            print(
                f"{overlap.sensor}: epochs {both} both observed {iso(overlap.from_ns)} to "
                f"{iso(overlap.to_ns)}: its packets count twice"
            )
        for run in absent:
            print(f"{run.sensor}: epoch {run.epoch:016x} lacks batches {run.first} to {run.last}")
        print("journal, ledger and tables agree" if not findings else f"{len(findings)} findings")
    return ExitCode.NO if findings else ExitCode.DONE


def _add_rebuild(commands: Commands) -> None:
    parser = commands.add_parser("rebuild", help="make days of the tables again from the journal")
    add_config(parser)
    parser.add_argument(
        "--period", required=True, metavar="PERIOD", help="as of report; the UTC days that it touches"
    )
    add_json(parser)
    parser.set_defaults(run=_rebuild)


def _rebuild(options: argparse.Namespace) -> int:
    config = load(options.config)
    period = parse_period(options.period, config.report.zone)
    first, last = (
        datetime.fromtimestamp(moment_ns // 1_000_000_000, UTC).date()
        for moment_ns in (period.start_ns, period.end_ns - 1)
    )
    with open_store(config) as store:
        open_intake(config, store).run_once()
        with progress("rebuilding", (last - first).days + 1) as advance:
            done = rebuild(store, open_sources(config), first, last, advance)
    if options.json:
        print_json({"days": done.days, "batches": done.batches, "rows": done.rows})
    else:
        print(f"{first} to {last}: {done.rows} rows of {done.batches} batches written again")
    return ExitCode.DONE


def _add_upkeep(commands: Commands) -> None:
    parser = commands.add_parser(
        "upkeep",
        help="one turn of what serve does meanwhile: join and remove files, count months that are over",
    )
    add_config(parser)
    parser.add_argument(
        "--seconds",
        type=float,
        default=UPKEEP_SECONDS,
        metavar="SECONDS",
        help=f"begin nothing after so long; without: {UPKEEP_SECONDS}",
    )
    parser.add_argument(
        "--now",
        action="store_true",
        help=f"also for days to which something came in the last {SETTLED_SECONDS // 60} minutes",
    )
    add_json(parser)
    parser.set_defaults(run=_upkeep)


def _upkeep(options: argparse.Namespace) -> int:
    config = load(options.config)
    with suppress(OSError):  # a service may be kept from it
        os.nice(UPKEEP_NICENESS)
    with open_store(config) as store:
        settled_seconds = 0 if options.now else SETTLED_SECONDS
        done = upkeep(store, config, options.seconds, settled_seconds=settled_seconds)
    if done is None:
        print(f"{PROGRAM}: another upkeep or a backup is under way", file=sys.stderr)
    elif options.json:
        print_json(asdict(done))
    elif not done.anything:
        print("nothing was to be done")
    else:
        print(
            f"{done.joined} files joined, {done.removed} removed; {done.segments} segments of the journal "
            f"and {done.rollups} rollups removed; months counted: {', '.join(done.months) or 'none'}"
        )
    if done is not None and not done.finished:
        print(f"{PROGRAM}: the time was over before everything was done", file=sys.stderr)
    return ExitCode.DONE


def _add_backup(commands: Commands) -> None:
    parser = commands.add_parser("backup", help="copy the store, whole, also while serve runs")
    add_config(parser)
    parser.add_argument(
        "directory", type=Path, metavar="DIRECTORY", help="where to; it must not be there yet"
    )
    add_json(parser)
    parser.set_defaults(run=_backup)


def _backup(options: argparse.Namespace) -> int:
    config = load(options.config)
    with open_store(config) as store:
        done = backup(store, options.directory, config.store.url)
    if options.json:
        print_json({"directory": str(options.directory), "files": done.files, "bytes": done.size})
    else:
        print(f"{done.files} files, {done.size} bytes copied to {options.directory}")
    return ExitCode.DONE


def _add_migrate(commands: Commands) -> None:
    parser = commands.add_parser("migrate", help="bring the database up to this program's version")
    add_config(parser)
    parser.set_defaults(run=_migrate)


def _migrate(options: argparse.Namespace) -> int:
    with open_store(load(options.config)) as store:
        print(f"the database is of version {store.version()}")
    return ExitCode.DONE
