"""The collector as a running service: the door in one thread, the intake in another, signals in the first.

    main thread     waits for SIGTERM or SIGINT, or for one of the others to fail
    door            uvicorn's event loop, blocking work in its pool
    intake          every `[store] group_seconds`, brings what was admitted into the tables

Stopping drains: the door answers what it has begun, then the intake runs once more, then the store is closed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from teiten_collector.door import Admission, Refusals, create_app
from teiten_collector.enrich import CountryDatabase, NetworkDatabase
from teiten_collector.errors import CannotWriteError, CollectorError, ConfigurationError
from teiten_collector.intake import Intake
from teiten_collector.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

    from teiten_collector.config import CollectorConfig, ServerConfig

_LOG = logging.getLogger(__name__)

DRAIN_SECONDS = 30
"""How long requests that have begun may go on after a stop was asked for."""
BACKLOG = 1024
KEEP_ALIVE_SECONDS = 75
"""Longer than the minute between two batches of a sensor, so that it keeps its connection."""


def open_intake(config: CollectorConfig, store: Store) -> Intake:
    """The intake with the databases that the configuration names.

    Raises:
        ConfigurationError: A database cannot be used.
        CannotWriteError: The embedded one cannot be unpacked.
    """
    country = CountryDatabase.open(config.geo.country_database, config.store.directory)
    path = config.geo.asn_database
    return Intake(store, country, None if path is None else NetworkDatabase.open(path))


def serve(config: CollectorConfig, announce: Callable[[str], None], ready_file: Path | None = None) -> None:
    """Runs until SIGTERM or SIGINT, which drains. To be called from the main thread.

    Args:
        config: The configuration.
        announce: Is told the URL as soon as connections are taken, with the port chosen for port 0.
        ready_file: Gets that URL too, whole or not at all; removed when the service ends.

    Raises:
        ConfigurationError: The address cannot be listened on, or certificate and key cannot be used.
        CollectorError: The store cannot be opened, or the door or the intake failed beyond mending.
    """
    _check_certificate(config.server)
    stop = threading.Event()
    with _stopping_on_signals(stop), Store.open(config.store.directory, config.store.url) as store:
        intake = _IntakeThread(open_intake(config, store), config.store.group_seconds, stop)
        app = create_app(Admission(store), Refusals(), lambda: intake.healthy and not stop.is_set())
        with _listening(config.server) as listener:
            server = uvicorn.Server(_uvicorn_config(config.server, app))
            door = _DoorThread(server, listener, stop)
            door.start()
            intake.start()
            try:
                if door.wait_until_started():
                    url = _url(config.server, listener)
                    with _ready_file(ready_file, url):
                        announce(url)
                        stop.wait()
            finally:
                stop.set()
                server.should_exit = True
                door.join()
                intake.join()
        if door.failure is not None:
            raise CollectorError("the door failed; the log has more") from door.failure
        intake.drain()


class _DoorThread(threading.Thread):
    """Runs uvicorn apart from the main thread, so that signals stay with the service."""

    def __init__(self, server: uvicorn.Server, listener: socket.socket, stop: threading.Event) -> None:
        super().__init__(name="door")
        self.failure: BaseException | None = None
        self._server = server
        self._listener = listener
        self._stop_asked = stop

    def run(self) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[self._listener]))
        except BaseException as error:  # noqa: BLE001 - the service ends with it, whatever it is
            _LOG.exception("door")
            self.failure = error
        finally:
            self._stop_asked.set()

    def wait_until_started(self) -> bool:
        """Waits until connections are taken; False where a stop came first."""
        while not self._server.started:
            if self._stop_asked.wait(0.01):
                return False
        return True


class _IntakeThread(threading.Thread):
    """Runs the intake every few seconds; a failure is logged, says "not ready", and is tried again."""

    def __init__(self, intake: Intake, seconds: float, stop: threading.Event) -> None:
        super().__init__(name="intake")
        self.healthy = True
        self._intake = intake
        self._seconds = seconds
        self._stop_asked = stop

    def run(self) -> None:
        while not self._stop_asked.wait(self._seconds):
            self.drain()

    def drain(self) -> None:
        """Brings in everything admitted so far."""
        try:
            batches = self._intake.run_once()
        except CollectorError as error:
            self.healthy = False
            _LOG.error("intake reason=%s", error)
        except Exception:  # noqa: BLE001 - the door goes on taking batches in, which are durable
            self.healthy = False
            _LOG.exception("intake")
        else:
            self.healthy = True
            if batches:
                _LOG.info("intake batches=%d", batches)


def _uvicorn_config(server: ServerConfig, app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type] # Starlette is an ASGI application; uvicorn's alias is narrower
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        ssl_certfile=server.tls_certificate,
        ssl_keyfile=server.tls_key,
    )


def _check_certificate(server: ServerConfig) -> None:
    if server.tls_certificate is None or server.tls_key is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(server.tls_certificate, server.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"certificate {server.tls_certificate} and key {server.tls_key} cannot be used: {error}",
            place="server.tls_certificate, server.tls_key",
            remedy="both are PEM files, the key without a passphrase and of that certificate",
        ) from error


@contextmanager
def _listening(server: ServerConfig) -> Iterator[socket.socket]:
    listen = server.listen
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {listen.host} port {listen.port}: {error.strerror or error}",
            place="server.listen",
            remedy="name an address of this machine, and a port that nothing else has",
        ) from error
    with listener:
        yield listener


def _url(server: ServerConfig, listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    scheme = "http" if server.tls_certificate is None else "https"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


@contextmanager
def _ready_file(path: Path | None, url: str) -> Iterator[None]:
    if path is None:
        yield
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(f"{url}\n", encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise CannotWriteError(f"cannot be written: {error.strerror}", place=str(path)) from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _stopping_on_signals(stop: threading.Event) -> Iterator[None]:
    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
