"""The command line: reads arguments, calls, prints, turns errors into exit codes; nothing is decided here."""

from __future__ import annotations

import logging
import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from teiten_collector.cli import importing, keeping, readers, reporting, rollouts, sensors, serving
from teiten_collector.cli.arguments import Parser
from teiten_collector.cli.output import PROGRAM
from teiten_collector.errors import CollectorError, ExitCode, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from teiten_collector.cli.arguments import Commands

_DISTRIBUTION = "teiten-agent"


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
    parser: argparse.ArgumentParser = Parser(
        prog=PROGRAM, description="Takes batches from sensors in, keeps them, and reports what they saw."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for room in (serving, sensors, readers, rollouts, importing, reporting, keeping):
        room.add(commands)
    _add_completion(commands)
    return parser


def _add_completion(commands: Commands) -> None:
    parser = commands.add_parser("completion", help="print a script that completes commands in a shell")
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    parser.set_defaults(run=_completion)


def _completion(options: argparse.Namespace) -> int:
    try:
        import shtab  # noqa: PLC0415 - an extra that only this command needs
    except ImportError as error:
        raise UsageError(
            "completion needs the package shtab", remedy=f"install {_DISTRIBUTION}[completion]"
        ) from error
    print(shtab.complete(make_parser(), shell=options.shell))
    return ExitCode.DONE


def _version() -> str:
    try:
        return version(_DISTRIBUTION)
    except PackageNotFoundError:
        return "0+source"
