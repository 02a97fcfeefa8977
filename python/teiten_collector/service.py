"""The collector as a running service: the door in one thread, the intake in another, signals in the first.

    main thread     waits for SIGTERM or SIGINT, or for one of the others to fail; feeds systemd's watchdog
    door            uvicorn's event loop, blocking work in its pool
    intake          every `[store] group_seconds`, brings what was admitted into the tables

Stopping drains: the door answers what it has begun, then the intake runs once more, then the store is closed.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import resource
import signal
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import uvicorn

from teiten_collector.accounting import listing, standings
from teiten_collector.door import (
    Admission,
    Connections,
    Contacts,
    Family,
    Gate,
    Limits,
    Refusals,
    Rooms,
    Seldom,
    create_app,
    guarded,
    single,
)
from teiten_collector.enrich import CountryDatabase, NetworkDatabase
from teiten_collector.errors import CannotWriteError, CollectorError, ConfigurationError
from teiten_collector.intake import Intake, Sources
from teiten_collector.notify import ServiceManager
from teiten_collector.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import FrameType

    from teiten_collector.config import CollectorConfig, ServerConfig

_LOG = logging.getLogger(__name__)

DRAIN_SECONDS = 30
"""How long requests that have begun may go on after a stop was asked for."""
BACKLOG = 1024
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # malloc.h of glibc, mallopt(3)
LOOK_SECONDS = 1.0
"""How often progress is looked at: far below any sensible `WatchdogSec`."""
KEEP_ALIVE_SECONDS = 75
"""Longer than the minute between two batches of a sensor, so that it keeps its connection."""


def open_sources(config: CollectorConfig) -> Sources:
    """The databases that the configuration names.

    Raises:
        ConfigurationError: A database cannot be used.
        CannotWriteError: The embedded one cannot be unpacked.
    """
    country, network = _databases(config)
    return Sources(country, network)


def open_intake(
    config: CollectorConfig, store: Store, at_joint: Callable[[str], object] | None = None
) -> Intake:
    """The intake with the databases that the configuration names; `at_joint` is told each step of a group.

    Raises:
        ConfigurationError, CannotWriteError: As `open_sources`.
    """
    country, network = _databases(config)
    return Intake(store, country, network, at_joint=at_joint)


def _databases(config: CollectorConfig) -> tuple[CountryDatabase, NetworkDatabase | None]:
    country = CountryDatabase.open(config.geo.country_database, config.store.directory)
    path = config.geo.asn_database
    return country, None if path is None else NetworkDatabase.open(path)


def serve(
    config: CollectorConfig,
    announce: Callable[[str], None],
    ready_file: Path | None = None,
    upkeep: Sequence[str] = (),
) -> None:
    """Runs until SIGTERM or SIGINT, which drains. To be called from the main thread.

    Args:
        config: The configuration.
        announce: Is told the URL as soon as connections are taken, with the port chosen for port 0.
        ready_file: Gets that URL too, whole or not at all; removed when the service ends.
        upkeep: The command of one turn of upkeep, run every `[store] upkeep_minutes`; none: no upkeep.

    Raises:
        ConfigurationError: The address cannot be listened on, or certificate and key cannot be used.
        CollectorError: The store cannot be opened, or the door or the intake failed beyond mending.
    """
    _check_certificate(config.server)
    _raise_file_limit()
    _give_memory_back()
    logging.getLogger("uvicorn.error").addFilter(Seldom())
    manager = ServiceManager()
    stop = threading.Event()
    with _stopping_on_signals(stop), Store.open(config.store.directory, config.store.url) as store:
        contacts = Contacts(store.contacts)
        progress = _Progress()
        work = open_intake(config, store, progress.intake_moved)
        intake = _IntakeThread(work, contacts, config.store.group_seconds, stop, progress)
        keeping = _UpkeepThread(upkeep, config.store.upkeep_minutes * 60, stop)
        connections = Connections(config.server.connections, config.server.connections_per_address)
        gate = Gate(
            limits=Limits(
                config.server.sensor_requests_per_minute,
                config.server.sensor_megabytes_per_minute * 1_000_000,
            ),
            ready=lambda: intake.healthy and not stop.is_set(),
            metrics_networks=config.server.metrics_networks,
            more_metrics=lambda: _metrics(store, contacts, connections, intake, keeping),
            listing=lambda: listing(store, contacts.all(), time.time_ns()),
        )
        app = create_app(Rooms(Admission(store), store.enrolments, store.fleet), contacts, Refusals(), gate)
        with _listening(config.server) as listener:
            server = uvicorn.Server(_uvicorn_config(config.server, app, connections))
            door = _DoorThread(server, listener, stop, progress)
            door.start()
            intake.start()
            keeping.start()
            try:
                if door.wait_until_started():
                    url = _url(config.server, listener)
                    with _ready_file(ready_file, url):
                        announce(url)
                        manager.ready(f"listening on {url}")
                        while not stop.wait(LOOK_SECONDS):
                            if progress.made():
                                manager.alive()
            finally:
                stop.set()
                manager.stopping()
                server.should_exit = True
                door.join()
                intake.join()
                keeping.join()
        if door.failure is not None:
            raise CollectorError("the door failed; the log has more") from door.failure
        intake.drain()


class _Progress:
    """What feeds systemd's watchdog: the door's loop has turned, the intake has moved, since the last look.

    A thread that hangs or a loop that is stuck makes none, so that systemd starts the service anew.
    """

    def __init__(self) -> None:
        self._door_turns = 0
        self._intake_moves = 0
        self._seen = (0, 0)

    def door_turned(self) -> None:
        self._door_turns += 1

    def intake_moved(self, _joint: str = "") -> None:
        self._intake_moves += 1

    def made(self) -> bool:
        """Whether both made progress since the last time this said so."""
        now = (self._door_turns, self._intake_moves)
        if now[0] == self._seen[0] or now[1] == self._seen[1]:
            return False
        self._seen = now
        return True


class _DoorThread(threading.Thread):
    """Runs uvicorn apart from the main thread, so that signals stay with the service."""

    def __init__(
        self,
        server: uvicorn.Server,
        listener: socket.socket,
        stop: threading.Event,
        progress: _Progress,
    ) -> None:
        super().__init__(name="door")
        self._progress = progress
        self.failure: BaseException | None = None
        self._server = server
        self._listener = listener
        self._stop_asked = stop

    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - the service ends with it, whatever it is
            _LOG.exception("door")
            self.failure = error
        finally:
            self._stop_asked.set()

    async def _serve(self) -> None:
        turning = asyncio.create_task(self._turn())
        try:
            await self._server.serve(sockets=[self._listener])
        finally:
            turning.cancel()

    async def _turn(self) -> None:
        """Says that the loop turns."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._progress.door_turned()

    def wait_until_started(self) -> bool:
        """Waits until connections are taken; False where a stop came first."""
        while not self._server.started:
            if self._stop_asked.wait(0.01):
                return False
        return True


class _IntakeThread(threading.Thread):
    """Runs the intake every few seconds; a failure is logged, says "not ready", and is tried again."""

    def __init__(
        self,
        intake: Intake,
        contacts: Contacts,
        seconds: float,
        stop: threading.Event,
        progress: _Progress,
    ) -> None:
        super().__init__(name="intake")
        self.healthy = True
        self.stored = 0
        self.succeeded_at = time.time()
        self._intake = intake
        self._contacts = contacts
        self._progress = progress
        self._seconds = seconds
        self._stop_asked = stop

    def run(self) -> None:
        due = time.monotonic() + self._seconds
        while not self._stop_asked.wait(max(0.0, min(due - time.monotonic(), LOOK_SECONDS))):
            self._progress.intake_moved()
            if time.monotonic() >= due:
                self.drain()
                due = time.monotonic() + self._seconds

    def drain(self) -> None:
        """Brings in everything admitted so far, and writes down who was heard."""
        try:
            self._contacts.flush()
            batches = self._intake.run_once()
        except CollectorError as error:
            self.healthy = False
            _LOG.error("intake reason=%s", error)
        # Whatever it is, a panic of a library written in Rust too, which is no Exception: the door goes on
        # taking batches in, which are durable.
        except BaseException:  # noqa: BLE001
            self.healthy = False
            _LOG.exception("intake")
        else:
            self.healthy = True
            self.stored += batches
            self.succeeded_at = time.time()
            if batches:
                _LOG.info("intake batches=%d", batches)


class _UpkeepThread(threading.Thread):
    """Runs upkeep in a process of its own, so that its memory comes back and the door stays quick.

    A process that is stopped half way has lost nothing, and the next one goes on.
    """

    def __init__(self, command: Sequence[str], seconds: float, stop: threading.Event) -> None:
        super().__init__(name="upkeep")
        self.succeeded_at = 0.0
        self._command = command
        self._seconds = seconds
        self._stop_asked = stop

    def run(self) -> None:
        if not self._command or not self._seconds:
            return
        while not self._stop_asked.wait(self._seconds):
            try:
                self._turn()
            except OSError as error:
                _LOG.error("upkeep reason=%s", error)

    def _turn(self) -> None:
        with subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None:
                if self._stop_asked.wait(LOOK_SECONDS / 4):
                    process.terminate()
                    return
        if process.returncode == 0:
            self.succeeded_at = time.time()
        else:
            _LOG.error("upkeep ended with %d", process.returncode)


def _metrics(
    store: Store,
    contacts: Contacts,
    connections: Connections,
    intake: _IntakeThread,
    keeping: _UpkeepThread,
) -> Iterator[Family]:
    """What `/metrics` shows besides the door's own counts."""
    yield single("teiten_collector_connections", "gauge", "Connections open.", connections.open)
    yield single(
        "teiten_collector_connections_turned_away_total",
        "counter",
        "Connections closed because there were too many.",
        connections.turned_away,
    )
    yield single(
        "teiten_collector_connections_timed_out_total",
        "counter",
        "Connections closed because no request came.",
        connections.timed_out,
    )
    yield single(
        "teiten_collector_malformed_requests_total",
        "counter",
        "Requests that were no HTTP.",
        connections.malformed,
    )
    yield single(
        "teiten_collector_batches_waiting", "gauge", "Durable batches not in the tables yet.", store.waiting()
    )
    yield single("teiten_collector_batches_stored_total", "counter", "Batches in the tables.", intake.stored)
    yield single(
        "teiten_collector_intake_last_success_timestamp_seconds",
        "gauge",
        "When the tables last had everything.",
        intake.succeeded_at,
    )
    yield single(
        "teiten_collector_upkeep_last_success_timestamp_seconds",
        "gauge",
        "When a turn of upkeep last ended well; 0 before the first.",
        keeping.succeeded_at,
    )
    known = list(contacts.all())
    standing = list(standings(store.registry.list(), known, time.time_ns()))
    yield Family(
        "teiten_collector_sensor_state",
        "gauge",
        "1 for each state that a registered sensor is in.",
        [({"sensor": one.sensor.id, "state": state.value}, 1) for one in standing for state in one.states],
    )
    yield Family(
        "teiten_collector_sensor_last_heard_timestamp_seconds",
        "gauge",
        "When a sensor's last request came.",
        [({"sensor": one.sensor}, one.heard_ns / 1e9) for one in known],
    )
    yield Family(
        "teiten_collector_sensor_observed_to_timestamp_seconds",
        "gauge",
        "Where a sensor's latest span ends.",
        [({"sensor": one.sensor}, one.observed_to_ns / 1e9) for one in known],
    )
    yield Family(
        "teiten_collector_sensor_clock_offset_seconds",
        "gauge",
        "How far a sensor's clock is ahead.",
        [({"sensor": one.sensor}, one.offset_ns / 1e9) for one in known if one.offset_ns is not None],
    )
    yield Family(
        "teiten_collector_sensor_lost_packets_total",
        "counter",
        "Packets that a sensor says it lost.",
        [({"sensor": one.sensor}, one.lost_packets) for one in known],
    )


def _give_memory_back() -> None:
    """Has glibc return large blocks to the system at once, and keep few pools, where it is the allocator.

    By default it learns from the first freed block of some megabytes to keep such blocks, in a pool a thread:
    the collector would hold on to what one large batch took.
    """
    with suppress(OSError, AttributeError):
        allocator = ctypes.CDLL(None)
        allocator.mallopt(_M_MMAP_THRESHOLD, 1 << 20)
        allocator.mallopt(_M_ARENA_MAX, 2)


def _raise_file_limit() -> None:
    """Each connection is a file; the usual limit of 1,024 is a leftover (systemd's documentation says so)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _uvicorn_config(server: ServerConfig, app: object, connections: Connections) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type] # Starlette is an ASGI application; uvicorn's alias is narrower
        http=guarded(connections),
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
