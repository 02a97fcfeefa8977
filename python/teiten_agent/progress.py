"""A progress bar on a terminal, for whatever takes longer than two seconds."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_QUIET_SECONDS = 2.0
_REDRAW_SECONDS = 0.2
_WIDTH = 30


class Progress:
    """One line on standard error that redraws itself; silent where standard error is no terminal.

    Use as a context manager; the line is wiped at the end, so that what is printed next starts clean.
    """

    def __init__(
        self,
        label: str,
        total: int,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Name the work and its size in any unit; a total of 0 shows the amount done alone."""
        self._clock = clock
        self._label = label
        self._total = total
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._next_draw = clock() + _QUIET_SECONDS
        self._drawn = False

    def __enter__(self) -> Self:
        """Start; nothing is drawn before two seconds have passed."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wipe the line."""
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def update(self, done: int) -> None:
        """Tell how much is done; cheap enough to call as often as one likes."""
        if not self._terminal or self._clock() < self._next_draw:
            return
        self._next_draw = self._clock() + _REDRAW_SECONDS
        self._drawn = True
        if self._total > 0:
            part = min(done / self._total, 1.0)
            filled = round(part * _WIDTH)
            amount = f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {part:4.0%}"
        else:
            amount = f"{done:,}"
        self._stream.write(f"\r\x1b[K{self._label} {amount}")
        self._stream.flush()
