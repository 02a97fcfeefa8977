"""What stands on the sensor itself: the core, counting, rules, spool and clock."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_agent.check.step import taken
from teiten_agent.errors import AnswerIsNoError, CannotWriteError, InternalError
from teiten_agent.observe import CountingSettings
from teiten_agent.rules import load
from teiten_agent.rules.lint import lint
from teiten_agent.spool import survey
from teiten_agent.spool.layout import MEGABYTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from teiten_agent.check.step import Step
    from teiten_agent.config import Configuration

STEPS = ("counting", "rules", "spool", "clock")

_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""Before this program existed, no clock was right."""


def steps(configuration: Configuration) -> Iterator[Step]:
    """Look at each in turn."""
    yield taken("counting", lambda: _counting(configuration))
    yield taken("rules", lambda: _rules(configuration))
    yield taken("spool", lambda: _spool(configuration))
    yield taken("clock", _clock)


def extension() -> str:
    """The compiled core.

    Raises:
        InternalError: It is a slow build.
    """
    from teiten_agent import _core  # noqa: PLC0415  # its absence is an answer of this step

    if _core.BUILD_PROFILE != "release":
        raise InternalError(
            f"the core is built with the profile {_core.BUILD_PROFILE}: it is several times slower",
            "build it with `make build`",
        )
    return f"core {_core.__version__}, {_core.BUILD_PROFILE} build"


def _counting(configuration: Configuration) -> str:
    settings = CountingSettings.of(configuration)
    settings.shared_by(configuration.capture.threads).observer()
    return f"{', '.join(settings.monitored)}; intervals of {settings.interval_seconds} s"


def _rules(configuration: Configuration) -> str:
    library = load(configuration.rules.files, configuration.rules.values())
    report = lint(library)
    left_out = len(report.diagnostics)
    more = f"; {left_out:,} are left out: see `teiten-agent rules lint FILE`" if left_out else ""
    return f"{report.usable:,} signatures in use{more}"


def _spool(configuration: Configuration) -> str:
    directory = Path(configuration.spool.directory)
    place = _existing(directory)
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"\0")
            file.flush()
            os.fsync(file.fileno())
        free = shutil.disk_usage(place).free
    except OSError as error:
        raise CannotWriteError(
            f"{directory}: cannot be written: {error.strerror or error}",
            "see to the folder's owner, its permissions and the space on its disk",
        ) from error
    status = survey(directory, configuration.spool.max_megabytes)
    missing = status.limit_bytes - status.used_bytes - free
    if missing > 0:
        raise CannotWriteError(
            f"{directory}: its disk has {free // MEGABYTE} MB left,"
            f" {missing // MEGABYTE + 1} MB short of what the spool may grow to",
            "make room, or lower spool.max_megabytes",
        )
    return (
        f"{directory}: {status.used_bytes / MEGABYTE:.1f} of {status.limit_bytes // MEGABYTE} MB used,"
        f" {status.waiting} waiting, {status.refused} refused, {status.damaged} damaged"
    )


def _existing(directory: Path) -> Path:
    """The nearest folder that is there: where the spool would be created."""
    return next((folder for folder in (directory, *directory.parents) if folder.is_dir()), Path("/"))


def _clock() -> str:
    now = datetime.now(UTC)
    if now < _EARLIEST:
        raise AnswerIsNoError(
            f"the clock says {now:%Y-%m-%d %H:%M} UTC", "set it, and run a time service (NTP)"
        )
    return f"{now:%Y-%m-%d %H:%M:%S} UTC"
