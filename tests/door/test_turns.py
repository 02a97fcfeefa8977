"""Whose turn it is: who took least of the processors of late, then who came first, in the end everybody."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from teiten_collector.door.turns import HALF_LIFE_SECONDS, Taken, Turns

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """A clock that goes when it is told to."""

    now = 1_000.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


def order(taken: Taken, clock: Clock, calls: list[tuple[float, str]]) -> list[str]:
    """In which order calls run that came at these seconds while the one place was taken."""
    ran: list[str] = []
    go = threading.Event()

    async def act() -> None:
        turns = Turns(1, taken)
        first = asyncio.create_task(turns.run("first", go.wait))
        await asyncio.sleep(0)
        waiting = []
        for at, sender in calls:
            clock.now = 1_000.0 + at
            waiting.append(asyncio.create_task(turns.run(sender, partial(ran.append, sender))))
            await asyncio.sleep(0)
        go.set()
        await asyncio.gather(first, *waiting)

    asyncio.run(act())
    return ran


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([(0, "one"), (0, "other")], ["one", "other"]),
        ([(0, "busy"), (0, "one"), (0, "busy"), (0, "other")], ["one", "other", "busy", "busy"]),
        ([(0, "busy"), (4, "one"), (6, "other")], ["one", "busy", "other"]),
    ],
    ids=["first come", "least taken", "nobody waits for ever"],
)
def test_turns_go_by_what_was_taken_and_then_by_time(
    calls: list[tuple[float, str]], expected: list[str]
) -> None:
    clock = Clock()
    taken = Taken(clock)
    taken.add("busy", 5.0)
    assert order(taken, clock, calls) == expected


def test_what_was_taken_is_forgotten_by_half() -> None:
    clock = Clock()
    taken = Taken(clock)
    taken.add("busy", 4.0)
    clock.now += HALF_LIFE_SECONDS
    assert taken.of("busy") == pytest.approx(2.0)
    taken.add("busy", 1.0)
    assert taken.of("busy") == pytest.approx(3.0)
    assert taken.of("other") == 0.0


def test_what_a_call_took_of_the_processors_is_its_senders() -> None:
    def work() -> None:
        until = time.thread_time() + 0.05
        while time.thread_time() < until:
            pass

    taken = Taken()
    asyncio.run(Turns(1, taken).run("busy", work))
    assert taken.of("busy") > 0.04


def test_a_call_that_fails_or_is_given_up_leaves_its_place() -> None:
    def fail() -> None:
        raise ValueError("on purpose")

    async def act() -> str:
        turns = Turns(1, Taken())
        with pytest.raises(ValueError, match="on purpose"):
            await turns.run("one", fail)
        go = threading.Event()
        running = asyncio.create_task(turns.run("one", go.wait))
        await asyncio.sleep(0)
        given_up = asyncio.create_task(turns.run("one", fail))
        last = asyncio.create_task(turns.run("other", lambda: "ran"))
        await asyncio.sleep(0)
        given_up.cancel()
        go.set()
        await asyncio.gather(running, given_up, return_exceptions=True)
        return await last

    assert asyncio.run(act()) == "ran"


def test_no_more_run_at_once_than_there_are_places() -> None:
    running, most = 0, 0
    lock = threading.Lock()
    both = threading.Barrier(2)

    def call() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait(30)
        with lock:
            running -= 1

    async def act(run: Callable[[], None]) -> None:
        turns = Turns(2, Taken())
        await asyncio.gather(*(turns.run("one", run) for _ in range(6)))

    asyncio.run(act(call))
    assert most == 2
