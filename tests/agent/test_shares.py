"""What threads counted of one time is one batch: intervals of the real core, in any order they may come."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teiten_agent.observe import CountingSettings, batch_of
from teiten_agent.shares import MOST_HELD, PATIENCE_SECONDS, Shares, fitting
from teiten_agent.watch import Observation
from teiten_protocol import BatchKey
from tests.agent.traffic import MONDAY_NS

if TYPE_CHECKING:
    from collections.abc import Sequence

SECOND_NS = 10**9
MINUTE = 60
SETTINGS = CountingSettings(interval_seconds=0, table_megabytes=1)


@dataclass(slots=True)
class Clock:
    """A clock that goes when it is told to."""

    now: float = 1.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


def observation(start: int, end: int) -> Observation:
    """An interval without a packet, by its seconds of that Monday."""
    span = MONDAY_NS + start * SECOND_NS, MONDAY_NS + end * SECOND_NS
    interval = SETTINGS.observer(span).finish(span[1])
    assert interval is not None
    return Observation(interval, {"kernel_received": 1})


def seconds(groups: Sequence[Sequence[Observation]]) -> list[list[tuple[int, int]]]:
    """The spans of groups."""
    return [
        [
            ((one.interval.span[0] - MONDAY_NS) // SECOND_NS, (one.interval.span[1] - MONDAY_NS) // SECOND_NS)
            for one in group
        ]
        for group in groups
    ]


def test_one_thread_waits_for_nobody() -> None:
    shares = Shares(1)
    assert seconds(shares.add(0, observation(0, 60))) == [[(0, 60)]]
    assert seconds(shares.add(0, observation(60, 70))) == [[(60, 70)]]
    assert shares.end(0) == []


def test_a_minute_goes_when_the_last_thread_has_given_it_and_what_closed_early_goes_with_it() -> None:
    shares = Shares(2)
    assert shares.add(0, observation(0, 20)) == []
    assert shares.add(0, observation(20, 60)) == []
    assert seconds(shares.add(1, observation(1, 60))) == [[(0, 20), (1, 60), (20, 60)]]
    assert shares.add(1, observation(60, 120)) == []
    assert shares.overdue() == []
    assert seconds(shares.add(0, observation(60, 120))) == [[(60, 120), (60, 120)]]


def test_threads_that_end_at_different_moments_are_together_in_the_last_batch() -> None:
    shares = Shares(2)
    shares.add(0, observation(0, 30))
    assert shares.end(0) == []
    assert seconds(shares.add(1, observation(0, 31))) == [[(0, 30), (0, 31)]]
    assert shares.end(1) == []


def test_what_has_no_common_end_goes_after_a_while() -> None:
    clock = Clock()
    shares = Shares(2, clock)
    shares.add(0, observation(0, 30))
    clock.now += 2 * PATIENCE_SECONDS
    assert shares.overdue() == [], "the other has given nothing yet"
    assert shares.add(1, observation(0, 31)) == []
    clock.now += PATIENCE_SECONDS
    assert shares.overdue() == []
    clock.now += 0.1
    assert seconds(shares.overdue()) == [[(0, 30), (0, 31)]]
    assert shares.overdue() == []


def test_a_thread_that_gives_nothing_holds_the_others_up_only_for_so_many() -> None:
    shares = Shares(2)
    for number in range(MOST_HELD):
        assert shares.add(0, observation(number, number + 1)) == []
    last = observation(MOST_HELD, MOST_HELD + 1)
    assert seconds(shares.add(0, last)) == [[(number, number + 1) for number in range(MOST_HELD + 1)]]


def test_a_clock_that_is_set_back_lets_go_of_what_was_before() -> None:
    shares = Shares(2)
    shares.add(0, observation(600, 630))
    assert seconds(shares.add(0, observation(0, 60))) == [[(600, 630)]]
    assert seconds(shares.add(1, observation(600, 631))) == [[(0, 60)]]
    assert seconds(shares.add(1, observation(0, 60))) == [[(600, 631)]]
    assert seconds([*shares.end(0), *shares.end(1)]) == [[(0, 60)]]


@given(
    st.integers(1, 3).flatmap(
        lambda threads: st.lists(
            st.tuples(st.integers(0, threads - 1), st.sets(st.integers(1, MINUTE - 1), max_size=2)),
            max_size=8,
        ).map(lambda minutes: (threads, minutes))
    )
)
def test_whatever_the_order_each_interval_goes_once_and_no_time_in_two_groups(
    drawn: tuple[int, list[tuple[int, set[int]]]],
) -> None:
    """Threads give minutes, some in parts, one as far ahead of another as it likes."""
    threads, minutes = drawn
    shares = Shares(threads)
    at = [0] * threads
    given_spans: list[tuple[int, int]] = []
    groups: list[list[tuple[int, int]]] = []
    crowded = False
    for thread, parts in minutes:
        begin = at[thread] * MINUTE
        at[thread] += 1
        moments = sorted({begin, *(begin + part for part in parts), begin + MINUTE})
        for start, end in pairwise(moments):
            given_spans.append((start, end))
            found = seconds(shares.add(thread, observation(start, end)))
            crowded |= sum(map(len, found)) > MOST_HELD
            groups += found
    for thread in range(threads):
        groups += seconds(shares.end(thread))
    assert sorted(span for group in groups for span in group) == sorted(given_spans)
    if not crowded:
        stretches = sorted((min(group)[0], max(end for _, end in group)) for group in groups)
        assert all(end <= start for (_, end), (start, _) in pairwise(stretches))


def test_a_batch_of_several_threads_has_each_time_once() -> None:
    parts = [observation(0, 20), observation(1, 60), observation(20, 60), observation(70, 80)]
    batch = batch_of(BatchKey("tokyo-01", 1, 0), SETTINGS.digest(), [one.interval for one in parts])
    spans = [
        ((span.start_ns - MONDAY_NS) // SECOND_NS, (span.end_ns - MONDAY_NS) // SECOND_NS)
        for span in batch.spans
    ]
    assert spans == [(0, 60), (70, 80)]


def test_what_one_batch_cannot_hold_is_split_and_nothing_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [observation(number, number + 1) for number in range(3)]
    assert fitting(parts) == [parts]
    monkeypatch.setattr("teiten_agent.shares._fit", lambda intervals: len(intervals) <= 2)
    assert fitting(parts) == [parts[:2], parts[2:]]
