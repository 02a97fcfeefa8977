"""A thread that captures: it owns interface, observer and clock, and gives closed intervals away.

Time
    Packets are stamped by the kernel's clock. Intervals close by it: by the next packet, or, where none
    comes, `_GRACE_NS` after their end. When the clock leaps (against the monotonic one: it was set, or the
    machine slept), the observation ends where the old clock stood and a new one begins where the new one
    stands: time between is observed by nobody. Smaller steps show in the core's counters `time_backward` and
    `time_ahead`.

Stalls
    A loop that did not come round for `_STALL_NS` is counted and said. Packets that the kernel says to have
    given and that no wait shows for another `_SILENCE_NS` mean a ring out of step: it is opened anew.

Interface
    When it goes down or away, the observation ends; it is tried again every second, and a new observation
    begins when it is back.

Several
    Each has a ring, an observer and intervals of its own, and all packets of its share of the sources
    (`capture.threads`). They share nothing, and each counts the events that it met.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from teiten_agent.errors import AgentError
from teiten_agent.live import LostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from teiten_agent import _core
    from teiten_agent.live import Source
    from teiten_agent.log import Log
    from teiten_agent.observe import CountingSettings
    from teiten_agent.rules import Library

_SECOND_NS = 1_000_000_000

_END_NS = 7_258_118_400 * _SECOND_NS
"""2200-01-01, the end of the times that the core takes: observations have no end known before."""

_FRAMES_AT_ONCE = 1 << 17
"""Packets between two looks at clock and signals: some ten milliseconds of work."""

_GRACE_NS = _SECOND_NS // 2
"""How late a packet may come out of the kernel, which keeps it a tenth of a second: several times that."""

_LEAP_NS = 2 * _SECOND_NS
"""A clock that moves this much against the monotonic one was set; slewing moves 500 millionths at most."""

_STALL_NS = 5 * _SECOND_NS
_SILENCE_NS = 5 * _SECOND_NS

_DRAIN_NS = 2 * _SECOND_NS
"""How long draining may take where the source cannot be sealed."""

_SILENT_WAITS = 3
"""Waits in vain after which a sealed source is empty: each is as long as the kernel keeps a block."""

_COUNT_NS = 30 * _SECOND_NS
"""How often the kernel's counters are read at least: 32 bits wide, they wrap after five minutes at 14 million
packets a second (10 Gbit/s of the shortest frames)."""

_FIRST_PAUSE_SECONDS, _LATER_PAUSE_SECONDS = 0.1, 1.0
"""Pauses before an interface that was lost is opened again: the first time, and after that failed."""


@dataclass(frozen=True, slots=True)
class Observation:
    """An interval, and what was counted beside it.

    Attributes:
        interval: What the core counted.
        counters: What kernel, source and this thread counted, by the counters' names in a batch.
    """

    interval: _core.Interval
    counters: dict[str, int]


@dataclass(frozen=True, slots=True)
class Clocks:
    """Two clocks in nanoseconds: the one that stamps packets, and one that nobody sets."""

    date: Callable[[], int] = time.time_ns
    monotonic: Callable[[], int] = time.monotonic_ns


class Watch:
    """A capture thread."""

    def __init__(
        self,
        open_source: Callable[[], Source],
        settings: CountingSettings,
        give: Callable[[Observation | BaseException | None], None],
        log: Log,
        clocks: Clocks | None = None,
    ) -> None:
        """Name the parts; nothing is opened.

        Args:
            open_source: Opens the interface; called again when it was lost.
            settings: How to count.
            give: Takes each closed interval; at the end None, or what ended the thread early. May block.
            log: Where events go.
            clocks: The clock that stamps packets, and one that nobody sets.
        """
        self.stop = threading.Event()
        """Set it to have the thread drain and end."""
        self._rounds = 0
        self._open_source = open_source
        self._settings = settings
        self._give = give
        self._log = log
        self._clocks = clocks or Clocks()
        self._opened: tuple[Source, _Clock] | None = None
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._counters: Counter[str] = Counter()
        self._new_rules: Library | None = None
        self._thread = threading.Thread(target=self._work, name="capture", daemon=True)

    def open(self) -> None:
        """Open the interface, which fills its buffer from here on.

        Raises:
            AgentError: The interface cannot be captured from.
        """
        self._opened = self._open()

    def start(self) -> None:
        """Begin to observe."""
        self._thread.start()

    def change_rules(self, rules: Library) -> None:
        """Hold packets against other rules from the next round of the loop on; none is left out meanwhile."""
        self._new_rules = rules

    def rounds(self) -> int:
        """Rounds of the loop so far; what is still the same a while later does not capture."""
        return self._rounds

    def join(self) -> None:
        """Wait until the thread has ended."""
        self._thread.join()

    def _work(self) -> None:
        end: BaseException | None = None
        try:
            while not self.stop.is_set():
                opened = self._opened or self._reopen()
                if opened is not None:
                    self._opened = None
                    source, clock = opened
                    self._observe(source, clock)
                    self._counters.update(source.counters())
                    source.close()
        except BaseException as error:  # noqa: BLE001  # the main thread raises it
            end = error
        self._give(end)

    def _open(self) -> tuple[Source, _Clock]:
        """Open the interface; observing begins a moment before, so that no packet is too early."""
        clock = _Clock(self._clocks)
        return self._open_source(), clock

    def _reopen(self) -> tuple[Source, _Clock] | None:
        """Try to open the interface again, after a pause; None if that failed."""
        self._rounds += 1
        self.stop.wait(self._pause_seconds)
        if self.stop.is_set():
            return None
        try:
            opened = self._open()
        except AgentError:
            self._pause_seconds = _LATER_PAUSE_SECONDS
            return None
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._log.info("interface_back")
        return opened

    def _observe(self, source: Source, clock: _Clock) -> None:
        """Observe until told to stop, or until the interface is lost or out of step."""
        observer = self._observer(clock)
        is_unread = False
        while True:
            self._rounds += 1
            if (rules := self._new_rules) is not None:
                self._new_rules = None
                self._settings = replace(self._settings, rules=rules)
                observer.set_rules(rules.core)
                self._counters["rules_changes"] += 1
            if self.stop.is_set():
                source.seal()
                self._end(source, observer)
                return
            try:
                ready = source.wait()
            except LostError as error:
                self._counters["interface_losses"] += 1
                self._log.warning("interface_lost", said=error)
                self._end(source, observer)
                return
            observer = self._look(source, observer, clock)
            if clock.is_time_to_count():
                self._counters.update(source.counters())
            if ready:
                clock.heard()
                is_unread = False
                self._emit(source, source.advance(observer, _FRAMES_AT_ONCE, clock.now_ns))
                continue
            self._emit(source, observer.close_before(clock.now_ns - _GRACE_NS))
            if not clock.silent(_SILENCE_NS):
                continue
            # What came a moment ago is counted before it is shown; a ring out of step never shows it.
            was_unread, is_unread = is_unread, source.unread() > 0
            if not (was_unread and is_unread):
                continue
            self._counters["ring_resets"] += 1
            self._counters["unreadable"] += source.unread()
            self._log.warning("ring_out_of_step", unread=source.unread())
            self._emit(source, observer.finish(clock.now_ns))
            return

    def _look(self, source: Source, observer: _core.Observer, clock: _Clock) -> _core.Observer:
        """Look at the clock; return the observer to go on with, which is a new one if the clock was set."""
        clock.look()
        if clock.passed_ns >= _STALL_NS:
            self._counters["stalls"] += 1
            self._log.warning("stalled", seconds=round(clock.passed_ns / _SECOND_NS, 3))
        if abs(clock.leap_ns) < _LEAP_NS:
            return observer
        self._counters["clock_leaps"] += 1
        self._log.warning("clock_leap", seconds=round(clock.leap_ns / _SECOND_NS, 3))
        self._emit(source, observer.finish(clock.before_ns))
        return self._observer(clock)

    def _end(self, source: Source, observer: _core.Observer) -> None:
        """Observe what is inside a source that lets no more in; the span ends now, not when that is done."""
        ended_ns = self._clocks.date()
        self._empty(source, observer)
        self._emit(source, observer.finish(ended_ns))

    def _empty(self, source: Source, observer: _core.Observer) -> None:
        """Observe what is inside a source that lets no more in, or does so for two seconds."""
        deadline = time.monotonic_ns() + _DRAIN_NS
        in_vain = 0
        while in_vain < _SILENT_WAITS and time.monotonic_ns() < deadline:
            try:
                ready = source.wait()
            except LostError:
                return
            in_vain = 0 if ready else in_vain + 1
            if ready:
                self._emit(source, source.advance(observer, _FRAMES_AT_ONCE, self._clocks.date()))

    def _observer(self, clock: _Clock) -> _core.Observer:
        """A core that observes from now on, without an end."""
        return self._settings.observer((clock.now_ns - clock.passed_ns, _END_NS))

    def _emit(self, source: Source, interval: _core.Interval | None) -> None:
        """Give an interval away, if there is one, with what was counted beside it."""
        if interval is None:
            return
        self._counters.update(source.counters())
        counters, self._counters = dict(self._counters), Counter()
        self._give(Observation(interval, counters))


class _Clock:
    """The clock that stamps packets, held against the monotonic one, at the last look and the one before."""

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._monotonic_ns = clocks.monotonic()
        self._heard_ns = self._counted_ns = self._monotonic_ns
        self.now_ns = clocks.date()
        self.before_ns = self.now_ns
        self.passed_ns = 0
        self.leap_ns = 0

    def look(self) -> None:
        """Look at both clocks."""
        now_ns, monotonic_ns = self._clocks.date(), self._clocks.monotonic()
        self.passed_ns = monotonic_ns - self._monotonic_ns
        self.before_ns = self.now_ns
        self.leap_ns = now_ns - self.before_ns - self.passed_ns
        self.now_ns, self._monotonic_ns = now_ns, monotonic_ns

    def is_time_to_count(self) -> bool:
        """Whether the kernel's counters have not been read for long."""
        if self._monotonic_ns - self._counted_ns < _COUNT_NS:
            return False
        self._counted_ns = self._monotonic_ns
        return True

    def heard(self) -> None:
        """Packets came."""
        self._heard_ns = self._monotonic_ns

    def silent(self, nanoseconds: int) -> bool:
        """Whether none came for so long; says so again only after as long again."""
        if self._monotonic_ns - self._heard_ns < nanoseconds:
            return False
        self._heard_ns = self._monotonic_ns
        return True
