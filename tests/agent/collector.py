"""A small collector for tests: it keeps what it acknowledges, by the rules of the protocol, over real HTTP.

The real collector is tested with the real agent in tests/end_to_end; this one can be told to misbehave.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from teiten_protocol import MEDIA_TYPE, decode, digest, expand
from teiten_protocol.bundle import BUNDLE_MEDIA_TYPE, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "a-token-of-tests"  # noqa: S105  # it opens nothing

REGISTERED: dict[str, object] = {
    "sensor": "tokyo-01",
    "monitored": ["192.0.2.0/24"],
    "observed_to_ns": None,
}
"""What a collector tells the sensor of `tests.agent.agent` of itself."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to give in the place of the right one."""

    status: int
    body: bytes = b'{"error": "told", "reason": "the test says so"}'
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Collector:
    """What the collector holds, and how it behaves.

    Attributes:
        held: SHA-256 of each batch by sensor, epoch and sequence.
        counted: Packets of each batch, added once.
        script: Answers to give before the right ones, the first first.
        always: An answer to give instead of every right one.
        requests: How many requests with batches came in.
        within: Answers to give in the place of the right ones to batches of bundles, None for the right one.
        bundles: How many batches each bundle held that was taken.
        takes_bundles: Whether it knows what a bundle is.
        authorizations: The header of each of them.
        came: Set when a batch has come in.
        registered: What it tells a sensor of itself; None: it is of before there was such a thing.
        ahead_seconds: How far its clock is ahead.
    """

    held: dict[tuple[str, int, int], str] = field(default_factory=dict)
    counted: int = 0
    script: list[Answer] = field(default_factory=list)
    always: Answer | None = None
    requests: int = 0
    within: list[Answer | None] = field(default_factory=list)
    bundles: list[int] = field(default_factory=list)
    takes_bundles: bool = True
    authorizations: list[str | None] = field(default_factory=list)
    came: threading.Event = field(default_factory=threading.Event)
    registered: dict[str, object] | None = field(default_factory=lambda: dict(REGISTERED))
    ahead_seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""

    def take(
        self, authorization: str | None, media_type: str | None, encoding: str | None, body: bytes
    ) -> Answer:
        """Answer one batch."""
        with self.lock:
            self.requests += 1
            self.authorizations.append(authorization)
            self.came.set()
            if self.script:
                return self.script.pop(0)
            if self.always is not None:
                return self.always
            if authorization != f"Bearer {TOKEN}":
                return Answer(401)
            if media_type == BUNDLE_MEDIA_TYPE and self.takes_bundles:
                return self._keep_all(unpack(body))
            if (media_type, encoding) != (MEDIA_TYPE, "deflate"):
                return Answer(415)
            return self._keep(expand(body))

    def tell(self, authorization: str | None) -> Answer:
        """Answer a sensor that asks what is known of it."""
        if self.registered is None:
            return Answer(404)
        if authorization != f"Bearer {TOKEN}":
            return Answer(401, b'{"error": "token", "reason": "a valid token is needed"}')
        return Answer(200, json.dumps(self.registered).encode())

    def _keep_all(self, bodies: tuple[bytes, ...]) -> Answer:
        """Answer a bundle, batch by batch; `within` tells some apart."""
        verdicts = []
        for compressed in bodies:
            answer = self.within.pop(0) if self.within else None
            answer = answer or self._keep(expand(compressed))
            verdicts.append({"status": answer.status, **json.loads(answer.body)})
        self.bundles.append(len(bodies))
        return Answer(200, json.dumps({"verdicts": verdicts}).encode())

    def _keep(self, body: bytes) -> Answer:
        batch = decode(body)
        key = (batch.key.sensor, batch.key.epoch, batch.key.sequence)
        sha256 = digest(body).hex()
        repeat = key in self.held
        if self.held.setdefault(key, sha256) != sha256:
            return Answer(409, b'{"error": "conflict", "reason": "other content"}')
        if not repeat:
            self.counted += batch.counters["counted"]
        acknowledgement = {
            "sensor": key[0],
            "epoch": key[1],
            "sequence": key[2],
            "sha256": sha256,
            "repeat": repeat,
        }
        return Answer(200 if repeat else 201, json.dumps(acknowledgement).encode())


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[Collector]:
    """Serve on a free port of loopback, with TLS if a certificate is given."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # header and body go out apart, and nobody should wait for the second

        def do_GET(self) -> None:
            if self.path == "/v1/sensor":
                self._answer(collector.tell(self.headers.get("Authorization")))
            else:
                self._answer(Answer(200, b'{"status": "ok"}') if self.path == "/healthz" else Answer(404))

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string((timestamp or time.time()) + collector.ahead_seconds)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            header = self.headers.get
            self._answer(
                collector.take(
                    header("Authorization"), header("Content-Type"), header("Content-Encoding"), body
                )
            )

        def _answer(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the base class names it so
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # clients that are killed break off; what they sent is asserted, not logged

    server = Server(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    collector.url = f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
