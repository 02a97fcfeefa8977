"""The command line: reads arguments, calls, prints, turns errors into exit codes; nothing is decided here."""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, tzinfo
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from teiten_collector import export
from teiten_collector.accounting import gaps, iso, listing, missing, overlaps, standings
from teiten_collector.analysis.bulletins import read_bulletins
from teiten_collector.analysis.categories import read_categories, read_signatures
from teiten_collector.analysis.examples import examples
from teiten_collector.analysis.periods import parse_period
from teiten_collector.analysis.provenance import country_databases
from teiten_collector.analysis.scope import select_sensors
from teiten_collector.config import CollectorConfig, Language, load
from teiten_collector.door import Admission, Refusal
from teiten_collector.enrich import CountryDatabase, credit_of
from teiten_collector.errors import CannotWriteError, CollectorError, ExitCode, InputError, UsageError
from teiten_collector.rebuild import rebuild
from teiten_collector.report import CountrySource, Document, Form, build_document, question_of, render
from teiten_collector.report.document import to_content
from teiten_collector.report.spreadsheets import spreadsheets
from teiten_collector.service import open_intake, open_sources, serve
from teiten_collector.store import CODE_LIFETIME_NS, Advance, Engine, Rollout, Store, Told, backup
from teiten_collector.upkeep import SETTLED_SECONDS, upkeep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PROGRAM = "teiten-collector"
_DISTRIBUTION = "teiten-agent"
BATCH_SUFFIX = ".batch"
_HOUR_NS = 3_600 * 1_000_000_000
_MOST_HOURS = 366 * 24
UPKEEP_SECONDS = 60
UPKEEP_NICENESS = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    options = make_parser().parse_args(arguments)
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("teiten_collector").setLevel(logging.INFO)
    try:
        exit_code: int = options.run(options)
    except CollectorError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone; nothing more can be said, and nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    return exit_code


def make_parser() -> argparse.ArgumentParser:
    """The whole command line, as help, completion and the documentation show it."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description="Takes batches from sensors in, keeps them, and reports what they saw."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_serve(commands)
    _add_sensor(commands)
    _add_reader(commands)
    _add_rollout(commands)
    _add_import(commands)
    _add_report(commands)
    _add_export(commands)
    _add_examples(commands)
    _add_check(commands)
    _add_rebuild(commands)
    _add_upkeep(commands)
    _add_backup(commands)
    _add_migrate(commands)
    _add_completion(commands)
    return parser


if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no public name


def _add_serve(commands: _Commands) -> None:
    parser = commands.add_parser("serve", help="take batches in until SIGTERM, which drains")
    _add_config(parser)
    parser.add_argument("--ready-file", type=Path, metavar="PATH", help="write the URL here once it listens")
    parser.set_defaults(run=_serve)


def _add_sensor(commands: _Commands) -> None:
    parser = commands.add_parser("sensor", help="register sensors, and see or change what is registered")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")

    add = actions.add_parser("add", help="register a sensor; prints its token once, as the last word")
    add.add_argument("id", metavar="ID", help="a to z, 0 to 9, '.', '_' and '-'; 63 at most")
    _add_config(add)
    add.add_argument(
        "--monitored",
        nargs="+",
        action="extend",
        required=True,
        metavar="CIDR",
        help="the networks whose traffic it records",
    )
    add.add_argument(
        "--group", nargs="+", action="extend", default=[], metavar="NAME", help="groups it belongs to"
    )
    add.add_argument(
        "--since",
        metavar="DATE",
        help="it has monitored them since this day (YYYY-MM-DD in report.timezone) or moment (ISO 8601 with "
        "offset); without: always, so that captures of any time can be replayed",
    )
    _add_json(add)
    add.set_defaults(run=_sensor_add)

    enrol = actions.add_parser(
        "enrol", help="make a one-time code by which the sensor enrols; prints it once, as the last word"
    )
    enrol.add_argument("id", metavar="ID")
    _add_config(enrol)
    enrol.add_argument(
        "--hours",
        type=_hours,
        default=CODE_LIFETIME_NS // _HOUR_NS,
        metavar="N",
        help="how long it holds (default: %(default)s)",
    )
    _add_json(enrol)
    enrol.set_defaults(run=_sensor_enrol)

    listing = actions.add_parser("list", help="every sensor, with its groups and networks")
    _add_config(listing)
    _add_json(listing)
    listing.set_defaults(run=_sensor_list)

    disable = actions.add_parser("disable", help="refuse a sensor from now on; what it sent stays")
    disable.add_argument("id", metavar="ID")
    _add_config(disable)
    disable.set_defaults(run=_sensor_disable)

    rotate = actions.add_parser("rotate", help="a new token; the one before holds for a day more")
    rotate.add_argument("id", metavar="ID")
    _add_config(rotate)
    _add_json(rotate)
    rotate.set_defaults(run=_sensor_rotate)


def _add_reader(commands: _Commands) -> None:
    parser = commands.add_parser("reader", help="say whose programs may ask the door how the sensors stand")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="let a reader in; prints its token once, as the last word")
    add.add_argument("name", metavar="NAME", help="a to z, 0 to 9, '.', '_' and '-'; 63 at most")
    _add_config(add)
    _add_json(add)
    add.set_defaults(run=_reader_add)
    listing_of_readers = actions.add_parser("list", help="every reader, and since when")
    _add_config(listing_of_readers)
    _add_json(listing_of_readers)
    listing_of_readers.set_defaults(run=_reader_list)
    remove = actions.add_parser("remove", help="refuse a reader from now on")
    remove.add_argument("name", metavar="NAME")
    _add_config(remove)
    remove.set_defaults(run=_reader_remove)


def _add_rollout(commands: _Commands) -> None:
    parser = commands.add_parser("rollout", help="bring a signed release to sensors, in stages")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    start = actions.add_parser("start", help="begin; the last word printed is its number")
    start.add_argument("file", type=Path, metavar="FILE", help="the release, signed: teiten-BOARD.raucb")
    _add_config(start)
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
    _add_config(listing)
    _add_json(listing)
    listing.set_defaults(run=_rollout_list)
    stop = actions.add_parser("stop", help="offer it to nobody any more")
    stop.add_argument("number", type=int, metavar="NUMBER")
    _add_config(stop)
    stop.set_defaults(run=_rollout_stop)
    resume = actions.add_parser("resume", help="go on with one that was stopped")
    resume.add_argument("number", type=int, metavar="NUMBER")
    _add_config(resume)
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


def _add_import(commands: _Commands) -> None:
    parser = commands.add_parser("import", help="bring in batches from files, as from the network")
    _add_config(parser)
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="DIRECTORY|FILE",
        help=f"batches as the spool of an agent exports them; of a directory every *{BATCH_SUFFIX}",
    )
    _add_json(parser)
    parser.set_defaults(run=_import)


def _add_report(commands: _Commands) -> None:
    parser = commands.add_parser("report", help="what the sensors saw in a period, against another")
    _add_config(parser)
    parser.add_argument(
        "--period",
        required=True,
        metavar="PERIOD",
        help="2009-08-12, 2009-W33, 2009-08, 2009-Q3, 2009, or FROM..TO of these, TO included",
    )
    parser.add_argument("--compare", metavar="PERIOD", help="without: the period of the same length before")
    parser.add_argument(
        "--bulletins",
        type=Path,
        metavar="FILE",
        help="TOML or CSV: bulletins whose ports are looked at before and after",
    )
    parser.add_argument("--lang", choices=get_args(Language), help="without: report.language")
    parser.add_argument(
        "--format", choices=[form.value for form in Form], default=Form.TEXT.value, help="without: text"
    )
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="as --format json")
    parser.add_argument("-o", "--output", type=Path, metavar="PATH", help="without: standard output")
    parser.add_argument(
        "--tables", type=Path, metavar="DIRECTORY", help="also write every table here as CSV, unrounded"
    )
    parser.set_defaults(run=_report)


def _add_export(commands: _Commands) -> None:
    parser = commands.add_parser(
        "export", help="what the sensors saw, for others: monitored addresses encrypted or left out"
    )
    _add_config(parser)
    parser.add_argument("--period", required=True, metavar="PERIOD", help="as of report")
    parser.add_argument(
        "--format",
        required=True,
        choices=[form.value for form in export.Form],
        help="flowtuple: Parquet in the columns of CAIDA's FlowTuple; csv: the same as text; dshield: "
        "DShield's log format; stix: STIX 2.1 sightings of sources",
    )
    parser.add_argument(
        "--addresses",
        choices=("anonymised", "omitted"),
        default="anonymised",
        help="monitored addresses: encrypted so that prefixes stay prefixes (without it), or left out",
    )
    parser.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="32 bytes; without: the store's own, made at the first export",
    )
    parser.add_argument(
        "--group", nargs="+", action="extend", default=[], metavar="NAME", help="without: every sensor"
    )
    parser.add_argument(
        "--user", type=int, default=0, metavar="NUMBER", help="of dshield: the sender's number"
    )
    parser.add_argument(
        "--sources",
        type=int,
        default=1_000,
        metavar="NUMBER",
        help="of stix: how many, those with most packets",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="PATH", help="without: standard output")
    _add_json(parser)
    parser.set_defaults(run=_export)


def _add_examples(commands: _Commands) -> None:
    parser = commands.add_parser("examples", help="payloads that signatures detected, the newest first")
    _add_config(parser)
    parser.add_argument("--period", required=True, metavar="PERIOD", help="as of report")
    parser.add_argument("--signature", type=int, metavar="SID", help="without: every signature")
    parser.add_argument(
        "--group", nargs="+", action="extend", default=[], metavar="NAME", help="without: every sensor"
    )
    parser.add_argument("--most", type=int, default=100, metavar="NUMBER", help="how many at most")
    _add_json(parser)
    parser.set_defaults(run=_examples)


def _add_check(commands: _Commands) -> None:
    parser = commands.add_parser(
        "check", help="hold journal, ledger and tables against one another, and say what was not observed"
    )
    _add_config(parser)
    parser.add_argument("--journal", action="store_true", help="also read every batch in the journal again")
    _add_json(parser)
    parser.set_defaults(run=_check)


def _add_rebuild(commands: _Commands) -> None:
    parser = commands.add_parser("rebuild", help="make days of the tables again from the journal")
    _add_config(parser)
    parser.add_argument(
        "--period", required=True, metavar="PERIOD", help="as of report; the UTC days that it touches"
    )
    _add_json(parser)
    parser.set_defaults(run=_rebuild)


def _add_upkeep(commands: _Commands) -> None:
    parser = commands.add_parser(
        "upkeep",
        help="one turn of what serve does meanwhile: join and remove files, count months that are over",
    )
    _add_config(parser)
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
    _add_json(parser)
    parser.set_defaults(run=_upkeep)


def _add_backup(commands: _Commands) -> None:
    parser = commands.add_parser("backup", help="copy the store, whole, also while serve runs")
    _add_config(parser)
    parser.add_argument(
        "directory", type=Path, metavar="DIRECTORY", help="where to; it must not be there yet"
    )
    _add_json(parser)
    parser.set_defaults(run=_backup)


def _add_migrate(commands: _Commands) -> None:
    parser = commands.add_parser("migrate", help="bring the database up to this program's version")
    _add_config(parser)
    parser.set_defaults(run=_migrate)


def _add_completion(commands: _Commands) -> None:
    parser = commands.add_parser("completion", help="print a script that completes commands in a shell")
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    parser.set_defaults(run=_completion)


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", required=True, type=Path, metavar="PATH", help="the collector's TOML file"
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")


def _serve(options: argparse.Namespace) -> int:
    def announce(url: str) -> None:
        print(f"{PROGRAM}: listening on {url}", file=sys.stderr, flush=True)

    upkeep_command = (sys.executable, "-m", "teiten_collector", "upkeep", "--config", str(options.config))
    serve(load(options.config), announce, options.ready_file, upkeep_command)
    return ExitCode.DONE


def _sensor_add(options: argparse.Namespace) -> int:
    config = load(options.config)
    since_ns = 0 if options.since is None else _moment(options.since, config.report.zone)
    with _store(config) as store:
        token = store.registry.add(options.id, options.monitored, options.group, from_ns=since_ns)
    if options.json:
        _print_json({"sensor": options.id, "token": token})
        return ExitCode.DONE
    since = "always" if options.since is None else f"since {options.since}"
    print(f"sensor {options.id} is registered for {', '.join(options.monitored)}, {since}")
    print(f"its token, which is shown only now: {token}")
    return ExitCode.DONE


def _sensor_enrol(options: argparse.Namespace) -> int:
    with _store(load(options.config)) as store:
        code, ends_ns = store.enrolments.issue(options.id, lifetime_ns=options.hours * _HOUR_NS)
    if options.json:
        _print_json({"sensor": options.id, "code": code, "until": iso(ends_ns)})
        return ExitCode.DONE
    print(f"sensor {options.id} may enrol once until {iso(ends_ns)}")
    print(f"its code, which is shown only now: {code}")
    return ExitCode.DONE


def _sensor_list(options: argparse.Namespace) -> int:
    with _store(load(options.config)) as store:
        if options.json:
            _print_json(listing(store, store.contacts.list(), time.time_ns()))
            return ExitCode.DONE
        found = list(standings(store.registry.list(), store.contacts.list(), time.time_ns()))
        told = store.fleet.conditions()
    for standing in found:
        sensor = standing.sensor
        groups = f" [{', '.join(sensor.groups)}]" if sensor.groups else ""
        print(f"{sensor.id} {' '.join(standing.states)}{groups}")
        for said in standing.said:
            print(f"  -> {said}")
        heard_ns = standing.contact.heard_ns
        if heard_ns:
            offset_ns = standing.contact.offset_ns
            clock = "" if offset_ns is None else f", its clock {offset_ns / 1e9:+.1f} s"
            print(f"  last heard {iso(heard_ns)}{clock}")
        if standing.contact.observed_to_ns:
            print(f"  observed until {iso(standing.contact.observed_to_ns)}")
        if sensor.id in told:
            print(f"  {_condition(told[sensor.id])}")
        for registration in sensor.registrations:
            start = "always" if registration.from_ns == 0 else f"since {iso(registration.from_ns)}"
            end = "" if registration.to_ns is None else f" until {iso(registration.to_ns)}"
            print(f"  {registration.network} {start}{end}")
    if not found:
        print(f"no sensor is registered; {PROGRAM} sensor add registers one", file=sys.stderr)
    return ExitCode.DONE


def _condition(told: Told) -> str:
    condition = told.condition
    slot = f", slot {condition.slot}" if condition.slot else ""
    capturing = "" if condition.capturing else ", not capturing"
    rules = f", rules of generation {condition.generation}" if condition.generation else ""
    if condition.settings_generation:
        rules += f", settings of generation {condition.settings_generation}"
    tried = f", release {condition.release[:16]} {condition.outcome}" if condition.release else ""
    said = f" ({condition.said})" if condition.said else ""
    return f"runs {condition.version}{slot}{capturing}{rules}{tried}{said}"


def _reader_add(options: argparse.Namespace) -> int:
    with _store(load(options.config)) as store:
        token = store.readers.add(options.name)
    if options.json:
        _print_json({"reader": options.name, "token": token})
        return ExitCode.DONE
    print(f"reader {options.name} may ask GET /v1/sensors")
    print(f"its token, which is shown only now: {token}")
    return ExitCode.DONE


def _reader_list(options: argparse.Namespace) -> int:
    with _store(load(options.config)) as store:
        found = store.readers.list()
    if options.json:
        _print_json({"readers": [{"name": one.name, "since": iso(one.created_ns)} for one in found]})
        return ExitCode.DONE
    for one in found:
        print(f"{one.name} since {iso(one.created_ns)}")
    if not found:
        print(f"there is no reader; {PROGRAM} reader add lets one in", file=sys.stderr)
    return ExitCode.DONE


def _reader_remove(options: argparse.Namespace) -> int:
    with _store(load(options.config)) as store:
        store.readers.remove(options.name)
    print(f"reader {options.name} is refused from now on")
    return ExitCode.DONE


def _sensor_disable(options: argparse.Namespace) -> int:
    with _store(load(options.config)) as store:
        store.registry.disable(options.id)
    print(f"sensor {options.id} is refused from now on; {PROGRAM} sensor rotate gives it a new token")
    return ExitCode.DONE


def _sensor_rotate(options: argparse.Namespace) -> int:
    with _store(load(options.config)) as store:
        token = store.registry.rotate(options.id)
    if options.json:
        _print_json({"sensor": options.id, "token": token})
    else:
        print(f"the new token of sensor {options.id}, which is shown only now: {token}")
    return ExitCode.DONE


def _rollout_start(options: argparse.Namespace) -> int:
    with _store(load(options.config)) as store:
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
    with _store(load(options.config)) as store:
        found = store.fleet.rollouts(time.time_ns())
        told = store.fleet.conditions()
    if options.json:
        _print_json({"rollouts": [_rollout(rollout, advance) for rollout, advance in found]})
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
    with _store(load(options.config)) as store:
        store.fleet.stop(options.number, "by hand", time.time_ns())
    print(f"roll-out {options.number} is stopped; sensors that have it keep it")
    return ExitCode.DONE


def _rollout_resume(options: argparse.Namespace) -> int:
    with _store(load(options.config)) as store:
        store.fleet.resume(options.number, options.most_failures)
    print(f"roll-out {options.number} goes on")
    return ExitCode.DONE


@dataclass(slots=True)
class _Tally:
    """What became of imported files."""

    new: int = 0
    repeated: int = 0
    refused: int = 0


def _import(options: argparse.Namespace) -> int:
    config = load(options.config)
    files = _batch_files(options.paths)
    tally = _Tally()
    with _store(config) as store:
        admission = Admission(store)
        with _progress("importing", len(files)) as advance:
            for file in files:
                _import_one(admission, file, tally)
                advance()
        open_intake(config, store).run_once()
    if options.json:
        _print_json({"new": tally.new, "repeated": tally.repeated, "refused": tally.refused})
    else:
        print(f"{tally.new} new, {tally.repeated} known already, {tally.refused} refused")
    return ExitCode.UNUSABLE_INPUT if tally.refused else ExitCode.DONE


def _import_one(admission: Admission, file: Path, tally: _Tally) -> None:
    try:
        accepted = admission.admit_file(file.read_bytes(), time.time_ns())
    except OSError as error:
        tally.refused += 1
        print(f"{PROGRAM}: {file}: cannot be read: {error.strerror}", file=sys.stderr)
    except Refusal as refusal:
        tally.refused += 1
        print(f"{PROGRAM}: {file}: {refusal.code.text}: {refusal.reason}", file=sys.stderr)
    else:
        if accepted.repeat:
            tally.repeated += 1
        else:
            tally.new += 1


def _batch_files(paths: Sequence[Path]) -> list[Path]:
    """The files meant, those of a directory in the order of their names: epoch, then sequence."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(path.rglob(f"*{BATCH_SUFFIX}"))
        elif path.is_file():
            files.append(path)
        else:
            raise InputError("no such file or directory", place=str(path))
    return files


def _report(options: argparse.Namespace) -> int:
    form = Form(options.format)
    if options.output is None and not form.is_text and sys.stdout.isatty():
        raise UsageError("is no text for a terminal", place=f"--format {form}", remedy="name a file with -o")
    config = load(options.config)
    period = parse_period(options.period, config.report.zone)
    compare = (
        period.before() if options.compare is None else parse_period(options.compare, config.report.zone)
    )
    categories = read_categories(config.report.categories)
    signatures = read_signatures(config.report.signature_lists, categories)
    bulletins = () if options.bulletins is None else read_bulletins(options.bulletins)
    question = question_of(config.report, period, compare, bulletins)
    with _store(config) as store, uncollected():
        if store.waiting():  # what was acknowledged belongs in the report
            open_intake(config, store).run_once()
        with Engine(config.store.directory, memory_megabytes=config.store.query_memory_megabytes) as engine:
            sensors = store.registry.list()
            told = country_databases(engine, sensors, (period, compare))
            if not told:  # nothing was observed: the one that would be asked
                country = CountryDatabase.open(config.geo.country_database, config.store.directory)
                told = (str(country.identity),)
            source = CountrySource("; ".join(told), credit_of(told))
            document = build_document(engine, sensors, question, source, signatures)
    _write(render(document, form, options.lang or config.report.language), options.output)
    if options.tables is not None:
        _write_tables(document, options.tables)
    return ExitCode.DONE


def _write_tables(document: Document, directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWriteError(f"cannot be made: {error.strerror}", place=str(directory)) from error
    for name, content in spreadsheets(to_content(document)):
        _write(content, directory / name)


def _export(options: argparse.Namespace) -> int:
    form = export.Form(options.format)
    if options.output is None and not form.is_text:
        raise UsageError("is no text", place=f"--format {form}", remedy="name a file with -o")
    if options.output is None and options.json:
        raise UsageError(
            "and the export would both go to standard output", place="--json", remedy="name a file with -o"
        )
    if options.sources < 1:
        raise UsageError("must be 1 or more", place="--sources")
    config = load(options.config)
    period = parse_period(options.period, config.report.zone)
    addresses: export.Addresses = export.Omitted()
    if options.addresses == "anonymised" and form is not export.Form.STIX:
        own = config.store.directory / export.KEY_FILE
        key = export.read_key(own, make=True) if options.key is None else export.read_key(options.key)
        addresses = export.Anonymised(key)
    with _store(config) as store:
        if store.waiting():
            open_intake(config, store).run_once()
        sensors = select_sensors(store.registry.list(), options.group, key="--group")
        with Engine(config.store.directory, memory_megabytes=config.store.query_memory_megabytes) as engine:
            wanted = export.Wanted(form, period, sensors, addresses, options.user, options.sources)
            rows = export.export(engine, wanted, options.output)
    if options.json:
        _print_json({"path": str(options.output), "format": form.value, "rows": rows})
    elif options.output is not None:
        print(f"{rows} {'sightings' if form is export.Form.STIX else 'rows'} in {options.output}")
    return ExitCode.DONE


def _examples(options: argparse.Namespace) -> int:
    if options.most < 1:
        raise UsageError("must be 1 or more", place="--most")
    config = load(options.config)
    period = parse_period(options.period, config.report.zone)
    with _store(config) as store:
        if store.waiting():
            open_intake(config, store).run_once()
        sensors = select_sensors(store.registry.list(), options.group, key="--group")
        with Engine(config.store.directory, memory_megabytes=config.store.query_memory_megabytes) as engine:
            found = examples(engine, period, sensors, options.signature, options.most)
    if options.json:
        _print_json(
            {
                "examples": [
                    {
                        "minute": iso(one.minute * 60_000_000_000),
                        "sensor": one.sensor,
                        "signature": one.signature,
                        "source": str(one.source),
                        "payload": one.payload.hex(),
                    }
                    for one in found
                ]
            }
        )
        return ExitCode.DONE
    for one in found:
        print(f"{iso(one.minute * 60_000_000_000)}  {one.sensor}  {one.signature}  {one.source}")
        print(f"    {one.payload.hex(' ')}")
        print(f"    {one.text}")
    return ExitCode.DONE


def _check(options: argparse.Namespace) -> int:
    config = load(options.config)
    with _store(config) as store:
        findings = [*store.check(), *(store.check_journal() if options.journal else ())]
        with Engine(config.store.directory) as engine:
            unobserved, absent = list(gaps(engine)), list(missing(engine))
            twice = list(overlaps(engine))
    if options.json:
        _print_json(
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


def _rebuild(options: argparse.Namespace) -> int:
    config = load(options.config)
    period = parse_period(options.period, config.report.zone)
    first, last = (
        datetime.fromtimestamp(moment_ns // 1_000_000_000, UTC).date()
        for moment_ns in (period.start_ns, period.end_ns - 1)
    )
    with _store(config) as store:
        open_intake(config, store).run_once()
        with _progress("rebuilding", (last - first).days + 1) as advance:
            done = rebuild(store, open_sources(config), first, last, advance)
    if options.json:
        _print_json({"days": done.days, "batches": done.batches, "rows": done.rows})
    else:
        print(f"{first} to {last}: {done.rows} rows of {done.batches} batches written again")
    return ExitCode.DONE


def _upkeep(options: argparse.Namespace) -> int:
    config = load(options.config)
    with suppress(OSError):  # a service may be kept from it
        os.nice(UPKEEP_NICENESS)
    with _store(config) as store:
        settled_seconds = 0 if options.now else SETTLED_SECONDS
        done = upkeep(store, config, options.seconds, settled_seconds=settled_seconds)
    if done is None:
        print(f"{PROGRAM}: another upkeep or a backup is under way", file=sys.stderr)
    elif options.json:
        _print_json(asdict(done))
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


def _backup(options: argparse.Namespace) -> int:
    config = load(options.config)
    with _store(config) as store:
        done = backup(store, options.directory, config.store.url)
    if options.json:
        _print_json({"directory": str(options.directory), "files": done.files, "bytes": done.size})
    else:
        print(f"{done.files} files, {done.size} bytes copied to {options.directory}")
    return ExitCode.DONE


def _migrate(options: argparse.Namespace) -> int:
    with _store(load(options.config)) as store:
        print(f"the database is of version {store.version()}")
    return ExitCode.DONE


def _completion(options: argparse.Namespace) -> int:
    try:
        import shtab  # noqa: PLC0415 - an extra that only this command needs
    except ImportError as error:
        raise UsageError(
            "completion needs the package shtab", remedy=f"install {_DISTRIBUTION}[completion]"
        ) from error
    print(shtab.complete(make_parser(), shell=options.shell))
    return ExitCode.DONE


def _store(config: CollectorConfig) -> Store:
    return Store.open(config.store.directory, config.store.url)


def _write(content: bytes, path: Path | None) -> None:
    if path is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CannotWriteError(f"cannot be written: {error.strerror}", place=str(path)) from error


def _print_json(content: dict[str, object]) -> None:
    print(json.dumps(content, ensure_ascii=False, indent=2))


def _natural(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number")
    return int(text[:9])


def _hours(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MOST_HOURS):
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number of hours, 1 to {_MOST_HOURS}")
    return int(text)


def _moment(text: str, zone: tzinfo) -> int:
    """A day (its midnight in the zone) or a moment with offset, in nanoseconds of the Unix epoch."""
    try:
        moment = datetime.fromisoformat(text)
        if len(text) == len(date.min.isoformat()):
            moment = moment.replace(tzinfo=zone)
    except ValueError as error:
        raise UsageError(f"{text!r} is no date", place="--since", remedy="write 2009-08-01") from error
    if moment.tzinfo is None:
        raise UsageError(f"{text!r} has no offset", place="--since", remedy="write 2009-08-01T00:00:00+09:00")
    return int(moment.timestamp()) * 1_000_000_000


@contextmanager
def uncollected() -> Iterator[None]:
    """Keeps the collector of cycles away from a report's many rows, which have none: a sixth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def _progress(title: str, total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on a terminal, nothing elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=total)
        yield lambda: progress.advance(task)


def _version() -> str:
    try:
        return version(_DISTRIBUTION)
    except PackageNotFoundError:
        return "0+source"
