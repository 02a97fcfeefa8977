"""`reader`: whose programs may ask how the sensors stand."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from teiten_collector.accounting import iso
from teiten_collector.cli import PROGRAM
from teiten_collector.cli.arguments import add_config, add_json, open_store
from teiten_collector.cli.output import print_json
from teiten_collector.config import load
from teiten_collector.errors import ExitCode

if TYPE_CHECKING:
    import argparse

    from teiten_collector.cli.arguments import Commands


def add(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser("reader", help="say whose programs may ask the door how the sensors stand")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="let a reader in; prints its token once, as the last word")
    add.add_argument("name", metavar="NAME", help="a to z, 0 to 9, '.', '_' and '-'; 63 at most")
    add_config(add)
    add_json(add)
    add.set_defaults(run=_reader_add)
    listing_of_readers = actions.add_parser("list", help="every reader, and since when")
    add_config(listing_of_readers)
    add_json(listing_of_readers)
    listing_of_readers.set_defaults(run=_reader_list)
    remove = actions.add_parser("remove", help="refuse a reader from now on")
    remove.add_argument("name", metavar="NAME")
    add_config(remove)
    remove.set_defaults(run=_reader_remove)


def _reader_add(options: argparse.Namespace) -> int:
    with open_store(load(options.config)) as store:
        token = store.readers.add(options.name)
    if options.json:
        print_json({"reader": options.name, "token": token})
        return ExitCode.DONE
    print(f"reader {options.name} may ask GET /v1/sensors")
    print(f"its token, which is shown only now: {token}")
    return ExitCode.DONE


def _reader_list(options: argparse.Namespace) -> int:
    with open_store(load(options.config)) as store:
        found = store.readers.list()
    if options.json:
        print_json({"readers": [{"name": one.name, "since": iso(one.created_ns)} for one in found]})
        return ExitCode.DONE
    for one in found:
        print(f"{one.name} since {iso(one.created_ns)}")
    if not found:
        print(f"there is no reader; {PROGRAM} reader add lets one in", file=sys.stderr)
    return ExitCode.DONE


def _reader_remove(options: argparse.Namespace) -> int:
    with open_store(load(options.config)) as store:
        store.readers.remove(options.name)
    print(f"reader {options.name} is refused from now on")
    return ExitCode.DONE
