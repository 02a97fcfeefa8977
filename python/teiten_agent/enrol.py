"""Enrolling: a one-time code for a token that this sensor makes itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_agent.errors import CannotWriteError
from teiten_agent.uplink import Uplink
from teiten_protocol.enrolment import new_token

if TYPE_CHECKING:
    from teiten_agent.config import Configuration


def enrol(configuration: Configuration, code: str) -> None:
    """Have the collector take this sensor's token.

    The token is in `uplink.token_file`, and made there if there is none, before the collector is asked: cut
    short at any place, it may be done again with the same code.

    Raises:
        AgentError: As `Uplink` and `Uplink.enrol`.
        CannotWriteError: The token cannot be written.
    """
    if configuration.uplink.collector:
        _make_token(Path(configuration.uplink.token_file))
    Uplink(configuration.uplink).enrol(configuration.sensor.id, code)


def _make_token(path: Path) -> None:
    if path.exists():
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(f"{new_token()}\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise CannotWriteError(
            f"{path}: cannot be written: {error.strerror or error}",
            "enrol as a user who may write there, and give the file to the agent's user",
        ) from error
