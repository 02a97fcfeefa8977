"""Where the metrics of a run are shown, as `[metrics]` says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from teiten_agent.config.kinds import split_port
from teiten_agent.errors import CannotWriteError
from teiten_agent.metrics import textfile
from teiten_agent.metrics.exposition import exposition

if TYPE_CHECKING:
    from teiten_agent.config import Configuration
    from teiten_agent.log import Log
    from teiten_agent.metrics.loopback import MetricsServer
    from teiten_agent.metrics.meters import Meters

_WRITE_SECONDS = 15.0
"""Between two writings: as often as Prometheus usually comes by."""


class Exhibit:
    """The text file and the port. One thread uses it; what fails here is said and stops nothing."""

    def __init__(self, configuration: Configuration, meters: Meters, log: Log) -> None:
        """Name the parts; nothing is opened."""
        self.meters = meters
        self._textfile = configuration.metrics.textfile
        self._listen = configuration.metrics.listen
        self._log = log
        self._server: MetricsServer | None = None
        self._due_at = 0.0
        self._refused = ""

    def open(self) -> None:
        """Listen, and write for the first time.

        Raises:
            ConfigurationError: The port cannot be listened on.
        """
        if self._listen:
            from teiten_agent.metrics.loopback import MetricsServer  # noqa: PLC0415  # few sensors listen

            self._server = MetricsServer(*split_port(self._listen), self._text)
        self.look()

    def look(self) -> None:
        """Write, if it is time."""
        if time.monotonic() >= self._due_at:
            self._due_at = time.monotonic() + _WRITE_SECONDS
            self._write()

    def close(self) -> None:
        """Write for the last time, and listen no more."""
        self._write()
        if self._server is not None:
            self._server.close()

    def _text(self) -> str:
        return exposition(self.meters.families())

    def _write(self) -> None:
        if not self._textfile:
            return
        try:
            textfile.write(self._textfile, self._text())
        except CannotWriteError as error:
            if error.what != self._refused:
                self._refused = error.what
                self._log.warning("metrics", said=error.what, remedy=error.remedy)
        else:
            self._refused = ""
