"""Sums of captures: what an observer's intervals add up to, whatever the number of threads and calls."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teiten_agent._core import Capture, Observer, Rules, Sums
from tests.binding.files import SECOND, START, Syn, pcap, pcapng

if TYPE_CHECKING:
    from pathlib import Path

PACKETS = tuple(Syn(START + 20 * index * SECOND, port=445 + index % 2) for index in range(7))
RULE = ("own.rules", 'alert tcp any any -> any 445 (msg:"SMB"; sid:7;)')


def counted(sums: Sums, *captures: Capture, length: int = 1 << 26) -> tuple[object, ...]:
    for capture in captures:
        while not capture.exhausted:
            sums.advance(capture, length)
    return sums.counters, sums.keys(), sums.classes(), sums.tools(), sums.signatures()


@given(length=st.integers(1, 400), threads=st.integers(1, 4), kind=st.sampled_from([pcap, pcapng]))
def test_neither_threads_nor_calls_change_the_sums(
    tmp_path_factory: pytest.TempPathFactory, length: int, threads: int, kind: type
) -> None:
    path = tmp_path_factory.mktemp("seven") / "seven"
    path.write_bytes(kind(PACKETS))
    whole = counted(Sums(), Capture(path))
    assert counted(Sums(threads=threads), Capture(path), length=length) == whole


def test_sums_are_those_of_an_observers_intervals(tmp_path: Path) -> None:
    path = tmp_path / "seven.pcap"
    path.write_bytes(pcap(PACKETS)[:-1])
    observer = Observer()
    capture = Capture(path)
    keys: Counter[str] = Counter()
    while not capture.exhausted:
        if interval := observer.advance(capture):
            keys.update({key: packets for key, (packets, _) in interval.keys().items()})
    last = observer.finish()
    assert last is not None
    keys.update({key: packets for key, (packets, _) in last.keys().items()})
    sums, again = Sums(), Capture(path)
    counters, found, classes, _, _ = counted(sums, again)
    assert {key: packets for key, (packets, _) in sums.keys().items()} == keys
    assert (counters, classes) == (
        {"packets": 6, "bytes": 240, "counted": 6, "not_monitored": 0},
        {"probe": 6},
    )
    assert again.fault == capture.fault
    assert found == sums.keys()


def test_rules_detect_what_they_match(tmp_path: Path) -> None:
    path = tmp_path / "seven.pcap"
    path.write_bytes(pcap(PACKETS))
    sums = Sums(rules=Rules([RULE]), threads=3)
    assert counted(sums, Capture(path), Capture(path))[-1] == {7: 8}


def test_numbers_out_of_bounds_are_named(tmp_path: Path) -> None:
    path = tmp_path / "seven.pcap"
    path.write_bytes(pcap(PACKETS))
    with pytest.raises(ValueError, match="threads is 0"):
        Sums(threads=0)
    with pytest.raises(ValueError, match="length is 0"):
        Sums().advance(Capture(path), 0)
    with pytest.raises(ValueError, match=r"write `192\.0\.2\.0/24`"):
        Sums(["192.0.2.1/24"])
