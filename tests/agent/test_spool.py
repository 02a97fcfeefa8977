"""The promises in the header of `teiten_agent.spool`, one by one."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teiten_agent.errors import CannotWriteError, ConfigurationError, InternalError, UnreachableError
from teiten_agent.spool import Acknowledgement, Entry, SpoolFullError, StoredBatch, export, survey
from teiten_agent.spool.directory import Stored
from teiten_agent.spool.record import EpochRecord, Sequences
from teiten_protocol import compress, digest, encode
from tests.agent.batches import DIGEST, EPOCH, SENSOR, SETTINGS, Spooling, batch

if TYPE_CHECKING:
    from pathlib import Path

    from teiten_agent.spool import Spool


@pytest.fixture
def spooling(tmp_path: Path) -> Spooling:
    return Spooling(tmp_path / "spool")


def acknowledgement(stored: StoredBatch, *, sha256: str | None = None) -> Acknowledgement:
    key = stored.key
    return Acknowledgement(key.sensor, key.epoch, key.sequence, sha256 or stored.sha256, repeat=False)


def read(spool: Spool, sequence: int) -> StoredBatch:
    stored = spool.read(Entry(EPOCH, sequence))
    assert stored is not None
    return stored


def acknowledge(spool: Spool, sequence: int) -> None:
    stored = read(spool, sequence)
    spool.acknowledge(stored, acknowledgement(stored))


# Limits


def test_a_batch_over_the_limit_is_not_written(spooling: Spooling) -> None:
    with spooling.open(max_megabytes=1) as spool:
        spool.begin(EPOCH, SENSOR, SETTINGS, DIGEST)
        filler = spooling.directory / "something.damaged"
        filler.write_bytes(b"\0" * 999_990)
    with spooling.open(max_megabytes=1) as spool:
        with pytest.raises(SpoolFullError, match=r"is full: 1\.0 MB of 1 MB"):
            spool.store(batch())
        assert spool.waiting() == []
        filler.unlink()
    with spooling.open(max_megabytes=1) as spool:
        assert spool.store(batch()) is Stored.WRITTEN


def test_a_settled_batch_makes_room(spooling: Spooling) -> None:
    size = len(compress(encode(batch(0, padding=400))))
    count = 1_000_000 // size
    with spooling.open(max_megabytes=1) as spool:
        spool.begin(EPOCH, SENSOR, SETTINGS, DIGEST)
        spooling.directory.joinpath("x.damaged").write_bytes(b"\0" * (size * (count - 2)))
    with spooling.open(max_megabytes=1) as spool:
        for sequence in (0, 1):
            spool.store(batch(sequence, padding=400))
        with pytest.raises(SpoolFullError):
            spool.store(batch(2, padding=400))
        acknowledge(spool, 0)
        assert spool.store(batch(2, padding=400)) is Stored.WRITTEN


def test_one_process_uses_a_spool_at_a_time(spooling: Spooling) -> None:
    with (
        spooling.open(),
        pytest.raises(
            CannotWriteError, match=f"another teiten-agent uses this spool .process {os.getpid()}."
        ),
        spooling.open(),
    ):
        pass
    with spooling.open():
        pass


def test_the_lock_ends_with_its_process_however_it_ends(spooling: Spooling) -> None:
    program = (
        "import os, pathlib, signal, sys\n"
        "from teiten_agent.spool import Spool\n"
        "with Spool(pathlib.Path(sys.argv[1]), 1, print):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, spooling.directory], check=False)
    assert done.returncode < 0
    with spooling.open() as spool:
        assert spool.waiting() == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(CannotWriteError, match=r"file/spool: cannot be written: Not a directory"),
        Spooling(tmp_path / "file" / "spool").open(),
    ):
        pass


# Format and writing


def test_a_file_is_the_body_as_it_goes_over_http(spooling: Spooling) -> None:
    spooling.fill(0, 0x1F)
    files = {path.name: path.read_bytes() for path in spooling.directory.glob("*.batch")}
    assert files == {
        "0123456789abcdef-00000000.batch": compress(encode(batch(0))),
        "0123456789abcdef-0000001f.batch": compress(encode(batch(0x1F))),
    }


def test_storing_again_changes_nothing(spooling: Spooling) -> None:
    spooling.fill(0)
    path = spooling.directory / Entry(EPOCH, 0).name
    before = path.stat()
    with spooling.open() as spool:
        assert spool.store(batch(0)) is Stored.PRESENT
    assert path.stat() == before


def test_other_content_under_the_same_key_is_refused(spooling: Spooling) -> None:
    spooling.fill(0)
    with spooling.open() as spool, pytest.raises(InternalError, match="another content for the same batch"):
        spool.store(batch(0, counted=2))


def test_a_damaged_file_is_written_anew(spooling: Spooling) -> None:
    spooling.fill(0)
    path = spooling.directory / Entry(EPOCH, 0).name
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with spooling.open() as spool:
        assert spool.store(batch(0)) is Stored.WRITTEN
    assert path.read_bytes() == whole


# Reading


def test_batches_wait_in_the_order_of_epoch_and_sequence(spooling: Spooling) -> None:
    spooling.fill(10, 2, epoch=7)
    spooling.fill(1, epoch=5)
    with spooling.open() as spool:
        assert spool.waiting() == [Entry(5, 1), Entry(7, 2), Entry(7, 10)]


@given(st.data())
def test_a_file_with_any_damage_is_set_aside_counted_and_said(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    spooling = Spooling(tmp_path_factory.mktemp("spool"))
    spooling.fill(0)
    path = spooling.directory / Entry(EPOCH, 0).name
    whole = path.read_bytes()
    position = data.draw(st.integers(0, len(whole) - 1))
    damaged = data.draw(
        st.one_of(
            st.just(whole[:position]),
            st.integers(1, 255).map(
                lambda flip: whole[:position] + bytes([whole[position] ^ flip]) + whole[position + 1 :]
            ),
            st.binary(max_size=100),
        )
    )
    path.write_bytes(damaged)
    with spooling.open() as spool:
        stored = spool.read(Entry(EPOCH, 0))
        if stored is not None:  # a bit of the zlib stream that does not matter
            assert stored.sha256 == digest(encode(batch(0))).hex()
            return
        assert spool.waiting() == []
        assert not spool.is_whole(EPOCH)
    assert path.with_name(path.name + ".damaged").read_bytes() == damaged
    assert survey(spooling.directory, 10).damaged == 1
    assert len(spooling.said) == 1
    assert f"{path}: damaged (batch: " in spooling.said[0]


def test_a_batch_under_another_name_is_damaged(spooling: Spooling) -> None:
    spooling.fill(0)
    (spooling.directory / Entry(EPOCH, 0).name).rename(spooling.directory / Entry(EPOCH, 1).name)
    with spooling.open() as spool:
        assert spool.read(Entry(EPOCH, 1)) is None


# Acknowledging


def test_a_batch_is_deleted_only_for_its_own_acknowledgement(spooling: Spooling) -> None:
    spooling.fill(0)
    with spooling.open() as spool:
        stored = read(spool, 0)
        for wrong in (
            acknowledgement(stored, sha256="0" * 64),
            Acknowledgement("osaka-01", EPOCH, 0, stored.sha256, repeat=False),
            Acknowledgement(SENSOR, EPOCH + 1, 0, stored.sha256, repeat=False),
            Acknowledgement(SENSOR, EPOCH, 1, stored.sha256, repeat=True),
        ):
            with pytest.raises(UnreachableError, match="acknowledges another batch"):
                spool.acknowledge(stored, wrong)
        assert spool.waiting() == [Entry(EPOCH, 0)]
        spool.acknowledge(stored, acknowledgement(stored))
        assert spool.waiting() == []


def test_an_acknowledged_batch_is_never_written_again(spooling: Spooling) -> None:
    spooling.fill(0, 1)
    with spooling.open() as spool:
        acknowledge(spool, 1)
    with spooling.open() as spool:
        assert spool.store(batch(1)) is Stored.SETTLED
        assert spool.waiting() == [Entry(EPOCH, 0)]
        assert spool.is_whole(EPOCH)


def test_a_refused_batch_is_kept_with_its_reason_and_is_settled(spooling: Spooling) -> None:
    spooling.fill(0)
    with spooling.open() as spool:
        place = spool.refuse(read(spool, 0), "409: other content")
        assert spool.store(batch(0)) is Stored.SETTLED
        assert spool.waiting() == []
    assert place.read_bytes() == compress(encode(batch(0)))
    assert place.with_suffix(".reason").read_text() == "409: other content\n"
    assert survey(spooling.directory, 10).refused == 1
    with spooling.open() as spool:
        assert spool.retry_refused() == 1
        assert spool.waiting() == [Entry(EPOCH, 0)]
    assert not any((spooling.directory / "refused").iterdir())


def test_an_epoch_keeps_to_one_set_of_settings(spooling: Spooling) -> None:
    spooling.fill(0)
    with (
        spooling.open() as spool,
        pytest.raises(ConfigurationError, match=r"other settings .interval_seconds was 60, is 300."),
    ):
        spool.begin(EPOCH, SENSOR, {"interval_seconds": 300}, b"\x08" * 32)


# Recovery


def test_a_crash_before_the_acknowledgement_is_noted_keeps_the_batch(spooling: Spooling) -> None:
    spooling.fill(0)
    with spooling.open() as spool:
        read(spool, 0)  # it is sent, the collector answers, and the power fails
    with spooling.open() as spool:
        assert spool.waiting() == [Entry(EPOCH, 0)]


def test_a_crash_between_note_and_deletion_is_finished_by_recovery(spooling: Spooling) -> None:
    spooling.fill(0, 1)
    path = spooling.directory / Entry(EPOCH, 0).name
    content = path.read_bytes()
    with spooling.open() as spool:
        acknowledge(spool, 0)
    path.write_bytes(content)  # as if the deletion had not reached the medium
    with spooling.open() as spool:
        assert spool.waiting() == [Entry(EPOCH, 1)]


def test_what_was_being_written_is_removed(spooling: Spooling) -> None:
    spooling.fill(0)
    leftovers = [
        spooling.directory / ".0123456789abcdef-00000001.batch.writing",
        spooling.directory / "epochs" / ".0123456789abcdef.json.writing",
    ]
    for path in leftovers:
        path.write_bytes(b"half a")
    with spooling.open() as spool:
        assert spool.waiting() == [Entry(EPOCH, 0)]
    assert not any(path.exists() for path in leftovers)


@given(st.binary(max_size=60))
def test_a_record_with_any_damage_is_set_aside_and_begun_anew(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    spooling = Spooling(tmp_path_factory.mktemp("spool"))
    spooling.fill(0)
    path = spooling.directory / "epochs" / f"{EPOCH:016x}.json"
    path.write_bytes(content)
    with spooling.open() as spool:
        assert not spool.is_whole(EPOCH)
        acknowledge(spool, 0)
    assert EpochRecord.from_bytes(path.read_bytes()).acknowledged == Sequences(((0, 1),))
    assert path.with_name(path.name + ".damaged").read_bytes() == content
    assert "damaged" in spooling.said[0]


# Looking on


def test_status_and_export_need_no_lock_and_change_nothing(spooling: Spooling, tmp_path: Path) -> None:
    spooling.fill(0, 1, 2)
    with spooling.open() as spool:
        acknowledge(spool, 0)
        files = sorted(path.name for path in spooling.directory.iterdir())
        status = survey(spooling.directory, 10)
        assert export(spooling.directory, tmp_path / "out", spooling.said.append) == 2
        assert sorted(path.name for path in spooling.directory.iterdir()) == files
    assert (status.waiting, status.refused, status.damaged, status.acknowledged) == (2, 0, 0, 1)
    assert (status.epochs, status.incomplete_epochs) == (1, 0)
    assert status.acknowledged_at.endswith("+00:00")
    assert [path.read_bytes() for path in sorted((tmp_path / "out").iterdir())] == [
        compress(encode(batch(1))),
        compress(encode(batch(2))),
    ]


def test_a_spool_that_is_not_there_is_an_empty_one(tmp_path: Path) -> None:
    assert survey(tmp_path / "none", 1).waiting == 0
    assert not (tmp_path / "none").exists()


@given(st.lists(st.integers(0, 40)))
def test_sequences_are_a_set_in_fewest_ranges(numbers: list[int]) -> None:
    sequences = Sequences()
    for number in numbers:
        sequences = sequences.having(number)
    assert [number for number in range(50) if number in sequences] == sorted(set(numbers))
    assert len(sequences) == len(set(numbers))
    edges = [edge for pair in sequences.ranges for edge in pair]
    assert edges == sorted(set(edges))
