"""The command line: what can be asked, and where errors become messages and exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING

from teiten_agent import __version__
from teiten_agent.cli import configuration, counting, replaying, running, signatures, spooling
from teiten_agent.cli.arguments import Parser, add_command
from teiten_agent.cli.output import say
from teiten_agent.errors import AgentError, ExitCode, InternalError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from teiten_agent.cli.arguments import Command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read standard output has seen enough; Python would complain at exit when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    except KeyboardInterrupt:
        say("interrupted: nothing was written")
        return ExitCode.INTERRUPTED
    except AgentError as error:
        say(error.what)
        if error.remedy:
            say(f"  {error.remedy}")
        return error.code
    except Exception as error:  # noqa: BLE001  # the edge: what nobody foresaw ends with its own code, too
        if isinstance(error, OSError) and error.filename is None:
            say(f"standard output: cannot be written: {error.strerror or error}")
            return ExitCode.CANNOT_WRITE
        traceback.print_exc()
        say("this is a fault of teiten-agent: please report it with the lines above")
        return ExitCode.INTERNAL
    return code


def _run(arguments: Sequence[str] | None) -> ExitCode:
    options = parser().parse_args(arguments)
    command: Command = options.command
    try:
        return command(options)
    except ImportError as error:
        if error.name != "teiten_agent" and not (error.name or "").startswith("teiten_agent."):
            raise InternalError(
                f"a dependency is missing: {error}", "install teiten-agent with pip"
            ) from error
        raise InternalError(
            f"the compiled core cannot be loaded: {error}", "build it with `make build`, or install a wheel"
        ) from error


def parser() -> argparse.ArgumentParser:
    """The whole command line; shell completion and the man page are made from it, too."""
    top: argparse.ArgumentParser = Parser(
        prog="teiten-agent",
        description="The sensor of teiten: counts what the Internet sends to monitored addresses.",
        epilog="Exit codes: 0 done; 1 the answer is no; 2 usage; 65 unusable input; 69 collector unreachable;"
        " 70 internal; 73 cannot write; 77 missing capability; 78 configuration; 130 interrupted.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"teiten-agent {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for room in (counting, replaying, running, configuration, signatures, spooling):
        room.add(commands)
    completion = add_command(commands, "completion", "print shell completion", _completion)
    completion.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    return top


def _completion(options: argparse.Namespace) -> ExitCode:
    try:
        import shtab  # noqa: PLC0415  # optional
    except ImportError as error:
        raise UsageError(
            "shell completion needs shtab, which is not installed", "pip install 'teiten-agent[completion]'"
        ) from error
    print(shtab.complete(parser(), shell=options.shell))
    return ExitCode.DONE
