"""The command line: reads arguments, calls, prints, turns errors into exit codes; nothing is decided here."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

from teiten_collector.errors import CollectorError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "teiten-collector"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    try:
        return _run(arguments)
    except CollectorError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone; nothing more can be said, and nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE


def _run(arguments: Sequence[str] | None) -> int:
    from teiten_collector.cli.commands import make_parser  # noqa: PLC0415  # takes a second, in which one may interrupt

    options = make_parser().parse_args(arguments)
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("teiten_collector").setLevel(logging.INFO)
    exit_code: int = options.run(options)
    return exit_code
