"""The text file: written beside its place and renamed into it, so that no reader meets half of it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from teiten_agent.errors import CannotWriteError

_MODE = 0o644
"""node_exporter is another user."""


def write(path: str, text: str) -> None:
    """Put a text into the place of the one before. It is not synced: after a power cut it is written anew.

    Raises:
        CannotWriteError: Folder or file cannot be written; the text before is left.
    """
    target = Path(path)
    # node_exporter reads files that end with .prom.
    beside = target.with_name(f".{target.name}.writing")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, _MODE)
            file.write(text)
        beside.replace(target)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise CannotWriteError(
            f"metrics.textfile: {path}: cannot be written: {error.strerror or error}",
            'name a file in a folder that the agent may write, or "" for none',
        ) from error
