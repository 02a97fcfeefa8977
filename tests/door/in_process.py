"""The door in a thread of the tests' own process, where its deadlines can be set; over real HTTP."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from teiten_collector.door import (
    Admission,
    Connections,
    Contacts,
    Gate,
    Limits,
    Refusals,
    Rooms,
    create_app,
    guarded,
)
from teiten_collector.door.bodies import MOST_HELD_BYTES
from teiten_collector.store import Store
from tests.door.conftest import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLENTY = Limits(requests=100_000, size=1 << 40)


@dataclass(frozen=True, slots=True)
class Door:
    """A door that listens on loopback, and what stands behind it."""

    url: str
    port: int
    store: Store
    contacts: Contacts
    refusals: Refusals
    connections: Connections
    tokens: dict[str, str]


@contextmanager
def door(
    directory: Path,
    *,
    limits: Limits = PLENTY,
    most: int = 100,
    most_from_one: int = 0,
    most_held: int = MOST_HELD_BYTES,
) -> Iterator[Door]:
    """Opens a store with two sensors and listens until the block ends."""
    # The protocol is named, because asyncio sends small answers at once on such sockets alone.
    with (
        Store.open(directory) as store,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener,
    ):
        listener.bind(("127.0.0.1", 0))
        tokens = {
            sensor: store.registry.add(sensor, ["198.51.100.0/28", "2001:db8::/64"])
            for sensor in ("tokyo-01", "osaka-01")
        }
        contacts, refusals = Contacts(store.contacts), Refusals()
        connections = Connections(most, most_from_one)
        gate = Gate(limits, lambda: True, most_held_bytes=most_held)
        rooms = Rooms(Admission(store), store.enrolments, store.fleet)
        app = create_app(rooms, contacts, refusals, gate)
        config = uvicorn.Config(
            app, http=guarded(connections), ws="none", lifespan="off", log_config=None, access_log=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        thread.start()
        try:
            wait_until(lambda: server.started)
            port = listener.getsockname()[1]
            yield Door(f"http://127.0.0.1:{port}", port, store, contacts, refusals, connections, tokens)
        finally:
            server.should_exit = True
            thread.join()
