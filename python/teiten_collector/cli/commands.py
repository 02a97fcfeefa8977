"""Everything that can be asked."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from teiten_collector.cli import PROGRAM, importing, keeping, readers, reporting, rollouts, sensors, serving
from teiten_collector.cli.arguments import Parser
from teiten_collector.errors import ExitCode, UsageError

if TYPE_CHECKING:
    import argparse

    from teiten_collector.cli.arguments import Commands

_DISTRIBUTION = "teiten-agent"


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
