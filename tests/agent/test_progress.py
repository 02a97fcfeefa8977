"""The progress bar: on a terminal, after two seconds, and gone at the end."""

from __future__ import annotations

import io

from teiten_agent.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Yes, whatever it is."""
        return True


def test_quick_work_shows_nothing() -> None:
    terminal = Terminal()
    with Progress("counting", 10, terminal, clock=lambda: 1.0) as progress:
        progress.update(5)
    assert terminal.getvalue() == ""


def test_work_over_two_seconds_shows_its_part_and_wipes_it_at_the_end() -> None:
    terminal = Terminal()
    seconds = iter([0.0, 2.5, 2.5, 2.6, 9.0, 9.0])
    with Progress("counting", 10, terminal, clock=lambda: next(seconds)) as progress:
        progress.update(5)
        progress.update(6)  # too soon after the last to be drawn
        progress.update(20)
    drawn = terminal.getvalue().split("\r\x1b[K")
    assert drawn == ["", f"counting [{'#' * 15}{'.' * 15}]  50%", f"counting [{'#' * 30}] 100%", ""]


def test_without_a_terminal_nothing_is_shown() -> None:
    stream = io.StringIO()
    seconds = iter(range(0, 100, 10))
    with Progress("counting", 0, stream, clock=lambda: next(seconds)) as progress:
        progress.update(5)
    assert stream.getvalue() == ""
