"""Event lines of the service on standard error, one event a line: `key=value` (logfmt), or a JSON object."""

from __future__ import annotations

import json
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from enum import Enum
from typing import TextIO


class Level(Enum):
    """How much an event matters."""

    INFO = "info"
    WARNING = "warning"


class Log:
    """Where events go; threads may share it."""

    def __init__(self, stream: TextIO | None = None, *, as_json: bool = False) -> None:
        """Write to a stream, by default standard error."""
        self._stream = sys.stderr if stream is None else stream
        self._as_json = as_json
        self._lock = threading.Lock()

    def info(self, event: str, **fields: object) -> None:
        """Something happened that belongs to the service's work."""
        self._write(Level.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Something happened that someone should see to."""
        self._write(Level.WARNING, event, fields)

    def _write(self, level: Level, event: str, fields: dict[str, object]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        known = {"time": now, "level": level.value, "event": event, **fields}
        line = _json(known) if self._as_json else _logfmt(known)
        # Where the log cannot be written (a full disk, a reader that is gone), the service goes on.
        with self._lock, suppress(OSError):
            self._stream.write(line + "\n")
            self._stream.flush()


def _logfmt(fields: dict[str, object]) -> str:
    return " ".join(f"{key}={_quoted(str(value))}" for key, value in fields.items())


def _json(fields: dict[str, object]) -> str:
    """Numbers and truth stay what they are; everything else becomes text."""
    plain = {
        key: value if isinstance(value, bool | int | float) else str(value) for key, value in fields.items()
    }
    return json.dumps(plain, ensure_ascii=False)


def _quoted(text: str) -> str:
    """A value as it is where that is plain, else as a JSON string."""
    plain = text.isascii() and text.isprintable() and text and not set(text) & set(' "=\\')
    return text if plain else json.dumps(text, ensure_ascii=False)
