"""`replay`."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from teiten_agent import config
from teiten_agent.cli.arguments import add_command, config_option, json_option
from teiten_agent.cli.output import delivered, number, print_json, report_delivery, report_faults, say
from teiten_agent.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections import Counter

    from teiten_agent.cli.arguments import Commands

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def add(commands: Commands) -> None:
    """Add the command."""
    replay = add_command(
        commands, "replay", "feed captures through the path of live capture to the collector", _replay
    )
    config_option(replay)
    replay.add_argument(
        "files", nargs="+", metavar="FILE", help="a capture, a folder of captures, or - for standard input"
    )
    replay.add_argument(
        "--from",
        dest="start",
        type=_time,
        metavar="T",
        help="begin of the span that was observed, ISO 8601 with offset, such as 2009-08-01T00:00:00+09:00",
    )
    replay.add_argument("--to", dest="end", type=_time, metavar="T", help="its end (not included)")
    replay.add_argument(
        "--no-upload", dest="upload", action="store_false", help="leave the batches in the spool"
    )
    json_option(replay)


def _replay(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.replay import Request, replay  # noqa: PLC0415  # a command loads what it needs

    if (options.start is None) != (options.end is None):
        raise UsageError("--from and --to go together", "state both, or neither for first to last packet")
    span = None if options.start is None else (options.start, options.end)
    if span is not None and span[0] >= span[1]:
        raise UsageError("--from is not before --to")
    configuration = config.load(options.config)
    outcome = replay(configuration, Request(options.files, span, options.upload), say)
    if options.json:
        print_json(outcome.document())
    else:
        print(
            f"{number(outcome.captures, 'capture')}, {number(outcome.batches, 'batch')}"
            f" of epoch {outcome.epoch:016x}: {outcome.written} written,"
            f" {delivered(outcome.delivery)}, {outcome.waiting} waiting in the spool"
        )
        if outcome.counters is not None:
            print(_sum(outcome.counters))
    return max(report_faults(outcome.faults), report_delivery(outcome.delivery))


def _sum(counters: Counter[str]) -> str:
    """Where every packet is: a span or addresses that are not the captures' show here."""
    malformed = sum(count for name, count in counters.items() if name.startswith("malformed."))
    return (
        f"{counters['packets']:,} packets = {counters['counted']:,} counted"
        f" + {counters['not_monitored']:,} not monitored + {counters['outside_span']:,} outside the span"
        f" + {malformed:,} malformed"
    )


def _time(text: str) -> int:
    """Read ISO 8601 with offset as nanoseconds of Unix time."""
    example = "write it as 2009-08-01T00:00:00+09:00"
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time of ISO 8601; {example}") from error
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} lacks its offset from UTC; {example}")
    nanoseconds = (at - _EPOCH) // timedelta(microseconds=1) * 1000
    if not 0 <= nanoseconds < 1 << 63:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1970 and 2262")
    return nanoseconds
