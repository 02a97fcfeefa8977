"""`serve`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_collector.cli import PROGRAM
from teiten_collector.cli.arguments import add_config
from teiten_collector.config import load
from teiten_collector.errors import ExitCode
from teiten_collector.service import serve

if TYPE_CHECKING:
    import argparse

    from teiten_collector.cli.arguments import Commands


def add(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser("serve", help="take batches in until SIGTERM, which drains")
    add_config(parser)
    parser.add_argument("--ready-file", type=Path, metavar="PATH", help="write the URL here once it listens")
    parser.set_defaults(run=_serve)


def _serve(options: argparse.Namespace) -> int:
    def announce(url: str) -> None:
        print(f"{PROGRAM}: listening on {url}", file=sys.stderr, flush=True)

    upkeep_command = (sys.executable, "-m", "teiten_collector", "upkeep", "--config", str(options.config))
    serve(load(options.config), announce, options.ready_file, upkeep_command)
    return ExitCode.DONE
