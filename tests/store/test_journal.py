"""The journal: durable when it says so, whole or not there, and readable past damage."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teiten_collector.store.errors import DamagedEntryError, JournalError
from teiten_collector.store.journal import Entry, Journal, Position
from teiten_protocol import MAX_COMPRESSED_BYTES, BatchKey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEADER_BYTES = 16
ENTRY_HEADER_BYTES = 176


def entry(sequence: int, sensor: str = "tokyo-01") -> Entry:
    return Entry(
        BatchKey(sensor, 2**63 - 1, sequence), bytes([sequence % 256]) * 32, b"s" * 32, 7, 3, 2**63 - 1
    )


def body(sequence: int) -> bytes:
    return f"body {sequence} ".encode() * (sequence % 7 + 1)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal")
    yield opened
    opened.close()


def everything(journal: Journal) -> list[tuple[Position, Entry]]:
    return [found for segment in journal.segments() for found in journal.scan(segment)]


def test_what_was_appended_is_read_and_scanned_in_order(journal: Journal) -> None:
    positions = [journal.append(entry(number), body(number)) for number in range(10)]
    assert everything(journal) == [(position, entry(number)) for number, position in enumerate(positions)]
    for number, position in enumerate(positions):
        assert journal.read(position) == (entry(number), body(number))


def test_a_full_segment_is_followed_by_another_and_both_are_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=500)
    positions = [journal.append(entry(number), body(number)) for number in range(20)]
    segments = journal.segments()
    assert len(segments) > 5
    assert [position.segment for position in positions] == sorted(position.segment for position in positions)
    assert [found.key.sequence for _, found in everything(journal)] == list(range(20))
    assert [journal.busy(segment) for segment in segments] == [False] * (len(segments) - 1) + [True]
    journal.close()
    assert not journal.busy(segments[-1])


def test_threads_that_append_at_once_share_syncs_and_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs = []
    real = os.fdatasync
    gate = threading.Event()

    def counted(descriptor: int) -> None:
        gate.wait(5)
        syncs.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", counted)
    journal = Journal(tmp_path)
    threads = [threading.Thread(target=lambda n=n: journal.append(entry(n), body(n))) for n in range(64)]
    for thread in threads:
        thread.start()
    # The first one waits in its sync until all the others have appended: one more sync serves them all.
    expected = HEADER_BYTES + sum(ENTRY_HEADER_BYTES + len(body(n)) for n in range(64))
    while sum((tmp_path / segment).stat().st_size for segment in journal.segments()) < expected:
        threads[0].join(0.01)
    gate.set()
    for thread in threads:
        thread.join()
    journal.close()
    assert len(syncs) <= 3  # a thread may have written and not yet said so when the second one begins
    assert sorted(found.key.sequence for _, found in everything(journal)) == list(range(64))


def test_an_append_that_cannot_be_synced_fails_for_all_who_wait_and_the_next_one_begins_anew(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = journal.append(entry(1), body(1))

    def failing(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", failing)
        with pytest.raises(JournalError, match="Input/output error"):
            journal.append(entry(2), body(2))
    third = journal.append(entry(3), body(3))
    assert third.segment != first.segment
    assert journal.read(first) == (entry(1), body(1))


def test_a_write_that_fails_half_way_is_cut_off_and_the_segment_goes_on(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append(entry(1), body(1))
    real = os.pwrite

    def full_disk(descriptor: int, content: memoryview, offset: int) -> int:
        real(descriptor, content[: len(content) // 2], offset)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full_disk)
        with pytest.raises(JournalError, match="No space left"):
            journal.append(entry(2), body(2))
    journal.append(entry(3), body(3))
    assert len(journal.segments()) == 1
    assert [found.key.sequence for _, found in everything(journal)] == [1, 3]


def test_a_tail_torn_at_any_offset_leaves_every_entry_before_it(journal: Journal) -> None:
    positions = [journal.append(entry(number), body(number)) for number in range(3)]
    journal.close()
    path = journal.directory / positions[0].segment
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        ends = [position.offset + position.length for position in positions]
        assert [found.key.sequence for _, found in everything(journal)] == [
            number for number, end in enumerate(ends) if end <= length
        ]
        for number, end in enumerate(ends):
            if end > length:
                with pytest.raises(DamagedEntryError):
                    journal.read(positions[number])


def test_a_byte_changed_at_any_offset_costs_one_entry_at_most(journal: Journal) -> None:
    positions = [journal.append(entry(number), body(number)) for number in range(3)]
    journal.close()
    path = journal.directory / positions[0].segment
    whole = path.read_bytes()
    for offset in range(HEADER_BYTES, len(whole)):
        path.write_bytes(whole[:offset] + bytes([whole[offset] ^ 0x41]) + whole[offset + 1 :])
        readable = []
        for position, found in everything(journal):
            try:
                assert journal.read(position) == (found, body(found.key.sequence))
            except DamagedEntryError:
                continue
            readable.append(found.key.sequence)
        hit = next(n for n, p in enumerate(positions) if p.offset <= offset < p.offset + p.length)
        assert readable == [number for number in range(3) if number != hit]


def test_bytes_of_a_sensor_never_pass_for_an_entry(journal: Journal, tmp_path: Path) -> None:
    other = Journal(tmp_path / "other")
    forged = other.append(entry(66, "victim"), b"forged")
    other.close()
    inner = (tmp_path / "other" / forged.segment).read_bytes()[HEADER_BYTES:]
    position = journal.append(entry(1), inner)
    journal.append(entry(2), body(2))
    journal.close()
    path = journal.directory / position.segment
    damaged = bytearray(path.read_bytes())
    damaged[position.offset] ^= 1  # the scan now looks for the next entry inside the body
    path.write_bytes(bytes(damaged))
    assert [found.key.sequence for _, found in everything(journal)] == [2]


@given(st.binary(max_size=600))
def test_any_bytes_as_a_segment_are_scanned_to_the_end(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    directory = tmp_path_factory.mktemp("journal")
    (directory / "wild.segment").write_bytes(content)
    assert list(Journal(directory).scan("wild.segment")) == []


def test_two_processes_append_at_once_each_to_its_own_segments(journal: Journal) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from teiten_collector.store.journal import Journal\n"
        "from tests.store.test_journal import body, entry\n"
        "journal = Journal(Path(sys.argv[1]), segment_bytes=5000)\n"
        "for number in range(100):\n"
        "    journal.append(entry(number, sys.argv[2]), body(number))\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(journal.directory), name])
        for name in ("one", "two")
    ]
    for number in range(100):
        journal.append(entry(number), body(number))
    assert [process.wait(60) for process in processes] == [0, 0]
    found = everything(journal)
    for sensor in ("one", "two", "tokyo-01"):
        assert [e.key.sequence for _, e in found if e.key.sensor == sensor] == list(range(100))
    for position, e in found:
        assert journal.read(position) == (e, body(e.key.sequence))


@pytest.mark.parametrize("size", [0, MAX_COMPRESSED_BYTES + 1])
def test_a_body_out_of_bounds_is_refused(journal: Journal, size: int) -> None:
    with pytest.raises(JournalError, match="bytes"):
        journal.append(entry(1), bytes(size))
    assert journal.segments() == ()


def test_a_removed_segment_is_gone_and_said_so(journal: Journal) -> None:
    position = journal.append(entry(1), body(1))
    journal.close()
    journal.remove(position.segment)
    assert journal.segments() == ()
    with pytest.raises(DamagedEntryError, match="No such file"):
        journal.read(position)
