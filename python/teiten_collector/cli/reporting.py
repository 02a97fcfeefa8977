"""`report`, `export` and `examples`: what the sensors saw."""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from teiten_collector import export
from teiten_collector.accounting import iso
from teiten_collector.analysis.bulletins import read_bulletins
from teiten_collector.analysis.categories import read_categories, read_signatures
from teiten_collector.analysis.examples import examples
from teiten_collector.analysis.periods import parse_period
from teiten_collector.analysis.provenance import country_databases
from teiten_collector.analysis.scope import select_sensors
from teiten_collector.cli.arguments import add_config, add_json, open_store
from teiten_collector.cli.output import print_json, write
from teiten_collector.config import Language, load
from teiten_collector.enrich import CountryDatabase, credit_of
from teiten_collector.errors import CannotWriteError, ExitCode, UsageError
from teiten_collector.report import CountrySource, Document, Form, build_document, question_of, render
from teiten_collector.report.content import to_content
from teiten_collector.report.spreadsheets import spreadsheets
from teiten_collector.service import open_intake
from teiten_collector.store import Engine

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from teiten_collector.cli.arguments import Commands


def add(commands: Commands) -> None:
    """Adds the commands."""
    _add_report(commands)
    _add_export(commands)
    _add_examples(commands)


def _add_report(commands: Commands) -> None:
    parser = commands.add_parser("report", help="what the sensors saw in a period, against another")
    add_config(parser)
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
    with open_store(config) as store, uncollected():
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
    write(render(document, form, options.lang or config.report.language), options.output)
    if options.tables is not None:
        _write_tables(document, options.tables)
    return ExitCode.DONE


def _write_tables(document: Document, directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWriteError(f"cannot be made: {error.strerror}", place=str(directory)) from error
    for name, content in spreadsheets(to_content(document)):
        write(content, directory / name)


@contextmanager
def uncollected() -> Iterator[None]:
    """Keeps the collector of cycles away from a report's many rows, which have none: a sixth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _add_export(commands: Commands) -> None:
    parser = commands.add_parser(
        "export", help="what the sensors saw, for others: monitored addresses encrypted or left out"
    )
    add_config(parser)
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
    add_json(parser)
    parser.set_defaults(run=_export)


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
    with open_store(config) as store:
        if store.waiting():
            open_intake(config, store).run_once()
        sensors = select_sensors(store.registry.list(), options.group, key="--group")
        with Engine(config.store.directory, memory_megabytes=config.store.query_memory_megabytes) as engine:
            wanted = export.Wanted(form, period, sensors, addresses, options.user, options.sources)
            rows = export.export(engine, wanted, options.output)
    if options.json:
        print_json({"path": str(options.output), "format": form.value, "rows": rows})
    elif options.output is not None:
        print(f"{rows} {'sightings' if form is export.Form.STIX else 'rows'} in {options.output}")
    return ExitCode.DONE


def _add_examples(commands: Commands) -> None:
    parser = commands.add_parser("examples", help="payloads that signatures detected, the newest first")
    add_config(parser)
    parser.add_argument("--period", required=True, metavar="PERIOD", help="as of report")
    parser.add_argument("--signature", type=int, metavar="SID", help="without: every signature")
    parser.add_argument(
        "--group", nargs="+", action="extend", default=[], metavar="NAME", help="without: every sensor"
    )
    parser.add_argument("--most", type=int, default=100, metavar="NUMBER", help="how many at most")
    add_json(parser)
    parser.set_defaults(run=_examples)


def _examples(options: argparse.Namespace) -> int:
    if options.most < 1:
        raise UsageError("must be 1 or more", place="--most")
    config = load(options.config)
    period = parse_period(options.period, config.report.zone)
    with open_store(config) as store:
        if store.waiting():
            open_intake(config, store).run_once()
        sensors = select_sensors(store.registry.list(), options.group, key="--group")
        with Engine(config.store.directory, memory_megabytes=config.store.query_memory_megabytes) as engine:
            found = examples(engine, period, sensors, options.signature, options.most)
    if options.json:
        print_json(
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
