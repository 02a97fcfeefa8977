"""Recorded traffic: finding captures, what they span, and what identifies their content."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from teiten_agent import _core
from teiten_agent.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from teiten_agent.progress import Progress

STANDARD_INPUT = "-"

_CAPTURE_MAGICS = (
    b"\xa1\xb2\xc3\xd4",  # pcap, microseconds (draft-ietf-opsawg-pcap, section 4)
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",  # pcap, nanoseconds
    b"\x4d\x3c\xb2\xa1",
    b"\x0a\x0d\x0d\x0a",  # pcapng, section header block (draft-ietf-opsawg-pcapng, section 4.1)
)
_COMPRESSED_MAGICS = (
    b"\x1f\x8b",  # gzip (RFC 1952, section 2.3.1)
    b"\x28\xb5\x2f\xfd",  # zstd (RFC 8878, section 3.1.1)
)
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """A capture by name.

    Attributes:
        name: What the operator calls it.
        path: Where the core opens it.
        file: Keeps an unlinked copy of standard input alive.
    """

    name: str
    path: str
    file: BinaryIO | None = None


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A capture whose identity and span are known.

    Attributes:
        source: The capture.
        sha256: Digest of the file's bytes as they lie (compressed if they are).
        first_ns: Time of its earliest packet in nanoseconds of Unix time; None without packets.
        last_ns: Time of its latest packet; None without packets.
        size: The file's size in bytes.
        modified_ns: Its time of modification, to notice a change.
    """

    source: Source
    sha256: bytes
    first_ns: int | None
    last_ns: int | None
    size: int
    modified_ns: int


def find(names: Iterable[str], notice: Callable[[str], None]) -> Iterator[Source]:
    """Yield the captures that the operator names; a folder stands for those in it and below it.

    A named file is taken at its word. In a folder, a file is a capture if its name is not hidden and
    it begins like one; a compressed
    file that holds none is said and passed over.

    Raises:
        InputError: A name does not exist or cannot be read, or a folder holds no capture.
    """
    for name in names:
        if name != STANDARD_INPUT and Path(name).is_dir():
            found = False
            for path in _files_below(Path(name)):
                if _is_capture(path, notice):
                    found = True
                    yield Source(str(path), str(path))
            if not found:
                raise InputError(
                    f"{name}: holds no capture",
                    "captures are pcap or pcapng, perhaps gzip or zstd compressed",
                )
        else:
            yield Source("standard input" if name == STANDARD_INPUT else name, name)


def keep_standard_input(source: Source) -> Source:
    """Copy standard input into an unlinked temporary file, to be read more than once; others pass.

    Raises:
        InputError: It cannot be copied.
    """
    if source.path != STANDARD_INPUT:
        return source
    file = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the source
    try:
        shutil.copyfileobj(sys.stdin.buffer, file, _CHUNK_BYTES)
        file.flush()
    except OSError as error:
        file.close()
        raise InputError(
            f"standard input: cannot be kept in {tempfile.gettempdir()}: {error.strerror or error}",
            "set TMPDIR to a folder with room",
        ) from error
    return Source(source.name, f"/proc/self/fd/{file.fileno()}", file)


def open_capture(source: Source) -> _core.Capture:
    """Open a capture.

    Raises:
        InputError: It does not exist, cannot be read or is no capture.
    """
    try:
        return _core.Capture(source.path)
    except _core.CaptureError as error:
        raise InputError(f"{source.name}: {error.reason}{_at(error.offset)}") from error
    except OSError as error:
        raise InputError(f"{source.name}: cannot be read: {error.strerror or error}") from error


def fault_of(source: Source, capture: _core.Capture) -> str | None:
    """Name the fault at which reading a capture ended; None if it was read to its end."""
    if capture.fault is None:
        return None
    offset, reason = capture.fault
    return f"{source.name}: {reason}{_at(offset)}; everything before is counted"


def survey(sources: list[Source], progress: Progress) -> list[Surveyed]:
    """Read every capture for its digest and its span; return them in time order, each content once.

    Captures without packets come last; those with equal times are ordered by digest, so that names do not
    matter.

    Raises:
        InputError: One cannot be read.
    """
    surveyed: dict[bytes, Surveyed] = {}
    done = 0
    for source in sources:
        one = _survey(source, progress, done)
        surveyed.setdefault(one.sha256, one)
        done += one.size
    return sorted(
        surveyed.values(),
        key=lambda one: (one.first_ns is None, one.first_ns or 0, one.last_ns or 0, one.sha256),
    )


def check_unchanged(surveyed: Surveyed) -> None:
    """Make sure that a capture is still what was surveyed.

    Raises:
        InputError: It was written to in the meantime.
    """
    status = _status(surveyed.source)
    if (status.st_size, status.st_mtime_ns) != (surveyed.size, surveyed.modified_ns):
        raise InputError(
            f"{surveyed.source.name}: changed while it was read", "replay it when it is no longer written to"
        )


def total_size(sources: list[Source]) -> int:
    """The size of all captures in bytes, as they lie.

    Raises:
        InputError: One does not exist.
    """
    return sum(_status(source).st_size for source in sources)


def _survey(source: Source, progress: Progress, before: int) -> Surveyed:
    status = _status(source)
    sha256 = _digest(source, progress, before)
    span = open_capture(source).span()
    first, last = (None, None) if span is None else span[:2]
    surveyed = Surveyed(source, sha256, first, last, status.st_size, status.st_mtime_ns)
    check_unchanged(surveyed)
    return surveyed


def _digest(source: Source, progress: Progress, done: int) -> bytes:
    sha256 = hashlib.sha256()
    try:
        with Path(source.path).open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                sha256.update(chunk)
                done += len(chunk)
                progress.update(done)
    except OSError as error:
        raise InputError(f"{source.name}: cannot be read: {error.strerror or error}") from error
    return sha256.digest()


def _status(source: Source) -> os.stat_result:
    try:
        return Path(source.path).stat()
    except OSError as error:
        raise InputError(f"{source.name}: cannot be read: {error.strerror or error}") from error


def _files_below(directory: Path) -> Iterator[Path]:
    def complain(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror or error}") from error

    for folder, folders, files in os.walk(directory, onerror=complain):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield Path(folder, name)


def _is_capture(path: Path, notice: Callable[[str], None]) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    if magic in _CAPTURE_MAGICS:
        return True
    if not magic.startswith(_COMPRESSED_MAGICS):
        return False
    try:
        _core.Capture(str(path))
    except _core.CaptureError as error:
        notice(f"{path}: passed over, because what is compressed in it is no capture ({error.reason})")
        return False
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    return True


def _at(offset: int | None) -> str:
    return "" if offset is None else f" at byte {offset}"
