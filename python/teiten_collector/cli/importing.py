"""`import`: batches from files."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_collector.cli import PROGRAM
from teiten_collector.cli.arguments import add_config, add_json, open_store
from teiten_collector.cli.output import print_json, progress
from teiten_collector.config import load
from teiten_collector.door import Admission, Refusal
from teiten_collector.errors import ExitCode, InputError
from teiten_collector.service import open_intake

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from teiten_collector.cli.arguments import Commands

BATCH_SUFFIX = ".batch"


def add(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser("import", help="bring in batches from files, as from the network")
    add_config(parser)
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="DIRECTORY|FILE",
        help=f"batches as the spool of an agent exports them; of a directory every *{BATCH_SUFFIX}",
    )
    add_json(parser)
    parser.set_defaults(run=_import)


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
    with open_store(config) as store:
        admission = Admission(store)
        with progress("importing", len(files)) as advance:
            for file in files:
                _import_one(admission, file, tally)
                advance()
        open_intake(config, store).run_once()
    if options.json:
        print_json({"new": tally.new, "repeated": tally.repeated, "refused": tally.refused})
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
