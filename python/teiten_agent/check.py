"""`teiten-agent check`: builds everything, starts nothing, and says how to mend what does not work."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_agent import config
from teiten_agent.errors import AgentError, AnswerIsNoError, CannotWriteError, ExitCode, InternalError
from teiten_agent.live import check_filter, open_source
from teiten_agent.observe import CountingSettings
from teiten_agent.rules import load
from teiten_agent.rules.lint import lint
from teiten_agent.spool import survey
from teiten_agent.spool.layout import MEGABYTE
from teiten_agent.uplink import Uplink, read_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from teiten_agent.config import Configuration

_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""Before this program existed, no clock was right."""

_MOST_SECONDS_APART = 60.0
"""A clock this far from the collector's puts packets into wrong minutes."""


class State(Enum):
    """How a step went."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the check.

    Attributes:
        name: What was looked at.
        state: How it went.
        said: What was found, or what is wrong.
        remedy: What to do about it.
        code: The exit code that this step calls for.
    """

    name: str
    state: State
    said: str
    remedy: str = ""
    code: ExitCode = ExitCode.DONE

    def document(self) -> dict[str, object]:
        """The step as `check --json` prints it."""
        return {"name": self.name, "state": self.state.value, "said": self.said, "remedy": self.remedy}


def check(path: str) -> list[Step]:
    """Go through everything that the agent needs; later steps run even if earlier ones fail."""
    steps = [_step("extension", _extension)]
    try:
        configuration = config.load(path)
    except AgentError as error:
        steps.append(_failed("configuration", error))
        steps += [
            Step(name, State.SKIPPED, "needs the configuration")
            for name in ("counting", "rules", "filter", "capture", "spool", "clock", "token", "collector")
        ]
        return steps
    steps.append(Step("configuration", State.OK, path))
    steps.append(_step("counting", lambda: _counting(configuration)))
    steps.append(_step("rules", lambda: _rules(configuration)))
    steps += _live(configuration)
    steps.append(_step("spool", lambda: _spool(configuration)))
    steps.append(_step("clock", _clock))
    if not configuration.uplink.collector:
        nowhere = "uplink.collector is empty: batches stay in the spool until they are exported"
        return [*steps, Step("token", State.SKIPPED, nowhere), Step("collector", State.SKIPPED, nowhere)]
    steps.append(_step("token", lambda: _token(configuration)))
    steps.append(
        _step("collector", lambda: _collector(configuration))
        if steps[-1].state is State.OK
        else Step("collector", State.SKIPPED, "needs the token")
    )
    return steps


def exit_code(steps: list[Step]) -> ExitCode:
    """The code of the first step that failed."""
    return next((step.code for step in steps if step.state is State.FAILED), ExitCode.DONE)


def _step(name: str, look: Callable[[], str]) -> Step:
    try:
        return Step(name, State.OK, look())
    except AgentError as error:
        return _failed(name, error)


def _failed(name: str, error: AgentError) -> Step:
    return Step(name, State.FAILED, error.what, error.remedy, error.code)


def _extension() -> str:
    from teiten_agent import _core  # noqa: PLC0415  # its absence is an answer of this step

    if _core.BUILD_PROFILE != "release":
        raise InternalError(
            f"the core is built with the profile {_core.BUILD_PROFILE}: it is several times slower",
            "build it with `make build`",
        )
    return f"core {_core.__version__}, {_core.BUILD_PROFILE} build"


def _counting(configuration: Configuration) -> str:
    settings = CountingSettings.of(configuration)
    settings.observer()
    return f"{', '.join(settings.monitored)}; intervals of {settings.interval_seconds} s"


def _rules(configuration: Configuration) -> str:
    library = load(configuration.rules.files, configuration.rules.values())
    report = lint(library)
    left_out = len(report.diagnostics)
    more = f"; {left_out:,} are left out: see `teiten-agent rules lint FILE`" if left_out else ""
    return f"{report.usable:,} signatures in use{more}"


def _live(configuration: Configuration) -> list[Step]:
    capture = configuration.capture
    if not capture.interface:
        nothing = "capture.interface is empty: this configuration replays only"
        return [Step(name, State.SKIPPED, nothing) for name in ("filter", "capture")]
    return [
        _step("filter", lambda: check_filter(capture)),
        _step("capture", lambda: _capture(configuration)),
    ]


def _capture(configuration: Configuration) -> str:
    open_source(configuration.capture).close()
    return f"{configuration.capture.interface}: can be captured from by {configuration.capture.source}"


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


def _token(configuration: Configuration) -> str:
    read_token(configuration.uplink.token_file)
    return configuration.uplink.token_file


def _collector(configuration: Configuration) -> str:
    at = Uplink(configuration.uplink).health().at
    if at is None:
        return f"{configuration.uplink.collector} answers"
    apart = (datetime.now(UTC) - at).total_seconds()
    if abs(apart) > _MOST_SECONDS_APART:
        raise AnswerIsNoError(
            f"{configuration.uplink.collector} answers, but its clock is {abs(apart):.0f} s"
            f" {'behind' if apart > 0 else 'ahead of'} this one",
            "run a time service (NTP) on both",
        )
    return f"{configuration.uplink.collector} answers; clocks agree"
