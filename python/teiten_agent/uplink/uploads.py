"""The service's thread that sends what waits in the spool, tries again later, gives up what is too old."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

from teiten_agent.errors import AgentError, ConfigurationError, UnreachableError
from teiten_agent.uplink.connection import Dealings, Uplink
from teiten_agent.uplink.delivery import Delivery, deliver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from teiten_agent.config import Configuration
    from teiten_agent.log import Log
    from teiten_agent.spool import Spool

RETRY_SECONDS = 30.0
"""Pause after the collector did not answer, and between two looks; an attempt has its own back-off."""

MOST_SPREAD_SECONDS = 15.0
"""Over how long a fleet's sensors, whose minutes all end at once, spread their uploads."""

_GOODBYE_SECONDS = 3.0
"""How long the end waits for an upload under way; what is not acknowledged by then is sent again."""

_DAY_SECONDS = 86_400


def phase_seconds(sensor: str, interval_seconds: int) -> float:
    """How long a sensor waits with a new batch: evenly over a fleet, always the same for one sensor.

    A quarter of an interval at most, and `MOST_SPREAD_SECONDS`.
    """
    drawn = int.from_bytes(hashlib.sha256(sensor.encode()).digest()[:8], "big") / 2**64
    return drawn * min(interval_seconds / 4, MOST_SPREAD_SECONDS)


class Failure(Enum):
    """Why a round through the spool ended before its end."""

    UNREACHABLE = "unreachable"
    """No answer, or none of a collector."""
    REFUSED = "refused"
    """The collector does not take this sensor's word: its token, its id or its addresses."""
    SPOOL = "spool"
    """The spool could not be read or written."""


@dataclass(frozen=True, slots=True)
class Course:
    """How uploading went so far.

    Attributes:
        dealings: What passed on the connection.
        failures: Rounds that ended early, by cause.
        up: Whether the latest round that had something to send went well; None before there was one.
        acknowledged: Batches that the collector took, repeats among them.
        repeats: Those that it had already.
        refused: Batches that it will never take.
        acknowledged_at: When it last acknowledged one, seconds of Unix time; 0 if it never did.
    """

    dealings: Dealings = field(default_factory=Dealings)
    failures: Mapping[Failure, int] = field(default_factory=dict)
    up: bool | None = None
    acknowledged: int = 0
    repeats: int = 0
    refused: int = 0
    acknowledged_at: float = 0.0


class Uploads:
    """See this module. Nothing that it does holds capture up."""

    def __init__(self, configuration: Configuration, spool: Spool, log: Log) -> None:
        """Prepare; nothing is sent.

        Raises:
            ConfigurationError: The token or the own CA cannot be used.
        """
        self.broken: BaseException | None = None
        """What ended the thread though nobody had asked it to."""
        self._oldest_seconds = configuration.spool.max_age_days * _DAY_SECONDS
        self._spool = spool
        self._log = log
        self._phase_seconds = phase_seconds(configuration.sensor.id, configuration.interval.seconds)
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._rounds = 0
        self._course = Course()
        self._uplink = (
            Uplink(configuration.uplink, sleep=self._rest) if configuration.uplink.collector else None
        )
        # A daemon, because an answer may take a minute: ending in its midst costs nothing.
        self._thread = threading.Thread(target=self._work, name="upload", daemon=True)

    def start(self) -> None:
        """Send what waits from runs before, then whatever comes."""
        self._wake.set()
        self._thread.start()

    def wake(self) -> None:
        """There is a new batch."""
        self._wake.set()

    def stop(self) -> None:
        """Send no more, and wait a moment for what is under way."""
        self._stopped.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_GOODBYE_SECONDS)

    def rounds(self) -> int:
        """Looks, attempts and parts of pauses so far; what is still the same long after hangs."""
        return self._rounds + (0 if self._uplink is None else self._uplink.dealings.attempts)

    def course(self) -> Course:
        """How it went so far."""
        dealings = Dealings() if self._uplink is None else self._uplink.dealings
        return replace(self._course, dealings=dealings)

    def _work(self) -> None:
        try:
            while not self._stopped.is_set():
                self._rounds += 1
                if self._wake.wait(RETRY_SECONDS):
                    self._stopped.wait(self._phase_seconds)
                self._wake.clear()
                if not self._stopped.is_set():
                    self._look()
        except _StoppedError:
            pass
        except BaseException as error:  # noqa: BLE001  # the main thread raises it
            self.broken = error

    def _look(self) -> None:
        try:
            for entry in self._spool.expire(self._oldest_seconds):
                self._log.warning("batch_expired", batch=entry.name)
        except AgentError as error:
            self._log.warning("spool", said=error.what, remedy=error.remedy)
        if self._uplink is not None:
            self._deliver(self._uplink)

    def _deliver(self, uplink: Uplink) -> None:
        delivery = Delivery()

        def notice(said: str) -> None:
            self._log.warning("refused", said=said)

        try:
            deliver(self._spool, uplink, notice, delivery=delivery)
        except AgentError as error:
            self._note(delivery, _cause(error))
            self._log.warning(
                "upload_failed", said=error.what, remedy=error.remedy, retry_seconds=int(RETRY_SECONDS)
            )
            self._rest(RETRY_SECONDS)
            self._wake.set()
            return
        self._note(delivery, None)
        if delivery.acknowledged:
            self._log.info("uploaded", acknowledged=delivery.acknowledged, repeats=delivery.repeats)

    def _note(self, delivery: Delivery, failure: Failure | None) -> None:
        before = self._course
        failures = Counter(before.failures)
        if failure is not None:
            failures[failure] += 1
        settled = delivery.acknowledged + len(delivery.refused)
        self._course = replace(
            before,
            failures=failures,
            up=False if failure else True if settled else before.up,
            acknowledged=before.acknowledged + delivery.acknowledged,
            repeats=before.repeats + delivery.repeats,
            refused=before.refused + len(delivery.refused),
            acknowledged_at=time.time() if delivery.acknowledged else before.acknowledged_at,
        )

    def _rest(self, seconds: float) -> None:
        """Wait, and go on moving.

        Raises:
            _StoppedError: The service ends.
        """
        while seconds > 0:
            if self._stopped.wait(min(seconds, RETRY_SECONDS)):
                raise _StoppedError
            seconds -= RETRY_SECONDS
            self._rounds += 1


class _StoppedError(Exception):
    """The service ends while the thread rests."""


def _cause(error: AgentError) -> Failure:
    match error:
        case UnreachableError():
            return Failure.UNREACHABLE
        case ConfigurationError():
            return Failure.REFUSED
        case _:
            return Failure.SPOOL
