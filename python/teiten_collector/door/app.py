"""The door over HTTP: reads no more than it must, answers in JSON, keeps blocking work off the event loop.

Limits, and what answers beyond them: a body of `teiten_protocol.MAX_COMPRESSED_BYTES` (413), `BODY_SECONDS`
to send one (408), `IN_FLIGHT_BYTES` of bodies at once (503 with Retry-After), `WORKERS` bodies decoded at
once (others wait).
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from teiten_collector.door.admission import Admission, Head, body_length
from teiten_collector.door.refusals import Refusal, RefusalCode, Refusals
from teiten_collector.errors import CollectorError
from teiten_protocol import MAX_COMPRESSED_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from teiten_collector.store import Sensor

_LOG = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")

BODY_SECONDS = 120.0
"""How long a body may take: the largest one at 5 Mbit/s, any usual one over the slowest link."""
IN_FLIGHT_BYTES = 2 * MAX_COMPRESSED_BYTES
"""Bodies held at once: two of the largest, tens of thousands of usual ones."""
WORKERS = 4
"""Bodies decoded at once: bounds memory at four times an expanded body and its columns."""
BUSY_RETRY_SECONDS = 5
STORE_RETRY_SECONDS = 30


def create_app(admission: Admission, refusals: Refusals, ready: Callable[[], bool]) -> Starlette:
    """Makes the application.

    Args:
        admission: What decides.
        refusals: What counts and logs.
        ready: Whether batches can be taken and brought into the tables just now; must not block.
    """
    door = _Door(admission, refusals, ready)
    return Starlette(
        routes=[
            Route("/v1/batches", door.batches, methods=["POST"]),
            Route("/healthz", door.healthz, methods=["GET"]),
            Route("/readyz", door.readyz, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _no_such_route, Exception: _internal},
    )


class _Door:
    def __init__(self, admission: Admission, refusals: Refusals, ready: Callable[[], bool]) -> None:
        self._admission = admission
        self._refusals = refusals
        self._ready = ready
        self._in_flight = 0  # touched by the event loop alone
        self._workers = CapacityLimiter(WORKERS)

    async def healthz(self, _request: Request) -> Response:
        """The process lives."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, _request: Request) -> Response:
        """Batches are taken and brought into the tables."""
        if self._ready():
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not ready"}, HTTPStatus.SERVICE_UNAVAILABLE)

    async def batches(self, request: Request) -> Response:
        """Takes one batch."""
        sensor_id = ""
        try:
            head = _head(request)
            sensor = await self._blocking(self._admission.authenticate, head)
            sensor_id = sensor.id
            return await self._take(request, sensor, body_length(head))
        except Refusal as refusal:
            return self._refuse(refusal, sensor_id)
        except CollectorError as error:
            _LOG.error("store sensor=%s reason=%s", sensor_id or "unknown", error)
            unavailable = Refusal(
                RefusalCode.STORE,
                "the batch cannot be made durable now; keep it and send it again",
                retry_after=STORE_RETRY_SECONDS,
            )
            return self._refuse(unavailable, sensor_id)
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody reads it

    async def _take(self, request: Request, sensor: Sensor, length: int) -> Response:
        if self._in_flight and self._in_flight + length > IN_FLIGHT_BYTES:
            raise Refusal(
                RefusalCode.BUSY, "too many bodies are on their way at once", retry_after=BUSY_RETRY_SECONDS
            )
        self._in_flight += length
        try:
            compressed = await _read(request, length)
            accepted = await self._blocking(self._admission.admit, sensor, compressed, time.time_ns())
        finally:
            self._in_flight -= length
        return JSONResponse(
            {
                "sensor": accepted.key.sensor,
                "epoch": accepted.key.epoch,
                "sequence": accepted.key.sequence,
                "sha256": accepted.sha256.hex(),
                "repeat": accepted.repeat,
            },
            HTTPStatus.OK if accepted.repeat else HTTPStatus.CREATED,
        )

    async def _blocking(self, call: Callable[..., _Answer], *arguments: object) -> _Answer:
        return await to_thread.run_sync(functools.partial(call, *arguments), limiter=self._workers)

    def _refuse(self, refusal: Refusal, sensor_id: str) -> Response:
        self._refusals.record(refusal, sensor_id)
        headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
        if refusal.code is RefusalCode.TOKEN:
            headers["WWW-Authenticate"] = "Bearer"  # RFC 6750 section 3
        if refusal.code in {RefusalCode.TOKEN, RefusalCode.TOO_LARGE, RefusalCode.SLOW}:
            headers["Connection"] = "close"  # whatever still comes of the body is not read
        return _error(refusal.code.text, refusal.reason, refusal.code.status, headers)


def _head(request: Request) -> Head:
    return Head(
        authorization=request.headers.get("authorization"),
        content_type=request.headers.get("content-type"),
        content_encoding=request.headers.get("content-encoding"),
        content_length=request.headers.get("content-length"),
    )


async def _read(request: Request, length: int) -> bytes:
    """Reads the body, and never holds more of it than was announced."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > length:
                    raise Refusal(RefusalCode.TOO_LARGE, f"more than the {length} bytes announced")
    except TimeoutError:
        raise Refusal(
            RefusalCode.SLOW,
            f"the body took more than {BODY_SECONDS:.0f} seconds",
            retry_after=BUSY_RETRY_SECONDS,
        ) from None
    return bytes(body)


def _error(code: str, reason: str, status: HTTPStatus, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": code, "reason": reason}, status, headers)


async def _no_such_route(_request: Request, error: Exception) -> Response:
    status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else HTTPStatus.NOT_FOUND)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return _error(status.name.lower(), "POST /v1/batches, GET /healthz or GET /readyz", status, headers)


async def _internal(_request: Request, _error_met: Exception) -> Response:
    return _error("internal", "a fault of the collector; its log has more", HTTPStatus.INTERNAL_SERVER_ERROR)
