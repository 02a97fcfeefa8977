"""`teiten-agent run`: capture until SIGTERM, batches into the spool, the spool to the collector.

Three threads, so that none waits for another's slowness:

===========  =========================================================================================
`capture`    owns interface and observer; waits for packets and counts them without the interpreter
main         takes closed intervals, makes batches, stores them durably; handles signals; feeds systemd
`upload`     sends what waits in the spool, tries again later, gives up what is too old
===========  =========================================================================================

What is lost when: SIGTERM and SIGINT drain the interface and store the open interval. SIGKILL or a power cut
lose what is not stored yet: the open interval, and at most `_MOST_WAITING` + 1 closed ones if the disk lags
behind. A slow disk makes the capture thread wait, and then the kernel drops and counts; a full one costs the
oldest batches, which later batches count. Time that was not observed is in no batch's spans.

SIGHUP reads the rule files again. The capture thread takes the new rules between two looks at the interface,
so no packet is left out; a file that cannot be read, or of which no rule is usable, keeps the rules in force.
The epoch's settings stay those of its start.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_agent.errors import AgentError
from teiten_agent.live import open_source
from teiten_agent.notify import ServiceManager
from teiten_agent.observe import CountingSettings, batch_of
from teiten_agent.rules import reload
from teiten_agent.rules.lint import lint
from teiten_agent.spool import LIVE, Spool, Stored
from teiten_agent.uplink import Uplink, deliver
from teiten_agent.watch import Observation, Watch
from teiten_protocol import BatchKey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from teiten_agent.config import Configuration
    from teiten_agent.log import Log
    from teiten_agent.rules import Library

_MOST_WAITING = 2
"""Closed intervals that may wait for the main thread, each of up to a table's rows: some 12 MB by default."""

_LOOK_SECONDS = 1.0
"""How often the main thread looks up while nothing comes: far below any sensible `WatchdogSec`."""

_RETRY_SECONDS = 30.0
"""Pause of the upload thread after the collector did not answer; each attempt has its own back-off."""

_GOODBYE_SECONDS = 3.0
"""How long the end waits for an upload under way; what is not acknowledged by then is sent again."""

_DAY_SECONDS = 86_400


def run(configuration: Configuration, log: Log) -> None:
    """Capture until SIGTERM or SIGINT, then drain and store.

    Raises:
        AgentError: Something that would not mend by itself, before anything was captured; or the capture
            thread failed, after what it had counted was stored.
    """
    uplink = _Uploads.uplink_of(configuration)
    spool_settings = configuration.spool
    spool = Spool(
        Path(spool_settings.directory),
        spool_settings.max_megabytes,
        lambda said: log.warning("spool", said=said),
    )
    with spool:
        _Service(configuration, spool, log).run(uplink)


class _Service:
    """One run: an epoch, and the threads that fill it."""

    def __init__(self, configuration: Configuration, spool: Spool, log: Log) -> None:
        self._configuration = configuration
        self._spool = spool
        self._log = log
        self._settings = CountingSettings.of(configuration)
        self._manager = ServiceManager()
        self._intervals: queue.Queue[Observation | BaseException | None] = queue.Queue(_MOST_WAITING)
        self._sequence = 0
        self._reload = threading.Event()

    def run(self, uplink: Uplink | None) -> None:
        """See `run` of this module."""
        capture = self._configuration.capture
        epoch = _new_epoch()
        sensor = self._configuration.sensor.id
        self._spool.begin(epoch, sensor, {**self._settings.document(), **LIVE}, self._settings.digest())
        key = BatchKey(sensor, epoch, 0)
        watch = Watch(lambda: open_source(capture), self._settings, self._intervals.put, self._log)
        uploads = _Uploads(self._configuration, self._spool, uplink, self._log)
        self._say_rules(self._settings.rules)
        with _on_signals(watch.stop, signal.SIGTERM, signal.SIGINT), _on_signals(self._reload, signal.SIGHUP):
            watch.start()
            uploads.start()
            self._manager.ready()
            self._log.info(
                "start",
                sensor=sensor,
                epoch=f"{epoch:016x}",
                interface=capture.interface,
                source=capture.source,
            )
            failure = self._store_all(key, watch, uploads)
        self._manager.stopping()
        uploads.stop()
        with _said(self._log, "spool"):
            self._spool.complete(epoch, self._sequence)
        waiting = len(self._spool.waiting())
        self._log.info("stop", batches=self._sequence, waiting=waiting, **self._spool.lost())
        if failure is not None:
            raise failure

    def _store_all(self, key: BatchKey, watch: Watch, uploads: _Uploads) -> BaseException | None:
        """Store every interval until the capture thread has ended; return what ended it early."""
        fed = -1
        while True:
            if self._reload.is_set():
                self._reload.clear()
                self._reload_rules(watch)
            if watch.progress != fed:
                fed = watch.progress
                self._manager.alive()
            try:
                item = self._intervals.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                continue
            if item is None or isinstance(item, BaseException):
                return item
            if self._store(key, item):
                uploads.wake()

    def _reload_rules(self, watch: Watch) -> None:
        try:
            rules = reload(self._configuration.rules.files, self._configuration.rules.values())
        except AgentError as error:
            self._log.warning("rules_kept", said=error.what, remedy=error.remedy)
            return
        watch.change_rules(rules)
        self._say_rules(rules)

    def _say_rules(self, rules: Library | None) -> None:
        if rules is not None:
            report = lint(rules)
            self._log.info(
                "rules", usable=report.usable, left_out=len(report.diagnostics), digest=rules.digest[:16]
            )

    def _store(self, key: BatchKey, observation: Observation) -> bool:
        """Store one interval; if that cannot be done, count it as lost and go on."""
        batch = batch_of(
            replace(key, sequence=self._sequence), self._settings.digest(), [observation.interval]
        )
        counters = Counter(batch.counters)
        counters.update(observation.counters)
        batch = replace(batch, counters=dict(counters))
        if self._spool.keep(batch) is Stored.LOST:
            self._log.warning("batch_lost", sequence=self._sequence, **self._spool.lost())
            return False
        self._log.info(
            "batch",
            sequence=self._sequence,
            cause=observation.interval.cause,
            packets=batch.counters["packets"],
            counted=batch.counters["counted"],
            dropped=observation.counters.get("kernel_dropped", 0),
        )
        self._sequence += 1
        return True


class _Uploads:
    """The thread that sends what waits in the spool."""

    def __init__(self, configuration: Configuration, spool: Spool, uplink: Uplink | None, log: Log) -> None:
        self._oldest_seconds = configuration.spool.max_age_days * _DAY_SECONDS
        self._spool = spool
        self._uplink = uplink
        self._log = log
        self._wake = threading.Event()
        self._stopped = threading.Event()
        # A daemon, because an answer may take a minute: ending in its midst costs nothing.
        self._thread = threading.Thread(target=self._work, name="upload", daemon=True)

    @staticmethod
    def uplink_of(configuration: Configuration) -> Uplink | None:
        """The collector, if one is configured.

        Raises:
            ConfigurationError: The token or the own CA cannot be used.
        """
        return Uplink(configuration.uplink) if configuration.uplink.collector else None

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
        self._thread.join(_GOODBYE_SECONDS)

    def _work(self) -> None:
        while not self._stopped.is_set():
            self._wake.wait(_RETRY_SECONDS)
            self._wake.clear()
            if self._stopped.is_set():
                return
            with _said(self._log, "spool"):
                for entry in self._spool.expire(self._oldest_seconds):
                    self._log.warning("batch_expired", batch=entry.name)
            if self._uplink is not None:
                self._deliver(self._uplink)

    def _deliver(self, uplink: Uplink) -> None:
        try:
            delivery = deliver(self._spool, uplink, lambda said: self._log.warning("refused", said=said))
        except AgentError as error:
            self._log.warning("upload_failed", said=error.what, retry_seconds=int(_RETRY_SECONDS))
            self._stopped.wait(_RETRY_SECONDS)
            self._wake.set()
            return
        if delivery.acknowledged:
            self._log.info("uploaded", acknowledged=delivery.acknowledged, repeats=delivery.repeats)


def _new_epoch() -> int:
    """An epoch that no start had before, in the order of starts while the clock is right.

    Nanoseconds since 1970, the last 16 bits (65 microseconds) by chance: a board without a clock of its own
    begins every start in the same second.
    """
    return (time.time_ns() & 0x7FFF_FFFF_FFFF_0000) | int.from_bytes(os.urandom(2), "big")


@contextmanager
def _on_signals(event: threading.Event, *numbers: signal.Signals) -> Iterator[None]:
    """Set an event on signals."""

    def handle(_: int, __: FrameType | None) -> None:
        event.set()

    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _said(log: Log, event: str) -> Iterator[None]:
    """Say an error, and go on."""
    try:
        yield
    except AgentError as error:
        log.warning(event, said=error.what, remedy=error.remedy)
