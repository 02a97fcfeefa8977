"""The watchdog is fed by progress alone: every part has to move."""

from __future__ import annotations

from dataclasses import dataclass

from teiten_agent.notify import Pulse


@dataclass(slots=True)
class Moving:
    """A clock, and two parts that move when they are told to."""

    now: float = 100.0
    capture: int = 0
    uploads: int = 0

    def pulse(self) -> Pulse:
        """Capture may rest for 5 seconds, uploads for 900."""
        parts = [(lambda: self.capture, 5.0), (lambda: self.uploads, 900.0)]
        return Pulse(parts, lambda: self.now)


def test_it_beats_while_every_part_moves_within_its_patience() -> None:
    moving = Moving()
    pulse = moving.pulse()
    for _ in range(2000):
        moving.now += 1.0
        moving.capture += 1
        if moving.now % 600 == 0:
            moving.uploads += 1
        assert pulse.beats()


def test_one_part_that_rests_too_long_stops_it_until_it_moves_again() -> None:
    for part, patience in (("capture", 5), ("uploads", 900)):
        moving = Moving()
        pulse = moving.pulse()
        beats = []
        for _ in range(2 * patience):
            moving.now += 1.0
            moving.capture += part != "capture"
            moving.uploads += part != "uploads"
            beats.append(pulse.beats())
        assert beats == [True] * patience + [False] * patience
        moving.capture += 1
        moving.uploads += 1
        assert pulse.beats()
