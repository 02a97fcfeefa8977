"""Observing captures: intervals, limits, faults, and what becomes of every record."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teiten_agent._core import Capture, Interval, Observer
from tests.binding.files import SECOND, SOURCE, START, TARGET, Syn, pcap, pcapng

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINUTE = 60 * SECOND
PACKETS = tuple(Syn(START + 20 * index * SECOND, port=445 + index % 2) for index in range(7))
"""Three, three and one packets in three minutes."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "seven.pcap"
    path.write_bytes(pcap(PACKETS))
    return path


def intervals(observer: Observer, *captures: Capture, limit: int = 1 << 22) -> Iterator[Interval]:
    for capture in captures:
        while not capture.exhausted:
            if interval := observer.advance(capture, limit):
                yield interval
    if interval := observer.finish():
        yield interval


def test_intervals_close_with_the_packets_own_minutes(path: Path) -> None:
    seen = list(intervals(Observer(), Capture(path)))
    assert [interval.counters["packets"] for interval in seen] == [3, 3, 1]
    assert [interval.cause for interval in seen] == ["time", "time", "end"]
    spans = [interval.span for interval in seen]
    assert spans == [
        (START, START + MINUTE),
        (START + MINUTE, START + 2 * MINUTE),
        (START + 2 * MINUTE, START + 2 * MINUTE + 1),
    ]


@given(limit=st.integers(1, 9))
def test_any_limit_gives_the_same_intervals(tmp_path_factory: pytest.TempPathFactory, limit: int) -> None:
    path = tmp_path_factory.mktemp("seven") / "seven.pcapng"
    path.write_bytes(pcapng(PACKETS))
    whole = [described(interval) for interval in intervals(Observer(seed=1), Capture(path))]
    parts = [described(interval) for interval in intervals(Observer(seed=2), Capture(path), limit=limit)]
    assert parts == whole


def described(interval: Interval) -> object:
    columns = interval.ipv4
    return (
        interval.span,
        interval.cause,
        interval.counters,
        interval.keys(),
        columns.rows,
        columns.minute + columns.source + columns.address + columns.form + columns.value,
        columns.source_port + columns.flags + columns.class_ + columns.tool,
        columns.packets + columns.bytes_,
    )


def test_a_limit_observes_no_more_than_it_says(path: Path) -> None:
    capture = Capture(path)
    observer = Observer(interval_seconds=0)
    assert observer.advance(capture, 2) is None
    assert (capture.position, capture.exhausted) == (24 + 2 * (16 + 40), False)
    interval = observer.finish()
    assert interval is not None
    assert interval.counters["packets"] == 2
    assert observer.advance(capture) is None
    assert (capture.position, capture.exhausted) == (capture.size, True)


def test_an_exhausted_capture_stays_exhausted(path: Path) -> None:
    capture = Capture(path)
    observer = Observer(interval_seconds=0)
    for _ in range(3):
        assert observer.advance(capture) is None
        assert capture.exhausted
    interval = observer.finish()
    assert interval is not None
    assert interval.counters["packets"] == 7
    assert observer.finish() is None


def test_one_interval_goes_on_over_several_captures(tmp_path: Path) -> None:
    captures = []
    for index, packet in enumerate(PACKETS[:3]):
        path = tmp_path / f"{index}.pcap"
        path.write_bytes(pcap([packet]))
        captures.append(Capture(path))
    (interval,) = intervals(Observer(), *captures)
    assert interval.counters["packets"] == 3


def test_a_fault_is_told_and_everything_before_it_counted(path: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(path.read_bytes()[:-1])
    capture = Capture(cut)
    observer = Observer(interval_seconds=0)
    while not capture.exhausted:
        assert observer.advance(capture) is None
    start = 24 + 6 * (16 + 40)
    assert capture.fault == (start, "the file ends inside a record (39 of 40 captured bytes are there)")
    assert capture.position == start
    interval = observer.finish()
    assert interval is not None
    assert interval.counters["counted"] == 6


def test_columns_hold_the_tuples_as_little_endian_bytes(path: Path) -> None:
    (interval,) = intervals(Observer(interval_seconds=0), Capture(path))
    columns = interval.ipv4
    minute = START // MINUTE
    assert columns.rows == 5
    assert struct.unpack("<5I", columns.minute) == (minute, minute, minute + 1, minute + 1, minute + 2)
    assert columns.source == SOURCE.packed * 5
    assert columns.address == TARGET.packed * 5
    assert columns.form == bytes([1] * 5)
    assert struct.unpack("<5H", columns.value) == (445, 446, 446, 445, 445)
    assert struct.unpack("<5H", columns.source_port) == (6000,) * 5
    assert columns.flags == bytes([0x02] * 5)
    assert columns.class_ == bytes([1] * 5)
    assert columns.tool == bytes(5)
    assert struct.unpack("<5Q", columns.packets) == (2, 1, 2, 1, 1)
    assert struct.unpack("<5Q", columns.bytes_) == (80, 40, 80, 40, 40)
    assert interval.ipv6.rows == 0
    assert interval.ipv6.source == b""


def test_keys_classes_and_tools_are_sums_over_the_tuples(path: Path) -> None:
    (interval,) = intervals(Observer(interval_seconds=0), Capture(path))
    assert interval.keys() == {"445/TCP": (4, 160), "446/TCP": (3, 120)}
    assert interval.classes() == {"probe": 7}
    assert interval.tools() == {}


def test_every_record_ends_in_one_counter(tmp_path: Path) -> None:
    elsewhere = IPv4Address("192.0.2.1")
    records = (*PACKETS, Syn(START + 150 * SECOND, target=elsewhere), Syn(START + 1000 * SECOND))
    data = bytearray(pcap(records))
    data[24 + 16] = 0x95  # the first record's IP version
    path = tmp_path / "mixed.pcap"
    path.write_bytes(data)
    observer = Observer(["198.51.100.0/28"], span=(START, START + 900 * SECOND), interval_seconds=0)
    (interval,) = intervals(observer, Capture(path))
    counters = interval.counters
    malformed = {name: count for name, count in counters.items() if name.startswith("malformed.")}
    assert sum(malformed.values()) == 1
    assert counters["packets"] == 9
    assert counters["counted"] == 6
    assert counters["bytes"] == 240
    assert counters["not_monitored"] == 1
    assert counters["outside_span"] == 1
    assert interval.span == (START, START + 900 * SECOND)


def test_a_span_is_covered_without_gap_even_without_packets(tmp_path: Path) -> None:
    path = tmp_path / "none.pcap"
    path.write_bytes(pcap(()))
    span = (START - MINUTE, START + MINUTE)
    seen = list(intervals(Observer(span=span), Capture(path)))
    assert seen[0].span[0] == span[0]
    assert seen[-1].span[1] == span[1]
    assert all(one.span[1] == next_one.span[0] for one, next_one in pairwise(seen))


def test_settings_out_of_bounds_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"198\.51\.100\.5/28"):
        Observer(["198.51.100.5/28"])
    with pytest.raises(ValueError, match="here"):
        Observer(["here"])
    with pytest.raises(ValueError, match="span"):
        Observer(span=(5, 5))
    with pytest.raises(ValueError, match="table"):
        Observer(table_megabytes=0)
    with pytest.raises(ValueError, match="rows"):
        Observer(max_rows=0)
    with pytest.raises(TypeError):
        Observer("198.51.100.0/28")


def test_a_limit_of_nothing_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="limit is 0"):
        Observer().advance(Capture(path), 0)


def test_observers_and_intervals_are_frozen(path: Path) -> None:
    observer = Observer(interval_seconds=0)
    (interval,) = intervals(observer, Capture(path))
    with pytest.raises(AttributeError):
        interval.cause = "full"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        interval.ipv4.rows = 0  # type: ignore[misc]
    with pytest.raises(AttributeError):
        observer.other = 0  # type: ignore[attr-defined]
    counters = interval.counters
    counters.clear()
    assert interval.counters["packets"] == 7


def test_threads_that_share_a_capture_count_every_packet_once(tmp_path: Path) -> None:
    path = tmp_path / "many.pcap"
    path.write_bytes(pcap(Syn(START + index) for index in range(20_000)))
    capture = Capture(path)
    observers = [Observer(interval_seconds=0) for _ in range(4)]

    def work(observer: Observer) -> int:
        while not capture.exhausted:
            observer.advance(capture, 100)
        interval = observer.finish()
        return interval.counters["counted"] if interval else 0

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, observers)) == 20_000
