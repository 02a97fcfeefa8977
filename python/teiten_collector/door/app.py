"""The door over HTTP: reads no more than it must, answers in JSON, keeps blocking work off the event loop.

Limits, and what answers beyond them:

==============================  ======================================================================
a body                          of `MAX_COMPRESSED_BYTES`, a bundle of `MAX_BUNDLE_BYTES` (413)
its time                        `BODY_SECONDS`, and less for small ones (408)
bodies on their way             `MOST_HELD_BYTES` of them at once; the longest gives way (503, Retry-After)
bodies looked at                `WORKERS` at once, of which one may expand beyond `SMALL_BYTES`; others wait,
                                those longest who took most of the processors of late (`turns`)
one sensor                      requests and bytes a minute, two requests at once (429 with Retry-After)
unknown tokens                  look-ups a minute, together (429 with Retry-After)
enrolments                      a minute, together (429 with Retry-After)
one reader                      questions a minute (429 with Retry-After)
connections                     see `connections`
==============================  ======================================================================
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from ipaddress import ip_address
from operator import attrgetter
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from teiten_collector.door.admission import Admission, Head, announced, clock_offset_ns
from teiten_collector.door.answers import plain_error, refusal_answer
from teiten_collector.door.batches import WORKERS, Batches
from teiten_collector.door.bodies import MOST_HELD_BYTES, Bodies, Body
from teiten_collector.door.callers import Callers
from teiten_collector.door.enrolment import enrol, enrolment_length
from teiten_collector.door.fleet import condition_length, note, release
from teiten_collector.door.meters import METRICS_TYPE, Meters, exposition
from teiten_collector.door.rates import Limits, Rates
from teiten_collector.door.refusals import Refusal, Refusals
from teiten_collector.door.turns import Taken, Turns
from teiten_collector.errors import CollectorError
from teiten_protocol import SUPPORTED_VERSIONS
from teiten_protocol.enrolment import PATH as ENROLMENT_PATH
from teiten_protocol.fleet import CONDITION_PATH, RELEASE_PATH

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from ipaddress import IPv4Network, IPv6Network

    from teiten_collector.door.contacts import Contacts
    from teiten_collector.door.meters import Family
    from teiten_collector.store import Enrolments, Fleet, Sensor

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gate:
    """What the application needs besides what decides.

    Attributes:
        limits: What a sensor may ask for.
        metrics_networks: Who may read `/metrics` besides loopback.
        ready: Whether batches can be taken and brought into the tables just now; must not block.
        more_metrics: What else `/metrics` shows; may block.
        listing: What a reader is answered, how each sensor stands; may block.
        most_held_bytes: Bodies on their way that are held at once.
    """

    limits: Limits
    ready: Callable[[], bool]
    metrics_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    more_metrics: Callable[[], Iterable[Family]] = field(default=tuple)
    listing: Callable[[], Mapping[str, object]] = field(default=dict)
    most_held_bytes: int = MOST_HELD_BYTES


@dataclass(frozen=True, slots=True)
class Rooms:
    """What decides.

    Attributes:
        admission: Over batches.
        enrolments: Over the codes by which sensors come to their tokens.
        fleet: Over what sensors are offered to install.
    """

    admission: Admission
    enrolments: Enrolments
    fleet: Fleet


def create_app(rooms: Rooms, contacts: Contacts, refusals: Refusals, gate: Gate) -> Starlette:
    """Makes the application.

    Args:
        rooms: What decides.
        contacts: What remembers who was heard.
        refusals: What counts and logs.
        gate: Limits, and what else is asked for.
    """
    door = _Door(rooms, contacts, refusals, gate)
    return Starlette(
        routes=[
            Route("/v1/batches", door.batches, methods=["POST"]),
            Route(ENROLMENT_PATH, door.enrolments, methods=["POST"]),
            Route("/v1/sensor", door.sensor, methods=["GET"]),
            Route("/v1/sensors", door.sensors, methods=["GET"]),
            Route(CONDITION_PATH, door.condition, methods=["POST"]),
            Route(RELEASE_PATH + "{digest}", door.release, methods=["GET"]),
            Route("/healthz", door.healthz, methods=["GET"]),
            Route("/readyz", door.readyz, methods=["GET"]),
            Route("/metrics", door.metrics, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _no_such_route, Exception: _internal},
    )


class _Door:
    """The routes. Its own state is touched by the event loop alone."""

    def __init__(self, rooms: Rooms, contacts: Contacts, refusals: Refusals, gate: Gate) -> None:
        self._admission = rooms.admission
        self._enrolments = rooms.enrolments
        self._fleet = rooms.fleet
        self._contacts = contacts
        self._refusals = refusals
        self._gate = gate
        self._rates = Rates(gate.limits)
        self._meters = Meters()
        self._bodies = Bodies(gate.most_held_bytes)
        taken = Taken()
        self._askers = Turns(WORKERS, taken)
        self._callers = Callers(self._rates, self._askers)
        self._batches = Batches(rooms.admission, contacts, refusals, self._meters, taken)

    async def healthz(self, _request: Request) -> Response:
        """The process lives, and says which versions of the batch format it reads."""
        return JSONResponse({"status": "ok", "versions": sorted(SUPPORTED_VERSIONS)})

    async def readyz(self, _request: Request) -> Response:
        """Batches are taken and brought into the tables."""
        if self._gate.ready():
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not ready"}, HTTPStatus.SERVICE_UNAVAILABLE)

    async def metrics(self, request: Request) -> Response:
        """What Prometheus reads, for whom it is meant: it names sensors."""
        if not _may_read_metrics(request, self._gate.metrics_networks):
            return plain_error(
                "metrics", "they are for loopback and server.metrics_networks", HTTPStatus.FORBIDDEN
            )
        more = await self._askers.run("", lambda: list(self._gate.more_metrics()))
        families = [*self._meters.families(), *self._refusals.families(), *more]
        return PlainTextResponse(exposition(families), media_type=METRICS_TYPE)

    async def batches(self, request: Request) -> Response:
        """Takes one batch, or a bundle of them."""
        return await self._answered(request, self._batches_of)

    async def enrolments(self, request: Request) -> Response:
        """Takes the token that a sensor brings with its code."""
        return await self._answered(request, self._enrolment)

    async def sensor(self, request: Request) -> Response:
        """Tells a sensor what is known of it, so that it can say why the centre shows nothing."""
        return await self._answered(request, self._registration)

    async def sensors(self, request: Request) -> Response:
        """Tells a reader how every sensor stands."""
        return await self._answered(request, self._listing)

    async def condition(self, request: Request) -> Response:
        """Takes what a sensor tells of itself, and answers what it is to install."""
        return await self._answered(request, self._condition)

    async def release(self, request: Request) -> Response:
        """Hands a release out, or what is left of it (RFC 9110 section 14)."""
        return await self._answered(request, self._release)

    async def _answered(self, request: Request, act: Callable[[_Call], Awaitable[Response]]) -> Response:
        """What an act answers, or what keeps it from that; noted as its sensor's, if it has proven one."""
        call = _Call(request, self._bodies.of(request))
        try:
            return await act(call)
        except Refusal as refusal:
            self._refusals.record(refusal, call.sensor_id)
            return refusal_answer(refusal, read=call.body.is_read)
        except CollectorError as error:
            failed = self._refusals.store_failed(error, call.sensor_id)
            return refusal_answer(failed, read=call.body.is_read)
        except ClientDisconnect:
            self._meters.broken_off += 1
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody reads it

    async def _heard(self, call: _Call) -> Sensor:
        """The sensor that asks."""
        received_ns = time.time_ns()
        sensor: Sensor = await self._callers.proven(call.head, self._admission.authenticate, attrgetter("id"))
        call.sensor_id = sensor.id
        self._contacts.heard(sensor.id, received_ns, clock_offset_ns(call.head, received_ns))
        return sensor

    async def _batches_of(self, call: _Call) -> Response:
        began = time.monotonic()
        sensor = await self._heard(call)
        coming = announced(call.head)
        with self._rates.inside(sensor.id, coming.length), self._bodies.on_its_way(call.body):
            content = await call.body.read(coming.length)
            self._meters.body_bytes += len(content)
            if call.body.was_slow:
                # Whoever was disabled while it was sending is refused all the same.
                again = partial(self._admission.authenticate, call.head)
                sensor = await self._askers.run(sensor.id, again)
            take = self._batches.take_bundle if coming.bundle else self._batches.take
            answer = await take(sensor, content)
        self._meters.acknowledged(time.monotonic() - began)
        return answer

    async def _enrolment(self, call: _Call) -> Response:
        self._rates.admit_enrolment()
        with self._bodies.on_its_way(call.body):
            content = await call.body.read(enrolment_length(call.head))
        enrolled = await self._askers.run("", partial(enrol, self._enrolments, content, time.time_ns()))
        _LOG.info("enrolled sensor=%s repeat=%s", enrolled.sensor, enrolled.repeat)
        status = HTTPStatus.OK if enrolled.repeat else HTTPStatus.CREATED
        return JSONResponse({"sensor": enrolled.sensor, "repeat": enrolled.repeat}, status)

    async def _listing(self, call: _Call) -> Response:
        reader = await self._callers.proven(call.head, self._admission.reader, str)
        self._rates.admit_reading(reader)
        listing = await self._askers.run(reader, self._gate.listing)
        return JSONResponse(listing, headers={"Cache-Control": "no-store"})

    async def _registration(self, call: _Call) -> Response:
        sensor = await self._heard(call)
        with self._rates.inside(sensor.id, 0):
            now_ns = time.time_ns()
            observed_to_ns = self._contacts.of(sensor.id).observed_to_ns
            monitored = [str(one.network) for one in sensor.registrations if one.holds_at(now_ns)]
            return JSONResponse(
                {"sensor": sensor.id, "monitored": monitored, "observed_to_ns": observed_to_ns or None}
            )

    async def _condition(self, call: _Call) -> Response:
        sensor = await self._heard(call)
        with self._rates.inside(sensor.id, 0):
            with self._bodies.on_its_way(call.body):
                content = await call.body.read(condition_length(call.head))
            noted = partial(note, self._fleet, sensor, content, time.time_ns())
            order = await self._askers.run(sensor.id, noted)
            return Response(order.encode(), media_type="application/json")

    async def _release(self, call: _Call) -> Response:
        sensor = await self._heard(call)
        with self._rates.inside(sensor.id, 0):
            wanted = partial(release, self._fleet, call.request.path_params["digest"])
            path = await self._askers.run(sensor.id, wanted)
            return FileResponse(path, media_type="application/octet-stream")


class _Call:
    """A request, and the sensor that it has proven to come from, if any."""

    def __init__(self, request: Request, body: Body) -> None:
        self.request = request
        self.head = _head(request)
        self.body = body
        self.sensor_id = ""


def _head(request: Request) -> Head:
    return Head(
        authorization=request.headers.get("authorization"),
        content_type=request.headers.get("content-type"),
        content_encoding=request.headers.get("content-encoding"),
        content_length=request.headers.get("content-length"),
        sent=request.headers.get("teiten-sent"),
    )


def _may_read_metrics(request: Request, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    """Whether a request comes from this machine itself, and through no proxy on it, or a named network."""
    if request.client is None:
        return False
    address = ip_address(request.client.host)
    if any(address in network for network in networks):
        return True
    forwarded = any(name in request.headers for name in ("forwarded", "x-forwarded-for", "via"))
    return address.is_loopback and not forwarded


async def _no_such_route(_request: Request, error: Exception) -> Response:
    status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else HTTPStatus.NOT_FOUND)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    reason = (
        f"POST /v1/batches, POST {ENROLMENT_PATH}, POST {CONDITION_PATH}, GET {RELEASE_PATH}DIGEST,"
        " GET /v1/sensor, GET /v1/sensors, GET /healthz, GET /readyz or GET /metrics"
    )
    return plain_error(status.name.lower(), reason, status, headers)


async def _internal(_request: Request, _error_met: Exception) -> Response:
    return plain_error(
        "internal", "a fault of the collector; its log has more", HTTPStatus.INTERNAL_SERVER_ERROR
    )
