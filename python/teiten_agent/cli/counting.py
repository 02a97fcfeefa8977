"""`count`."""

from __future__ import annotations

import argparse
import ipaddress
from typing import TYPE_CHECKING

from teiten_agent.cli.arguments import add_command, json_option, positive, variable_option
from teiten_agent.cli.output import print_json, report_faults, say

if TYPE_CHECKING:
    from teiten_agent.cli.arguments import Commands
    from teiten_agent.errors import ExitCode
    from teiten_agent.rules import Library


def add(commands: Commands) -> None:
    """Add the command."""
    count = add_command(commands, "count", "tally captures; no configuration needed", _count)
    count.add_argument(
        "files", nargs="+", metavar="FILE", help="a capture, a folder of captures, or - for standard input"
    )
    count.add_argument(
        "--monitored",
        action="append",
        default=[],
        type=_network,
        metavar="CIDR",
        help="count only packets to this network (repeatable; default: every destination)",
    )
    count.add_argument(
        "--top", type=positive, default=20, metavar="N", help="keys in the table (default: %(default)s)"
    )
    rules = count.add_mutually_exclusive_group()
    rules.add_argument(
        "--rules",
        action="append",
        default=[],
        metavar="FILE",
        help="rules in the place of the built-in set (repeatable)",
    )
    rules.add_argument(
        "--no-rules",
        action="store_true",
        help="count without looking for signatures: several times as fast",
    )
    variable_option(count)
    count.add_argument(
        "--threads",
        type=positive,
        metavar="N",
        help="most threads to count plain pcap files on, without rules; no sum depends on it"
        " (default: a thread a core)",
    )
    json_option(count)


def _count(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.count import Asked, available_cores, count, table  # noqa: PLC0415  # a command loads what it needs

    library = None if options.no_rules else _counting_rules(options)
    threads = options.threads or available_cores()
    result = count(Asked(options.files, options.monitored, library, threads), say)
    if options.json:
        print_json(result.totals.document())
    else:
        print(table(result.totals, options.top, library))
    return report_faults(result.faults)


def _counting_rules(options: argparse.Namespace) -> Library:
    from teiten_agent.rules import builtin, load  # noqa: PLC0415  # a command loads what it needs

    variables = dict(options.variables)
    library = load(options.rules, variables, with_builtin=False) if options.rules else builtin()
    if left_out := len(library.core.diagnostics()):
        say(f"{left_out:,} rules are left out: `teiten-agent rules lint {' '.join(options.rules)}` says why")
    return library


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; write it as 198.51.100.0/28 or 2001:db8::/64") from error
