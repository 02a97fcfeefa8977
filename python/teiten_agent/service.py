"""`teiten-agent run`: capture until SIGTERM, batches into the spool, the spool to the collector.

Three threads, so that none waits for another's slowness:

===========  =========================================================================================
`capture`    owns interface and observer; waits for packets and counts them without the interpreter
             (as many as `capture.threads`, each for its share of the sources; `shares` puts their
             intervals together)
main         takes closed intervals, makes batches, stores them durably; handles signals; feeds systemd
`upload`     sends what waits in the spool, tries again later, gives up what is too old
===========  =========================================================================================

What is lost when: SIGTERM and SIGINT drain the interface and store the open interval. SIGKILL or a power cut
lose what is not stored yet: the open interval, and at most `_MOST_WAITING` + 1 closed ones if the disk lags
behind, of each capture thread. A slow disk makes the capture threads wait, and then the kernel drops and
counts; a full one costs the oldest batches, which later batches count. Time that was not observed is in no
batch's spans.

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
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_agent.errors import AgentError
from teiten_agent.live import open_source
from teiten_agent.metrics import Exhibit, Meters
from teiten_agent.notify import Pulse, ServiceManager
from teiten_agent.observe import CountingSettings, batch_of
from teiten_agent.rules import reload
from teiten_agent.rules.lint import lint
from teiten_agent.shares import Shares, fitting
from teiten_agent.spool import LIVE, Spool, Stored, survey
from teiten_agent.uplink import Uploads
from teiten_agent.watch import Observation, Watch
from teiten_protocol import BatchKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType

    from teiten_agent.config import Configuration
    from teiten_agent.log import Log
    from teiten_agent.rules import Library

_MOST_WAITING = 2
"""Closed intervals of a capture thread that wait for the main thread, each of up to its table's rows: 12 MB
by default, all threads together."""

_LOOK_SECONDS = 1.0
"""How often the main thread looks up while nothing comes: far below any sensible `WatchdogSec`."""

_CAPTURE_PATIENCE_SECONDS = 5.0
"""A capture thread comes round ten times a second, or waits for the interface in steps of one."""

_UPLOAD_PATIENCE_SECONDS = 900.0
"""The upload thread comes round every 30 seconds; one request may take minutes on a bad link."""


def run(configuration: Configuration, log: Log) -> None:
    """Capture until SIGTERM or SIGINT, then drain and store.

    Raises:
        AgentError: Something that would not mend by itself, before anything was captured; or the capture
            thread failed, after what it had counted was stored.
    """
    spool_settings = configuration.spool
    spool = Spool(
        Path(spool_settings.directory),
        spool_settings.max_megabytes,
        lambda said: log.warning("spool", said=said),
    )
    with spool:
        _Service(configuration, spool, log).run()


class _Service:
    """One run: an epoch, and the threads that fill it."""

    def __init__(self, configuration: Configuration, spool: Spool, log: Log) -> None:
        self._configuration = configuration
        self._spool = spool
        self._log = log
        self._settings = CountingSettings.of(configuration)
        self._manager = ServiceManager()
        threads = configuration.capture.threads
        self._intervals: queue.Queue[tuple[int, Observation | BaseException | None]] = queue.Queue(
            _MOST_WAITING * threads
        )
        self._shares = Shares(threads)
        share = self._settings.shared_by(threads)
        self._watches = [
            Watch(lambda: open_source(configuration.capture), share, partial(self._give, thread), log)
            for thread in range(threads)
        ]
        self._uploads = Uploads(configuration, spool, log)
        self._exhibit = Exhibit(
            configuration,
            Meters(
                configuration.sensor.id,
                lambda: survey(Path(configuration.spool.directory), configuration.spool.max_megabytes),
                spool.lost_since_start,
                self._uploads.course,
            ),
            log,
        )
        self._sequence = 0
        self._reload = threading.Event()

    def run(self) -> None:
        """See `run` of this module."""
        capture = self._configuration.capture
        epoch = _new_epoch()
        sensor = self._configuration.sensor.id
        self._spool.begin(epoch, sensor, {**self._settings.document(), **LIVE}, self._settings.digest())
        key = BatchKey(sensor, epoch, 0)
        self._say_rules(self._settings.rules)
        with (
            _on_signals(self._stop, signal.SIGTERM, signal.SIGINT),
            _on_signals(self._reload.set, signal.SIGHUP),
        ):
            self._exhibit.open()
            for watch in self._watches:
                watch.open()
            for watch in self._watches:
                watch.start()
            self._uploads.start()
            self._manager.ready()
            self._log.info(
                "start",
                sensor=sensor,
                epoch=f"{epoch:016x}",
                interface=capture.interface,
                source=capture.source,
            )
            failure = self._store_all(key)
        self._manager.stopping()
        self._uploads.stop()
        self._exhibit.close()
        with _said(self._log, "spool"):
            self._spool.complete(epoch, self._sequence)
        waiting = len(self._spool.waiting())
        self._log.info("stop", batches=self._sequence, waiting=waiting, **self._spool.lost())
        if failure is not None:
            raise failure

    def _give(self, thread: int, item: Observation | BaseException | None) -> None:
        self._intervals.put((thread, item))

    def _stop(self) -> None:
        for watch in self._watches:
            watch.stop.set()

    def _store_all(self, key: BatchKey) -> BaseException | None:
        """Store every interval until the capture threads have ended; return what ended one of them early."""
        failure: BaseException | None = None
        capturing = len(self._watches)
        capture = [(watch.rounds, _CAPTURE_PATIENCE_SECONDS) for watch in self._watches]
        pulse = Pulse([*capture, (self._uploads.rounds, _UPLOAD_PATIENCE_SECONDS)])
        while capturing:
            if self._reload.is_set():
                self._reload.clear()
                self._reload_rules()
            if pulse.beats():
                self._manager.alive()
            self._exhibit.look()
            if self._uploads.broken is not None:
                failure = failure or self._uploads.broken
                self._stop()
            self._store(key, self._shares.overdue())
            try:
                thread, item = self._intervals.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                continue
            if isinstance(item, Observation):
                self._store(key, self._shares.add(thread, item))
                continue
            capturing -= 1
            self._store(key, self._shares.end(thread))
            if item is not None:
                failure = failure or item
                self._stop()
        return failure

    def _reload_rules(self) -> None:
        try:
            rules = reload(self._configuration.rules.files, self._configuration.rules.values())
        except AgentError as error:
            self._log.warning("rules_kept", said=error.what, remedy=error.remedy)
            return
        for watch in self._watches:
            watch.change_rules(rules)
        self._say_rules(rules)

    def _say_rules(self, rules: Library | None) -> None:
        if rules is not None:
            report = lint(rules)
            self._log.info(
                "rules", usable=report.usable, left_out=len(report.diagnostics), digest=rules.digest[:16]
            )

    def _store(self, key: BatchKey, complete: Iterable[list[Observation]]) -> None:
        """Store what belongs together, in one batch wherever one can hold it."""
        for together in complete:
            for observations in fitting(together):
                if self._store_batch(key, observations):
                    self._uploads.wake()

    def _store_batch(self, key: BatchKey, observations: list[Observation]) -> bool:
        """Store a batch; if that cannot be done, count it as lost and go on."""
        intervals = [observation.interval for observation in observations]
        batch = batch_of(replace(key, sequence=self._sequence), self._settings.digest(), intervals)
        counters = Counter(batch.counters)
        for observation in observations:
            self._exhibit.meters.add(observation)
            counters.update(observation.counters)
        batch = replace(batch, counters=dict(counters))
        if self._spool.keep(batch) is Stored.LOST:
            self._log.warning("batch_lost", sequence=self._sequence, **self._spool.lost())
            return False
        self._log.info(
            "batch",
            sequence=self._sequence,
            cause="+".join(sorted({interval.cause for interval in intervals})),
            packets=batch.counters["packets"],
            counted=batch.counters["counted"],
            dropped=counters["kernel_dropped"],
        )
        self._sequence += 1
        return True


def _new_epoch() -> int:
    """An epoch that no start had before, in the order of starts while the clock is right.

    Nanoseconds since 1970, the last 16 bits (65 microseconds) by chance: a board without a clock of its own
    begins every start in the same second.
    """
    return (time.time_ns() & 0x7FFF_FFFF_FFFF_0000) | int.from_bytes(os.urandom(2), "big")


@contextmanager
def _on_signals(call: Callable[[], None], *numbers: signal.Signals) -> Iterator[None]:
    """Call on signals."""

    def handle(_: int, __: FrameType | None) -> None:
        call()

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
