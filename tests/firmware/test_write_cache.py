"""The card whose cache is lost: what a power cut may do to it, and what it may not."""

from __future__ import annotations

import random
import socket
import struct
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware import block_server
from tests.firmware.block_server import Command, losing_power
from tests.firmware.write_cache import SECTOR_BYTES, WriteCache

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECTORS = 6
CARD_BYTES = SECTORS * SECTOR_BYTES


@dataclass(frozen=True, slots=True)
class Write:
    """Sectors that a board writes at once, each with the write's own number in it."""

    first: int
    count: int
    durable: bool = False


writes = st.integers(0, SECTORS - 1).flatmap(
    lambda first: st.builds(Write, st.just(first), st.integers(1, SECTORS - first), st.booleans())
)


def sectors(number: int, count: int) -> bytes:
    return b"".join(bytes([number, place]) * (SECTOR_BYTES // 2) for place in range(count))


def written(content: bytes, number: int, write: Write, part: slice = slice(None)) -> bytes:
    """The card after a write, or after some of its sectors."""
    made = bytearray(content)
    for place in range(write.count)[part]:
        at = (write.first + place) * SECTOR_BYTES
        made[at : at + SECTOR_BYTES] = sectors(number, write.count)[place * SECTOR_BYTES :][:SECTOR_BYTES]
    return bytes(made)


def outcomes(flushed: bytes, numbered: list[tuple[int, Write]]) -> Iterator[bytes]:
    """Every card that a power cut may leave: some writes whole, some not at all, one in part."""

    def put(content: bytes, left: list[tuple[int, Write]], *, may_tear: bool) -> Iterator[bytes]:
        if not left:
            yield content
            return
        (number, write), *rest = left
        yield from put(written(content, number, write), rest, may_tear=may_tear)
        if write.durable:
            return
        yield from put(content, rest, may_tear=may_tear)
        if may_tear:
            for at, head in product(range(1, write.count), (True, False)):
                part = slice(None, at) if head else slice(at, None)
                yield from put(written(content, number, write, part), rest, may_tear=False)

    yield from put(flushed, numbered, may_tear=True)


@given(st.lists(writes, max_size=4), st.lists(writes, max_size=3), st.randoms(use_true_random=False))
def test_flushed_stays_and_of_the_rest_a_power_cut_keeps_some_loses_some_and_tears_one_at_most(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[Write],
    after: list[Write],
    chance: random.Random,
) -> None:
    card = tmp_path_factory.mktemp("card") / "card.img"
    card.write_bytes(bytes(CARD_BYTES))
    flushed = bytes(CARD_BYTES)
    numbered = list(enumerate(after, 100))
    with WriteCache(card) as cache:
        for number, write in enumerate(before, 1):
            flushed = written(flushed, number, write)
            cache.write(write.first * SECTOR_BYTES, sectors(number, write.count), durable=write.durable)
        cache.flush()
        seen = flushed
        for number, write in numbered:
            seen = written(seen, number, write)
            cache.write(write.first * SECTOR_BYTES, sectors(number, write.count), durable=write.durable)
        assert cache.read(0, CARD_BYTES) == seen
        loss = cache.cut(chance)
    assert loss.kept + loss.lost + loss.torn == len(after)
    assert loss.torn <= any(write.count > 1 and not write.durable for write in after)
    assert card.read_bytes() in set(outcomes(flushed, numbered))


def left_by_cuts(card: Path, *written_sectors: Write) -> set[tuple[int, ...]]:
    """For every card that 64 power cuts leave: the number of the write in each of its sectors."""
    left = set()
    for seed in range(64):
        card.write_bytes(bytes(CARD_BYTES))
        with WriteCache(card) as cache:
            for number, write in enumerate(written_sectors, 1):
                cache.write(write.first * SECTOR_BYTES, sectors(number, write.count))
            cache.cut(random.Random(seed))
        left.add(tuple(card.read_bytes()[::SECTOR_BYTES]))
    return left


def test_any_of_two_writes_may_come_without_the_other(tmp_path: Path) -> None:
    left = left_by_cuts(tmp_path / "card.img", Write(0, 1), Write(1, 1))
    assert left == {(first, second, 0, 0, 0, 0) for first in (0, 1) for second in (0, 2)}


def test_a_write_may_come_whole_not_at_all_or_torn_on_either_side(tmp_path: Path) -> None:
    left = left_by_cuts(tmp_path / "card.img", Write(0, 2))
    assert left == {(first, second, 0, 0, 0, 0) for first in (0, 1) for second in (0, 1)}


def test_the_same_seed_loses_the_same(tmp_path: Path) -> None:
    contents = set()
    card = tmp_path / "card.img"
    for _ in range(3):
        card.write_bytes(bytes(CARD_BYTES))
        with WriteCache(card) as cache:
            for number in range(1, 5):
                cache.write(number * SECTOR_BYTES, sectors(number, 2))
            cache.cut(random.Random(7))
        contents.add(card.read_bytes())
    assert len(contents) == 1


@pytest.mark.parametrize(("offset", "length"), [(1, 512), (0, 511), (CARD_BYTES, 512), (-512, 512)])
def test_what_is_no_sector_of_the_card_is_refused(tmp_path: Path, offset: int, length: int) -> None:
    card = tmp_path / "card.img"
    card.write_bytes(bytes(CARD_BYTES))
    with WriteCache(card) as cache, pytest.raises(ValueError, match="no sectors of a card of 3072 bytes"):
        cache.write(offset, bytes(length))
    assert card.read_bytes() == bytes(CARD_BYTES)


class Board:
    """The few words of the protocol that a board speaks."""

    def __init__(self, path: Path) -> None:
        """Connect, and agree on the export."""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(str(path))
        assert self.take(18) == b"NBDMAGICIHAVEOPT\0\3"
        self.socket.sendall(struct.pack(">I", 3))
        # A word that the server does not know (structured replies), then the one that it does.
        self.socket.sendall(b"IHAVEOPT" + struct.pack(">II", 8, 0))
        assert struct.unpack(">QIII", self.take(20))[2] == block_server.UNSUPPORTED
        self.socket.sendall(b"IHAVEOPT" + struct.pack(">IIIH", block_server.GO, 6, 0, 0))
        self.size = 0
        while True:
            magic, option, kind, length = struct.unpack(">QIII", self.take(20))
            assert (magic, option) == (block_server.OPTION_REPLY, block_server.GO)
            content = self.take(length)
            if kind == block_server.ACKNOWLEDGED:
                break
            if struct.unpack(">H", content[:2])[0] == block_server.EXPORT:
                self.size = struct.unpack(">Q", content[2:10])[0]

    def take(self, length: int) -> bytes:
        """So many bytes that came, or fewer if no more come."""
        content = b""
        while len(content) < length and (more := self.socket.recv(length - len(content))):
            content += more
        return content

    def send(self, command: int, offset: int = 0, length: int = 0, data: bytes = b"", flags: int = 0) -> None:
        """Ask, and do not wait."""
        magic = block_server.REQUEST
        self.socket.sendall(struct.pack(">IHHQQI", magic, flags, command, 42, offset, length) + data)

    def ask(self, command: int, offset: int = 0, length: int = 0, data: bytes = b"", flags: int = 0) -> int:
        """The error that comes back."""
        self.send(command, offset, length, data, flags)
        magic, error, cookie = struct.unpack(">IIQ", self.take(16))
        assert (magic, cookie) == (block_server.REPLY, 42)
        return int(error)

    def write(self, first: int, data: bytes, flags: int = 0) -> int:
        """Write from a sector on; the error that comes back."""
        return self.ask(Command.WRITE, first * SECTOR_BYTES, len(data), data, flags)


def test_a_board_reads_what_it_wrote_and_keeps_what_it_flushed(tmp_path: Path) -> None:
    card = tmp_path / "card.img"
    card.write_bytes(bytes(CARD_BYTES))
    with losing_power(card, tmp_path / "card.sock", random.Random(1)) as server:
        board = Board(tmp_path / "card.sock")
        assert board.size == CARD_BYTES
        assert board.write(0, sectors(1, 2)) == 0
        assert board.ask(Command.FLUSH) == 0
        assert board.write(2, sectors(2, 1), block_server.FUA) == 0
        assert board.write(3, sectors(3, 3)) == 0
        assert board.ask(Command.READ, 3 * SECTOR_BYTES, 3 * SECTOR_BYTES) == 0
        assert board.take(3 * SECTOR_BYTES) == sectors(3, 3)
        assert board.ask(Command.READ, CARD_BYTES, SECTOR_BYTES) != 0
        assert board.ask(9) != 0
        board.socket.close()
    assert server.loss.kept + server.loss.lost + server.loss.torn == 2  # those after the flush
    assert card.read_bytes().startswith(sectors(1, 2) + sectors(2, 1))


def test_a_card_that_stops_at_a_write_answers_nothing_more(tmp_path: Path) -> None:
    card = tmp_path / "card.img"
    card.write_bytes(bytes(CARD_BYTES))
    with losing_power(card, tmp_path / "card.sock", random.Random(1)) as server:
        board = Board(tmp_path / "card.sock")
        server.stop_at_write(2)
        assert board.write(0, sectors(1, 1)) == 0
        assert not server.has_stopped()
        board.send(Command.WRITE, SECTOR_BYTES, SECTOR_BYTES, sectors(2, 1), block_server.FUA)
        board.send(Command.WRITE, SECTOR_BYTES, SECTOR_BYTES, sectors(3, 1))
        board.send(Command.FLUSH)
        assert server.has_stopped(20)
        board.socket.close()
    assert server.loss.kept + server.loss.lost == 2  # the third was never taken
    assert card.read_bytes()[SECTOR_BYTES] in (0, 2)
