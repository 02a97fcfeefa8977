"""The spool of live capture: it goes on whatever the disk and the clock do, and every loss is counted."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from teiten_agent.spool import Acknowledgement, Entry, Spool, Stored, survey
from teiten_agent.spool.clock import Clocks
from teiten_agent.spool.losses import SLOT_BYTES, Losses, Reason
from teiten_protocol import compress, decode, encode, expand
from tests.agent.batches import DIGEST, EPOCH, LIVE_SETTINGS, SENSOR, Spooling, batch

if TYPE_CHECKING:
    from pathlib import Path

    from teiten_agent.spool import StoredBatch
    from teiten_protocol import Batch

PADDING = 400
SIZE = len(compress(encode(batch(0, padding=PADDING))))
"""A batch of some kilobytes, so that a limit of one megabyte is soon reached."""
DAY_NS = 86_400 * 1_000_000_000


def sized(sequence: int, packets: int = 3) -> Batch:
    """A batch of `SIZE` bytes, or nearly, that met some packets."""
    made = batch(sequence, padding=PADDING)
    return replace(made, counters={**made.counters, "packets": packets})


def begin(spool: Spool, epoch: int = EPOCH) -> Spool:
    spool.begin(epoch, SENSOR, LIVE_SETTINGS, DIGEST)
    return spool


def counters(spooling: Spooling, sequence: int) -> dict[str, int]:
    """What a batch on disk states as lost."""
    path = spooling.directory / Entry(EPOCH, sequence).name
    found = decode(expand(path.read_bytes())).counters
    return {name: count for name, count in found.items() if name.startswith("lost.")}


def acknowledgement(stored: StoredBatch) -> Acknowledgement:
    key = stored.key
    return Acknowledgement(key.sensor, key.epoch, key.sequence, stored.sha256, repeat=False)


@pytest.fixture
def spooling(tmp_path: Path) -> Spooling:
    return Spooling(tmp_path / "spool")


# Limits


def test_when_full_the_oldest_go_and_the_next_batch_says_so(spooling: Spooling) -> None:
    with spooling.open(max_megabytes=1) as spool:
        begin(spool)
        fit = 1_000_000 // SIZE - 1
        for sequence in range(fit + 3):
            assert spool.keep(sized(sequence)) is Stored.WRITTEN
        kept = [entry.sequence for entry in spool.waiting()]
        assert kept == list(range(kept[0], fit + 3))
        assert kept[0] > 0
        assert spool._used <= 1_000_000  # noqa: SLF001  # the limit is the promise
    reported: Counter[str] = Counter(spool.lost())
    for sequence in kept:
        reported.update(counters(spooling, sequence))
    assert reported == {"lost.full_batches": kept[0], "lost.full_packets": 3 * kept[0]}


def test_a_batch_that_is_given_up_hands_its_own_report_on(spooling: Spooling) -> None:
    """Over a long outage every batch that told of losses is lost itself: no count goes with it."""
    with spooling.open(max_megabytes=1) as spool:
        begin(spool)
        total = 2 * (1_000_000 // SIZE)
        for sequence in range(total):
            spool.keep(sized(sequence))
        waiting = spool.waiting()
    reported: Counter[str] = Counter(spool.lost())
    for entry in waiting:
        reported.update(counters(spooling, entry.sequence))
    assert reported["lost.full_batches"] == total - len(waiting)
    assert reported["lost.full_packets"] == 3 * (total - len(waiting))


def test_batches_of_a_replay_are_never_given_up(spooling: Spooling) -> None:
    spooling.fill(*range(5), epoch=7)
    with spooling.open(max_megabytes=1) as spool:
        begin(spool)
        for sequence in range(2 * (1_000_000 // SIZE)):
            spool.keep(sized(sequence))
        assert [entry for entry in spool.waiting() if entry.epoch == 7] == [
            Entry(7, sequence) for sequence in range(5)
        ]


def test_damaged_files_go_before_any_batch(spooling: Spooling) -> None:
    with spooling.open(max_megabytes=1) as spool:
        begin(spool)
        spool.keep(sized(0))
        damaged = spooling.directory / (Entry(EPOCH, 9).name + ".damaged")
        damaged.write_bytes(bytes(1_000_000 - 3 * SIZE))
    with spooling.open(max_megabytes=1) as spool:
        for sequence in range(1, 5):
            spool.keep(sized(sequence))
        assert len(spool.waiting()) == 5
        assert not damaged.exists()
        assert spool.lost() == {}


def test_what_waited_too_long_goes_and_is_counted(spooling: Spooling) -> None:
    clock = Clock()
    with clock.spool(spooling) as spool:
        begin(spool)
        spool.keep(sized(0))
        clock.age(spooling, 0)
        clock.pass_days(20)
        spool.keep(sized(1))
        clock.age(spooling, 1)
        clock.pass_days(11)
        assert spool.expire(30 * 86_400) == [Entry(EPOCH, 0)]
        assert spool.lost() == {"lost.age_batches": 1, "lost.age_packets": 3}
        spool.keep(sized(2))
        assert counters(spooling, 2) == {"lost.age_batches": 1, "lost.age_packets": 3}


# Time


class Clock:
    """Two clocks of a machine, one of which can be set."""

    def __init__(self) -> None:
        """Begin in 2023."""
        self.date = 1_700_000_000 * 1_000_000_000
        self.since_boot = 1

    def pass_days(self, days: float) -> None:
        """Let time pass."""
        self.date += int(days * DAY_NS)
        self.since_boot += int(days * DAY_NS)

    def set(self, days: float) -> None:
        """Set the date, which is no passing of time."""
        self.date += int(days * DAY_NS)

    def spool(self, spooling: Spooling) -> Spool:
        """A spool that looks at these clocks."""
        clocks = Clocks(date=lambda: self.date, since_boot=lambda: self.since_boot)
        return Spool(spooling.directory, 10, spooling.said.append, clocks=clocks)

    def age(self, spooling: Spooling, sequence: int) -> None:
        """Date a file by this clock: the kernel has another one."""
        os.utime(spooling.directory / Entry(EPOCH, sequence).name, ns=(self.date, self.date))


@pytest.mark.parametrize("days", [-20 * 365, 20 * 365])
def test_a_clock_set_by_years_makes_nothing_older(spooling: Spooling, days: float) -> None:
    clock = Clock()
    with clock.spool(spooling) as spool:
        begin(spool)
        spool.keep(sized(0))
        clock.age(spooling, 0)
        clock.pass_days(29)
        clock.set(days)
        assert spool.expire(30 * 86_400) == []
        spool.keep(sized(1))
        clock.age(spooling, 1)
        assert [one.entry.sequence for one in spool.in_order()] == [0, 1]
        clock.pass_days(2)
        assert spool.expire(30 * 86_400) == [Entry(EPOCH, 0)]
    assert any("the clock was set by" in said for said in spooling.said)


def test_order_is_by_the_time_of_writing_and_not_by_the_number_of_the_epoch(spooling: Spooling) -> None:
    """A start under a clock that is years back has a smaller epoch, and is later all the same."""
    with spooling.open() as spool:
        for turn, epoch in enumerate((9, 3)):
            begin(spool, epoch)
            for sequence in range(2):
                spool.keep(batch(sequence, epoch=epoch))
                at = (10 * turn + sequence) * 1_000_000_000
                os.utime(spooling.directory / Entry(epoch, sequence).name, ns=(at, at))
        order = [Entry(9, 0), Entry(9, 1), Entry(3, 0), Entry(3, 1)]
        assert [one.entry for one in spool.in_order()] == order
        assert [one.entry for one in spool.in_order(newest_first=True)] == order[::-1]


# Disks

_ON_A_SMALL_DISK = """
import pathlib, sys
from teiten_agent.spool import Spool, Stored
from tests.agent.test_spool_live import begin, sized
said = []
with Spool(pathlib.Path(sys.argv[1]), 500, said.append) as spool:
    begin(spool)
    for sequence in range(400):
        assert spool.keep(sized(sequence)) is Stored.WRITTEN, said
    waiting = [entry.sequence for entry in spool.waiting()]
print(len(waiting), waiting[0], waiting[-1], len(said))
"""


def test_a_full_disk_gives_up_the_oldest_and_goes_on(tmp_path: Path) -> None:
    """A file system of its own, of one megabyte: the spool's limit is far above it."""
    done = in_a_mount_namespace(
        f"mount -t tmpfs -o size=1m none {tmp_path} && exec {sys.executable} -c '{_ON_A_SMALL_DISK}'"
        f" {tmp_path}/spool"
    )
    held, first, last, said = map(int, done.split())
    assert last == 399
    assert first == 400 - held
    assert 0 < held < 400
    assert said == 0


_ON_A_DISK_THAT_TURNS_READ_ONLY = """
import pathlib, subprocess, sys
from teiten_agent.spool import Spool, Stored
from tests.agent.test_spool_live import begin, sized
said = []
def remount(how): subprocess.run(["mount", "-o", f"remount,{how}", sys.argv[1]], check=True)
with Spool(pathlib.Path(sys.argv[1]) / "spool", 500, said.append) as spool:
    begin(spool)
    assert spool.keep(sized(0)) is Stored.WRITTEN
    remount("ro")
    for _ in range(5):
        assert spool.keep(sized(1)) is Stored.LOST
    assert spool.lost() == {"lost.unwritable_batches": 5, "lost.unwritable_packets": 15}, spool.lost()
    remount("rw")
    assert spool.keep(sized(1)) is Stored.WRITTEN
    assert spool.lost() == {}
print(*said, sep="|")
"""


def test_a_disk_that_turns_read_only_costs_counted_batches_and_is_said_once(tmp_path: Path) -> None:
    done = in_a_mount_namespace(
        f"mount -t tmpfs -o size=4m none {tmp_path} && exec {sys.executable} -c"
        f" '{_ON_A_DISK_THAT_TURNS_READ_ONLY}' {tmp_path}"
    )
    lost, back = done.strip().split("|")
    assert "Read-only file system; capture goes on" in lost
    assert "can be written again" in back


def in_a_mount_namespace(script: str) -> str:
    """Run a shell script where it may mount, unseen by anything else; what it printed."""
    unshare = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else [])]
    done = subprocess.run([*unshare, "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# Recovery


def test_a_half_written_batch_is_removed_and_counted(spooling: Spooling) -> None:
    with spooling.open() as spool:
        begin(spool)
    (spooling.directory / f".{Entry(EPOCH, 0).name}.writing").write_bytes(b"half a")
    with spooling.open() as spool:
        assert spool.lost() == {"lost.torn_batches": 1}
    assert survey(spooling.directory, 10).lost == {"lost.torn_batches": 1}
    with spooling.open() as spool:
        assert spool.lost() == {"lost.torn_batches": 1}
        spool.keep(batch(0))
        assert counters(spooling, 0) == {"lost.torn_batches": 1}


def test_a_whole_batch_of_which_power_left_the_name_it_was_written_under_waits_again(
    spooling: Spooling,
) -> None:
    with spooling.open() as spool:
        begin(spool)
        spool.keep(batch(0))
    place = spooling.directory / Entry(EPOCH, 0).name
    content = place.read_bytes()
    place.rename(place.with_name(f".{place.name}.writing"))
    with spooling.open() as spool:
        assert spool.waiting() == [Entry(EPOCH, 0)]
        assert spool.lost() == {}
    assert place.read_bytes() == content
    assert [path.name for path in spooling.directory.glob(".*")] == []


def test_a_crash_before_the_reporting_batch_is_written_reports_later(spooling: Spooling) -> None:
    with spooling.open() as spool:
        begin(spool)
        losses = spool._losses  # noqa: SLF001  # the state that a crash leaves
        losses.add(Reason.FULL, packets=5)
        losses.load_onto(Entry(EPOCH, 0).name)
        losses.save()
    with spooling.open() as spool:
        assert spool.lost() == {"lost.full_batches": 1, "lost.full_packets": 5}


def test_a_crash_after_the_reporting_batch_is_written_reports_once(spooling: Spooling) -> None:
    with spooling.open() as spool:
        begin(spool)
        spool.keep(batch(0))
        losses = spool._losses  # noqa: SLF001  # as above
        losses.add(Reason.FULL)
        losses.load_onto(Entry(EPOCH, 0).name)
        losses.save()
    with spooling.open() as spool:
        assert spool.lost() == {}


def test_a_crash_between_counting_and_deleting_counts_once(spooling: Spooling) -> None:
    with spooling.open() as spool:
        begin(spool)
        spool.keep(batch(0))
        losses = spool._losses  # noqa: SLF001  # as above
        losses.add(Reason.FULL, packets=1)
        losses.leaving = Entry(EPOCH, 0).name
        losses.save()
    with spooling.open() as spool:
        assert spool.waiting() == []
        assert spool.lost() == {"lost.full_batches": 1, "lost.full_packets": 1}


def test_damage_at_any_offset_of_a_live_batch_costs_that_batch_and_is_counted(spooling: Spooling) -> None:
    """Every byte flipped and every other length cut, one at a time: never a crash, never a wrong count."""
    with spooling.open() as spool:
        begin(spool)
        spool.keep(batch(0))
        spool.keep(batch(1))
        first, second = (spooling.directory / Entry(EPOCH, sequence).name for sequence in (0, 1))
        whole, other = first.read_bytes(), second.read_bytes()
        lost = 0
        for at in range(len(whole)):
            flipped = whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]
            for damaged in (whole[:at], flipped) if at % 2 else (flipped,):
                first.write_bytes(damaged)
                stored = spool.read(Entry(EPOCH, 0))
                if stored is None:
                    lost += 1
                    assert not first.exists()
                else:  # a bit of the compressed stream that does not matter
                    assert stored.key == batch(0).key
                    assert decode(expand(stored.compressed)) == batch(0)
        assert lost >= len(whole) * 3 // 2 - 8
        assert spool.lost() == {"lost.damaged_batches": lost}
        assert second.read_bytes() == other
        assert spool.read(Entry(EPOCH, 1)) is not None


def test_damage_at_any_offset_of_the_losses_leaves_the_state_before(tmp_path: Path) -> None:
    path = tmp_path / "losses"
    losses = Losses(path)
    losses.load()
    for _ in range(2):
        losses.add(Reason.FULL, packets=7)
        assert losses.save()
    whole = path.read_bytes()
    for at in range(0, 2 * SLOT_BYTES, 31):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :])
        again = Losses(path)
        again.load()
        assert again.pending["lost.full_batches"] in {1, 2}
    path.write_bytes(b"\0" * 100)
    again = Losses(path)
    again.load()
    assert not again.pending
    assert again.save()


def test_many_acknowledgements_are_noted_in_one_write_an_epoch(spooling: Spooling) -> None:
    with spooling.open() as spool:
        begin(spool)
        for sequence in range(5):
            spool.keep(batch(sequence))
        stored = [spool.read(Entry(EPOCH, sequence)) for sequence in range(5)]
        spool.acknowledge_all([(one, acknowledgement(one)) for one in stored if one is not None])
        assert spool.waiting() == []
        assert all(spool.is_settled(Entry(EPOCH, sequence)) for sequence in range(5))
