"""A card with a write cache as QEMU reaches it: by the protocol NBD, over a Unix socket.

Source: NetworkBlockDevice/nbd, doc/proto.md: fixed newstyle negotiation, simple replies.
"""

from __future__ import annotations

import errno
import socket
import struct
import threading
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING

from tests.firmware.write_cache import SECTOR_BYTES, Loss, WriteCache

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

GREETING = b"NBDMAGIC"
OPTION = b"IHAVEOPT"
FIXED_NEWSTYLE, NO_ZEROES = 1, 2
OPTION_REPLY = 0x0003E889045565A9
ABORT, INFO, GO = 2, 6, 7
ACKNOWLEDGED, INFORMATION, UNSUPPORTED = 1, 3, (1 << 31) + 1
EXPORT, BLOCK_SIZE = 0, 3
HAS_FLAGS, SENDS_FLUSH, SENDS_FUA = 1, 1 << 2, 1 << 3
REQUEST, REPLY = 0x25609513, 0x67446698
FUA = 1


class Command(IntEnum):
    """What a board asks for."""

    READ = 0
    WRITE = 1
    DISCONNECT = 2
    FLUSH = 3


LARGEST_BYTES = 32 << 20
"""Of one request, as the protocol has it where nothing else is agreed."""


class BlockServer:
    """Serves one board, until its power is cut.

    Attributes:
        loss: What the power cut did; only after it.
    """

    def __init__(self, cache: WriteCache, path: Path) -> None:
        """Listen.

        Raises:
            OSError: There is no socket to be made at `path`.
        """
        self.loss = Loss()
        self._cache = cache
        self._path = path
        self._left = 0
        self._stopped = threading.Event()
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def drive(self) -> str:
        """As QEMU's `-drive` names it. The board's flushes reach the cache, and nothing else is flushed."""
        return f"file=nbd+unix:///?socket={self._path},cache=writeback"

    def stop_at_write(self, number: int) -> None:
        """Take so many writes more and then nothing, as if the power went with the last one on its way.

        Args:
            number: From 1.
        """
        self._left = number

    def has_stopped(self, seconds: float = 0) -> bool:
        """Wait for that, for so long at most; whether it is so."""
        return self._stopped.wait(seconds)

    @property
    def writes(self) -> int:
        """How many there were so far."""
        return self._cache.writes

    def cut(self, chance: random.Random) -> Loss:
        """Cut the power of the card. The board must be off already, or it hangs."""
        self._stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        self.loss = self._cache.cut(chance)
        return self.loss

    def _serve(self) -> None:
        while True:
            try:
                board, _ = self._listener.accept()
            except OSError:
                return
            with board:
                try:
                    if _negotiate(board, self._cache.size):
                        self._answer(board)
                except (EOFError, ConnectionError):
                    continue  # it was switched off

    def _answer(self, board: socket.socket) -> None:
        while True:
            magic, flags, kind, cookie, offset, length = struct.unpack(">IHHQQI", _exactly(board, 28))
            if magic != REQUEST or length > LARGEST_BYTES or kind == Command.DISCONNECT:
                return
            data = _exactly(board, length) if kind == Command.WRITE else b""
            if self._stopped.is_set():
                continue
            error, read = 0, b""
            match kind:
                case _ if offset + length > self._cache.size:
                    error = errno.EINVAL
                case Command.READ:
                    read = self._cache.read(offset, length)
                case Command.WRITE:
                    last = self._left == 1
                    # A write that is not answered was promised nothing.
                    self._cache.write(offset, data, durable=bool(flags & FUA) and not last)
                    self._left = max(self._left - 1, 0)
                    if last:
                        self._stopped.set()
                        continue
                case Command.FLUSH:
                    self._cache.flush()
                case _:
                    error = errno.EINVAL
            board.sendall(struct.pack(">IIQ", REPLY, error, cookie) + read)


def _negotiate(board: socket.socket, size: int) -> bool:
    """Agree on the one export there is; whether the board wants it."""
    board.sendall(GREETING + OPTION + struct.pack(">H", FIXED_NEWSTYLE | NO_ZEROES))
    _exactly(board, 4)
    while True:
        magic, option, length = struct.unpack(">8sII", _exactly(board, 16))
        if magic != OPTION or length > LARGEST_BYTES:
            return False
        _exactly(board, length)
        replies: list[tuple[int, bytes]] = [(UNSUPPORTED, b"")]
        if option in (INFO, GO):
            export = struct.pack(">HQH", EXPORT, size, HAS_FLAGS | SENDS_FLUSH | SENDS_FUA)
            blocks = struct.pack(">HIII", BLOCK_SIZE, SECTOR_BYTES, 4096, LARGEST_BYTES)
            replies = [(INFORMATION, export), (INFORMATION, blocks), (ACKNOWLEDGED, b"")]
        elif option == ABORT:
            replies = [(ACKNOWLEDGED, b"")]
        for kind, content in replies:
            board.sendall(struct.pack(">QIII", OPTION_REPLY, option, kind, len(content)) + content)
        if option in (GO, ABORT):
            return bool(option == GO)


def _exactly(board: socket.socket, length: int) -> bytes:
    """So many bytes.

    Raises:
        EOFError: There are no more.
    """
    received = bytearray(length)
    view = memoryview(received)
    while view:
        count = board.recv_into(view)
        if not count:
            raise EOFError
        view = view[count:]
    return bytes(received)


@contextmanager
def losing_power(card: Path, socket_path: Path, chance: random.Random) -> Iterator[BlockServer]:
    """Serve a card until the end, which is a power cut. Whatever uses it must end before."""
    with WriteCache(card) as cache:
        server = BlockServer(cache, socket_path)
        try:
            yield server
        finally:
            server.cut(chance)
