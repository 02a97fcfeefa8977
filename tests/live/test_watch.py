"""The capture thread under clocks that are set, packets from elsewhen, and sources that fall silent.

The source is a script, because no real clock can be set here; what counts is the real core.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from teiten_agent import _core
from teiten_agent.live import LostError
from teiten_agent.log import Log
from teiten_agent.observe import CountingSettings
from teiten_agent.watch import Clocks, Observation, Watch
from tests.agent.traffic import MONDAY_NS, syn

SECOND_NS = 10**9
MINUTE_NS = 60 * SECOND_NS
ETHERNET = 1


@dataclass(slots=True)
class Hands:
    """Two clocks that only the script moves."""

    date_ns: int = MONDAY_NS
    monotonic_ns: int = 5 * SECOND_NS

    def pass_by(self, nanoseconds: int) -> None:
        """Time passes."""
        self.date_ns += nanoseconds
        self.monotonic_ns += nanoseconds


Step = Callable[[], list[int]]
"""What happens during a wait; returns the stamps of the packets that came."""


@dataclass
class Script:
    """A source that does what it is told, and then has the watch stop."""

    steps: list[Step]
    finished: Callable[[], None] = lambda: None
    lost: int = 0
    opened: int = 0
    down: bool = False
    buffer: _core.PacketBuffer = field(default_factory=lambda: _core.PacketBuffer(b"", b"", ETHERNET))

    def wait(self) -> bool:
        """The next step happens."""
        if self.buffer.remaining:
            return True
        if self.down:
            return False
        if not self.steps:
            self.finished()
            return False
        frame = syn("203.0.113.1", "192.0.2.1", 445)
        stamps = self.steps.pop(0)()
        records = [
            struct.pack("=IIII", stamp // SECOND_NS, stamp % SECOND_NS // 1000, 0, len(frame))
            for stamp in stamps
        ]
        self.buffer = _core.PacketBuffer(frame, b"".join(records), ETHERNET)
        return bool(records)

    def advance(self, observer: _core.Observer, limit: int, now_ns: int) -> _core.Interval | None:
        """See `live.Source`."""
        return observer.advance(self.buffer, limit, now_ns=now_ns)

    def seal(self) -> None:
        """See `live.Source`."""
        self.steps.clear()

    def counters(self) -> dict[str, int]:
        """See `live.Source`."""
        return {}

    def unread(self) -> int:
        """See `live.Source`."""
        return self.lost

    def close(self) -> None:
        """See `live.Source`."""
        self.lost = 0


def watched(hands: Hands, script: Script) -> tuple[list[Observation], str]:
    """Run a script to its end; return what was given away, and what was said."""
    given: list[Observation | BaseException | None] = []
    said = io.StringIO()

    def open_source() -> Script:
        script.opened += 1
        script.down = False
        return script

    clocks = Clocks(date=lambda: hands.date_ns, monotonic=lambda: hands.monotonic_ns)
    watch = Watch(open_source, CountingSettings(interval_seconds=60), given.append, Log(said), clocks)
    script.finished = watch.stop.set
    watch.open()
    watch.start()
    watch.join()
    *observations, end = given
    if isinstance(end, BaseException):
        raise end
    return [one for one in observations if isinstance(one, Observation)], said.getvalue()


def spans(given: list[Observation]) -> list[tuple[int, int]]:
    """What was observed, in seconds from the start."""
    return [
        ((start - MONDAY_NS) // SECOND_NS, (end - MONDAY_NS) // SECOND_NS)
        for start, end in (observation.interval.span for observation in given)
    ]


def total(given: list[Observation], name: str) -> int:
    return sum(one.interval.counters.get(name, 0) + one.counters.get(name, 0) for one in given)


def quiet(hands: Hands, seconds: float) -> Step:
    """Nothing comes for a while."""

    def step() -> list[int]:
        hands.pass_by(round(seconds * SECOND_NS))
        return []

    return step


def packet(hands: Hands, ahead_seconds: float = 0) -> Step:
    """A packet comes, stamped so far ahead of the clock."""
    return lambda: [hands.date_ns + round(ahead_seconds * SECOND_NS)]


def setting(hands: Hands, seconds: float) -> Step:
    """The clock is set forward, or back."""

    def step() -> list[int]:
        hands.date_ns += round(seconds * SECOND_NS)
        return []

    return step


def test_quiet_time_closes_intervals_and_is_observed_to_the_end() -> None:
    hands = Hands()
    given, _ = watched(hands, Script([quiet(hands, 4)] * 40))
    assert spans(given) == [(0, 60), (60, 120), (120, 160)]
    assert [one.interval.cause for one in given] == ["time", "time", "end"]


def test_time_that_draining_takes_is_observed_by_nobody() -> None:
    hands = Hands()
    script = Script([packet(hands), quiet(hands, 4)])

    def seal() -> None:
        """What is inside comes, and the clock goes on while it does."""
        script.steps[:] = [packet(hands, -1), quiet(hands, 0.5), quiet(hands, 0.5), quiet(hands, 0.5)]

    script.seal = seal  # type: ignore[method-assign]
    given, _ = watched(hands, script)
    assert [one.interval.span[1] - one.interval.span[0] for one in given] == [4 * SECOND_NS]
    assert total(given, "counted") == 2


@pytest.mark.parametrize("seconds", [3600, -3600, 17 * 365 * 86_400])
def test_time_that_a_leap_skips_is_observed_by_nobody(seconds: int) -> None:
    hands = Hands()
    steps = [packet(hands), quiet(hands, 4), setting(hands, seconds), packet(hands), quiet(hands, 3)]
    given, said = watched(hands, Script(steps))
    assert spans(given) == [(0, 4), (4 + seconds, 7 + seconds)]
    assert total(given, "counted") == 2
    assert total(given, "clock_leaps") == 1
    assert f"event=clock_leap seconds={seconds}.0" in said


def test_a_small_step_back_is_counted_and_changes_no_span() -> None:
    hands = Hands()
    steps = [quiet(hands, 4), packet(hands), setting(hands, -1), packet(hands), quiet(hands, 4)]
    given, _ = watched(hands, Script(steps))
    assert spans(given) == [(0, 7)]
    assert total(given, "time_backward") == 1
    assert total(given, "counted") == 2


def test_a_packet_from_the_future_counts_now_and_moves_no_interval() -> None:
    hands = Hands()
    steps = [packet(hands, 86_400), packet(hands), quiet(hands, 4)]
    given, _ = watched(hands, Script(steps))
    assert spans(given) == [(0, 4)]
    assert total(given, "time_ahead") == 1
    assert total(given, "counted") == 2
    minutes = given[0].interval.ipv4.minute
    assert set(struct.unpack("<" + "I" * (len(minutes) // 4), minutes)) == {MONDAY_NS // MINUTE_NS}


def test_a_late_packet_counts_in_its_own_minute() -> None:
    hands = Hands()
    steps = [quiet(hands, 4)] * 16
    given, _ = watched(hands, Script([*steps, packet(hands, -30), quiet(hands, 1)]))
    assert spans(given) == [(0, 60), (60, 65)]
    assert struct.unpack("<I", given[1].interval.ipv4.minute) == (MONDAY_NS // MINUTE_NS,)


def test_a_loop_that_stood_still_is_counted() -> None:
    hands = Hands()
    given, said = watched(hands, Script([quiet(hands, 11), packet(hands)]))
    assert total(given, "stalls") == 1
    assert "event=stalled seconds=11.0" in said


def test_a_ring_out_of_step_is_opened_anew() -> None:
    hands = Hands()
    script = Script([packet(hands), *[quiet(hands, 3)] * 4, packet(hands)], lost=7)
    given, said = watched(hands, script)
    assert script.opened == 2
    assert (total(given, "ring_resets"), total(given, "unreadable")) == (1, 7)
    assert total(given, "counted") == 2
    assert "event=ring_out_of_step unread=7" in said


def test_a_packet_that_the_kernel_counted_and_shows_a_moment_later_is_read() -> None:
    hands = Hands()
    script = Script([packet(hands), quiet(hands, 3)])

    def counted() -> list[int]:
        script.lost = 1
        return quiet(hands, 3)()

    def shown() -> list[int]:
        script.lost = 0
        return packet(hands)()

    script.steps += [counted, shown, quiet(hands, 3), counted, shown]
    given, said = watched(hands, script)
    assert (total(given, "counted"), total(given, "ring_resets"), script.opened) == (3, 0, 1)
    assert "ring_out_of_step" not in said


def test_what_breaks_in_the_thread_is_given_to_the_other() -> None:
    def breaking() -> list[int]:
        raise ZeroDivisionError("a defect")

    with pytest.raises(ZeroDivisionError):
        watched(Hands(), Script([breaking]))


def test_an_interface_that_is_lost_ends_the_observation_until_it_is_back() -> None:
    hands = Hands()

    def losing() -> list[int]:
        script.down = True
        raise LostError("gone")

    script = Script([packet(hands), quiet(hands, 2), losing, packet(hands)])
    given, said = watched(hands, script)
    assert total(given, "interface_losses") == 1
    assert total(given, "counted") == 2
    assert "event=interface_lost said=gone" in said
    assert "event=interface_back" in said
