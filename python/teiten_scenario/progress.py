"""A progress bar on a terminal, for whatever takes longer than two seconds."""

import sys
import time
from typing import Final

_QUIET_SECONDS: Final = 2.0
_REDRAW_SECONDS: Final = 0.2
_WIDTH: Final = 30


class Progress:
    """One line on standard error, silent where that is no terminal."""

    def __init__(self, label: str, total: int) -> None:
        """Name the work and its size."""
        self._label = label
        self._total = max(total, 1)
        self._next_draw = time.monotonic() + _QUIET_SECONDS
        self._drawn = False

    def update(self, done: int) -> None:
        """Tell how much is done."""
        if not sys.stderr.isatty() or time.monotonic() < self._next_draw:
            return
        self._next_draw = time.monotonic() + _REDRAW_SECONDS
        self._drawn = True
        part = min(done / self._total, 1.0)
        filled = round(part * _WIDTH)
        sys.stderr.write(f"\r\x1b[K{self._label} [{'#' * filled}{'.' * (_WIDTH - filled)}] {part:4.0%}")
        sys.stderr.flush()

    def close(self) -> None:
        """Wipe the line."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
