"""`GET /metrics` on loopback: one request at a time, each with little patience, in a thread of its own."""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, ClassVar

from teiten_agent.errors import ConfigurationError
from teiten_agent.metrics.exposition import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE_SECONDS = 2.0
"""For a request's lines; the next one waits meanwhile."""


class MetricsServer:
    """Answers until it is closed."""

    def __init__(self, host: str, port: int, text: Callable[[], str]) -> None:
        """Listen.

        Args:
            host: An address of loopback.
            port: The port, 0 for any that is free.
            text: What to answer; called by the server's thread.

        Raises:
            ConfigurationError: The port cannot be listened on.
        """

        class Handler(_Handler):
            answer = staticmethod(text)

        server_of = _Server6 if ":" in host else HTTPServer
        try:
            self._server = server_of((host, port), Handler)
        except OSError as error:
            raise ConfigurationError(
                f"metrics.listen: cannot listen on {host} port {port}: {error.strerror or error}",
                "name another port; under systemd, allow it with SocketBindAllow=",
            ) from error
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server6(HTTPServer):
    address_family = 10  # AF_INET6


class _Handler(BaseHTTPRequestHandler):
    answer: ClassVar[Callable[[], str]]
    timeout = _PATIENCE_SECONDS
    server_version = "teiten-agent"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer `/metrics`, and nothing else."""
        if self.path != "/metrics":
            self.send_error(HTTPStatus.NOT_FOUND, "GET /metrics")
            return
        body = type(self).answer().encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", MEDIA_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the base class names it so
        """Say nothing: standard error is for the service's own events."""
