"""A network that misbehaves: a relay on loopback between agents and collector, in a process's own threads."""

from __future__ import annotations

import random
import select
import socket
import threading
import time
from contextlib import contextmanager, suppress
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 16_384


class Weather(Enum):
    """How the network is."""

    CLEAR = "clear"
    CUT = "cut"
    """Connections are refused, and those that are open break within some kilobytes, either way."""
    SLOW = "slow"
    """Small pieces with pauses."""
    DOUBLED = "doubled"
    """Everything that was sent arrives once more on a connection of its own, when the first has ended."""


class Relay:
    """Passes bytes on, as its weather lets it. The weather may change at any time."""

    def __init__(self, target_port: int, seed: int) -> None:
        """Listen on a free port; `serve` begins."""
        self.weather = Weather.CLEAR
        self.target_port = target_port
        self._chance = random.Random(seed)  # repeatable on purpose
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(128)
        self.port: int = self._listener.getsockname()[1]

    @contextmanager
    def serving(self) -> Iterator[Relay]:
        """Relay for the length of a `with` block."""
        accepting = threading.Thread(target=self._accept, daemon=True)
        accepting.start()
        try:
            yield self
        finally:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            accepting.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass, args=(client, self.weather), daemon=True).start()

    def _pass(self, client: socket.socket, weather: Weather) -> None:
        sent = bytearray()
        with client, suppress(OSError):
            allowed = self._chance.randrange(8_192) if weather is Weather.CUT else 1 << 60
            if weather is Weather.CUT and self._chance.random() < 0.3:  # at once, now and then
                return
            with socket.create_connection(("127.0.0.1", self.target_port), timeout=5) as server:
                self._exchange(client, server, weather, allowed, sent)
        if weather is Weather.DOUBLED and sent:
            self._send_again(bytes(sent))

    def _exchange(
        self,
        client: socket.socket,
        server: socket.socket,
        weather: Weather,
        allowed: int,
        sent: bytearray,
    ) -> None:
        passed = 0
        while True:
            for ready in select.select([client, server], [], [], 30)[0]:
                size = 200 if weather is Weather.SLOW else CHUNK
                content = ready.recv(size)
                if not content:
                    return
                content = content[: allowed - passed]
                passed += len(content)
                if ready is client:
                    sent += content
                    server.sendall(content)
                else:
                    client.sendall(content)
                if passed >= allowed:
                    return
                if weather is Weather.SLOW:
                    time.sleep(0.002)

    def _send_again(self, content: bytes) -> None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.target_port), timeout=5) as again:
            again.sendall(content)
            again.shutdown(socket.SHUT_WR)
            again.settimeout(5)
            while again.recv(CHUNK):
                pass
