"""Opening captures: what is read, what is refused, and in which words."""

from __future__ import annotations

import errno
import gzip
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from teiten_agent._core import Capture, CaptureError
from tests.binding.files import SECOND, START, Syn, pcap, pcapng

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PACKETS = tuple(Syn(START + index * SECOND) for index in range(5))
EXPECTED = "expected a pcap or pcapng capture, plain or compressed by gzip or zstd"


@pytest.fixture(params=[pcap, pcapng], ids=["pcap", "pcapng"])
def write(request: pytest.FixtureRequest) -> Callable[[tuple[Syn, ...]], bytes]:
    writer: Callable[[tuple[Syn, ...]], bytes] = request.param
    return writer


def zstd_stored(data: bytes) -> bytes:
    """A zstd frame (RFC 8878 section 3.1.1) of one raw block, its content size in 4 bytes."""
    header = (len(data) << 3 | 1).to_bytes(3, "little")
    return b"\x28\xb5\x2f\xfd\xa0" + len(data).to_bytes(4, "little") + header + data


def test_a_capture_tells_what_it_is(tmp_path: Path, write: Callable[[tuple[Syn, ...]], bytes]) -> None:
    path = tmp_path / "five"
    path.write_bytes(write(PACKETS))
    capture = Capture(str(path))
    assert capture.path == str(path)
    assert capture.format == write.__name__
    assert capture.compression is None
    assert capture.size == path.stat().st_size
    assert 0 < capture.position < capture.size
    assert capture.fault is None
    assert not capture.exhausted


def test_span_and_walk_see_every_record_and_leave_the_position(
    tmp_path: Path, write: Callable[[tuple[Syn, ...]], bytes]
) -> None:
    path = tmp_path / "five"
    path.write_bytes(write((PACKETS[3], *PACKETS)))
    capture = Capture(path)
    before = capture.position
    assert capture.span() == (START, START + 4 * SECOND, 6)
    assert capture.walk() == 6
    assert capture.position == before
    assert not capture.exhausted


def test_a_capture_without_records_has_no_span(
    tmp_path: Path, write: Callable[[tuple[Syn, ...]], bytes]
) -> None:
    path = tmp_path / "none"
    path.write_bytes(write(()))
    capture = Capture(path)
    assert capture.span() is None
    assert capture.walk() == 0


@pytest.mark.parametrize(("pack", "name"), [(gzip.compress, "gzip"), (zstd_stored, "zstd")])
def test_a_compressed_capture_reads_as_if_it_were_plain(
    tmp_path: Path,
    write: Callable[[tuple[Syn, ...]], bytes],
    pack: Callable[[bytes], bytes],
    name: str,
) -> None:
    plain = write(PACKETS)
    path = tmp_path / "packed"
    path.write_bytes(pack(plain))
    capture = Capture(path)
    assert capture.compression == name
    assert capture.size == len(plain)
    assert capture.walk() == 5


def test_standard_input_is_read_whole_even_compressed(write: Callable[[tuple[Syn, ...]], bytes]) -> None:
    code = (
        "from teiten_agent._core import Capture\n"
        "capture = Capture('-')\n"
        "print(capture.path, capture.format, capture.compression, capture.walk())"
    )
    for data, compression in [(write(PACKETS), None), (gzip.compress(write(PACKETS)), "gzip")]:
        done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
        assert done.stdout.decode().split() == ["-", write.__name__, str(compression), "5"]


def test_a_named_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(pcap(PACKETS),))
    writer.start()
    try:
        assert Capture(path).walk() == 5
    finally:
        writer.join()


def test_a_file_that_is_no_capture_is_refused_with_what_it_looks_like(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("定点観測の記録\n", encoding="utf-8")
    with pytest.raises(CaptureError) as caught:
        Capture(path)
    error = caught.value
    assert isinstance(error, ValueError)
    assert error.path == str(path)
    assert error.offset is None
    assert error.reason == f"looks like text; {EXPECTED}"
    assert str(error) == f"{path}: {error.reason}"


def test_an_empty_file_and_a_directory_are_refused_by_name(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pcap"
    empty.touch()
    for path, words in [(empty, "is empty"), (tmp_path, "is a directory")]:
        with pytest.raises(CaptureError) as caught:
            Capture(path)
        assert caught.value.reason == f"{words}; {EXPECTED}"


def test_a_header_cut_short_is_refused_where_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "short.pcap"
    path.write_bytes(pcap(())[:19])
    with pytest.raises(CaptureError) as caught:
        Capture(path)
    assert caught.value.offset == 19
    assert caught.value.reason == "ends inside its pcap header (19 of 24 bytes are there)"


def test_what_the_system_refuses_stays_an_oserror(tmp_path: Path) -> None:
    path = tmp_path / "none.pcap"
    with pytest.raises(FileNotFoundError) as caught:
        Capture(path)
    assert caught.value.errno == errno.ENOENT
    assert caught.value.filename == str(path)
    assert caught.value.strerror == "No such file or directory"


def test_a_temporary_file_that_cannot_be_written_names_its_directory(tmp_path: Path) -> None:
    path = tmp_path / "large.pcap.gz"
    path.write_bytes(gzip.compress(pcap(PACKETS) + bytes(2 << 20), 1))
    code = (
        "import sys\n"
        "from teiten_agent._core import Capture\n"
        "try:\n"
        "    Capture(sys.argv[1])\n"
        "except OSError as error:\n"
        "    print(error)\n"
    )
    nowhere = tmp_path / "nowhere"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env={**os.environ, "TMPDIR": str(nowhere)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert f"cannot write a temporary file in {nowhere}" in done.stdout
    assert "TMPDIR" in done.stdout


def test_a_path_that_is_no_unicode_is_opened_and_given_back(tmp_path: Path) -> None:
    path = os.path.join(os.fsencode(tmp_path), b"\xff.pcap")  # noqa: PTH118 - bytes, which pathlib does not take
    with open(path, "wb") as file:  # noqa: PTH123 - as above
        file.write(pcap(PACKETS))
    assert Capture(os.fsdecode(path)).path == os.fsdecode(path)


def test_captures_are_frozen(tmp_path: Path) -> None:
    path = tmp_path / "five.pcap"
    path.write_bytes(pcap(PACKETS))
    capture = Capture(path)
    with pytest.raises(AttributeError):
        capture.position = 0  # type: ignore[misc]
    with pytest.raises(AttributeError):
        capture.other = 0  # type: ignore[attr-defined]


def test_a_signal_stops_the_reading_of_an_endless_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    code = (
        "import signal, sys\n"
        "from teiten_agent._core import Capture\n"
        "signal.signal(signal.SIGALRM, signal.default_int_handler)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)\n"
        "try:\n"
        "    Capture(sys.argv[1])\n"
        "except KeyboardInterrupt:\n"
        "    print('stopped')\n"
    )
    reader = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    # Opened for writing and left open: the reader waits for more until the signal comes.
    with path.open("wb") as writer:
        writer.write(pcap(PACKETS))
        writer.flush()
        assert reader.communicate(timeout=60)[0] == "stopped\n"
