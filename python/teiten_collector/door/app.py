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
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from ipaddress import ip_address
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from teiten_collector.door.admission import (
    Accepted,
    Admission,
    Announced,
    Head,
    LargeBatchError,
    announced,
    clock_offset_ns,
    unbundle,
)
from teiten_collector.door.answers import plain_error, refusal_answer, refusal_document
from teiten_collector.door.bodies import MOST_HELD_BYTES, Bodies, Body
from teiten_collector.door.enrolment import enrol, enrolment_length
from teiten_collector.door.fleet import condition_length, note, release
from teiten_collector.door.meters import METRICS_TYPE, Meters, exposition
from teiten_collector.door.rates import Limits, Rates
from teiten_collector.door.refusals import Refusal, RefusalCode, Refusals
from teiten_collector.door.turns import Taken, Turns
from teiten_collector.errors import CollectorError
from teiten_protocol import MAX_BODY_BYTES, SUPPORTED_VERSIONS
from teiten_protocol.enrolment import PATH as ENROLMENT_PATH
from teiten_protocol.fleet import CONDITION_PATH, RELEASE_PATH

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from ipaddress import IPv4Network, IPv6Network

    from teiten_collector.door.contacts import Contacts
    from teiten_collector.door.meters import Family
    from teiten_collector.store import Enrolments, Fleet, Sensor

_LOG = logging.getLogger(__name__)
_Result = TypeVar("_Result")

WORKERS = 4
"""Bodies looked at at once."""
SMALL_BYTES = 2 << 20
"""A body that expands no further is looked at beside others; a minute of some 30,000 rows fits. A larger one
waits for a place of its own, because the largest takes three times its 64 MiB while it is checked."""
STORE_RETRY_SECONDS = 30
KNOWN_TOKENS = 65_536
"""Digests of tokens that were valid a moment ago; they are looked up again all the same, but never made to
wait."""


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
        self._known_tokens: OrderedDict[bytes, str] = OrderedDict()
        taken = Taken()
        self._askers = Turns(WORKERS, taken)
        self._workers = Turns(WORKERS, taken)
        self._large = Turns(1, taken)

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
        began = time.monotonic()
        received_ns = time.time_ns()
        sensor_id = ""
        body = self._bodies.of(request)
        try:
            head = _head(request)
            sensor = await self._proven(head, self._admission.authenticate, attrgetter("id"))
            sensor_id = sensor.id
            self._contacts.heard(sensor_id, received_ns, clock_offset_ns(head, received_ns))
            coming = announced(head)
            self._rates.enter(sensor_id, coming.length)
            try:
                answer = await self._take(body, head, sensor, coming)
            finally:
                self._rates.leave(sensor_id)
        except Refusal as refusal:
            self._refusals.record(refusal, sensor_id)
            return refusal_answer(refusal, read=body.is_read)
        except CollectorError as error:
            return refusal_answer(self._store_failed(error, sensor_id), read=body.is_read)
        except ClientDisconnect:
            self._meters.broken_off += 1
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody reads it
        self._meters.acknowledged(time.monotonic() - began)
        return answer

    async def enrolments(self, request: Request) -> Response:
        """Takes the token that a sensor brings with its code."""
        body = self._bodies.of(request)
        try:
            self._rates.admit_enrolment()
            with self._bodies.on_its_way(body):
                content = await body.read(enrolment_length(_head(request)))
            enrolled = await self._askers.run("", partial(enrol, self._enrolments, content, time.time_ns()))
        except Refusal as refusal:
            self._refusals.record(refusal, "")
            return refusal_answer(refusal, read=body.is_read)
        except CollectorError as error:
            return refusal_answer(self._store_failed(error, ""), read=body.is_read)
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody reads it
        _LOG.info("enrolled sensor=%s repeat=%s", enrolled.sensor, enrolled.repeat)
        status = HTTPStatus.OK if enrolled.repeat else HTTPStatus.CREATED
        return JSONResponse({"sensor": enrolled.sensor, "repeat": enrolled.repeat}, status)

    async def sensor(self, request: Request) -> Response:
        """Tells a sensor what is known of it, so that it can say why the centre shows nothing."""
        return await self._for_sensor(request, self._registration)

    async def sensors(self, request: Request) -> Response:
        """Tells a reader how every sensor stands."""
        body = self._bodies.of(request)
        try:
            reader = await self._proven(_head(request), self._admission.reader, str)
            self._rates.admit_reading(reader)
            listing = await self._askers.run(reader, self._gate.listing)
        except Refusal as refusal:
            self._refusals.record(refusal, "")
            return refusal_answer(refusal, read=body.is_read)
        except CollectorError as error:
            return refusal_answer(self._store_failed(error, ""), read=body.is_read)
        return JSONResponse(listing, headers={"Cache-Control": "no-store"})

    async def condition(self, request: Request) -> Response:
        """Takes what a sensor tells of itself, and answers what it is to install."""
        return await self._for_sensor(request, self._condition)

    async def release(self, request: Request) -> Response:
        """Hands a release out, or what is left of it (RFC 9110 section 14)."""
        return await self._for_sensor(request, self._release)

    async def _registration(self, _request: Request, _body: Body, sensor: Sensor) -> Response:
        now_ns = time.time_ns()
        observed_to_ns = self._contacts.of(sensor.id).observed_to_ns
        monitored = [str(one.network) for one in sensor.registrations if one.holds_at(now_ns)]
        return JSONResponse(
            {"sensor": sensor.id, "monitored": monitored, "observed_to_ns": observed_to_ns or None}
        )

    async def _condition(self, request: Request, body: Body, sensor: Sensor) -> Response:
        with self._bodies.on_its_way(body):
            content = await body.read(condition_length(_head(request)))
        order = await self._askers.run(sensor.id, partial(note, self._fleet, sensor, content, time.time_ns()))
        return Response(order.encode(), media_type="application/json")

    async def _release(self, request: Request, _body: Body, sensor: Sensor) -> Response:
        wanted = partial(release, self._fleet, request.path_params["digest"])
        path = await self._askers.run(sensor.id, wanted)
        return FileResponse(path, media_type="application/octet-stream")

    async def _for_sensor(
        self, request: Request, act: Callable[[Request, Body, Sensor], Awaitable[Response]]
    ) -> Response:
        received_ns = time.time_ns()
        sensor_id = ""
        body = self._bodies.of(request)
        try:
            head = _head(request)
            sensor = await self._proven(head, self._admission.authenticate, attrgetter("id"))
            sensor_id = sensor.id
            self._contacts.heard(sensor_id, received_ns, clock_offset_ns(head, received_ns))
            self._rates.enter(sensor_id, 0)
            try:
                return await act(request, body, sensor)
            finally:
                self._rates.leave(sensor_id)
        except Refusal as refusal:
            self._refusals.record(refusal, sensor_id)
            return refusal_answer(refusal, read=body.is_read)
        except CollectorError as error:
            return refusal_answer(self._store_failed(error, sensor_id), read=body.is_read)
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody reads it

    async def _proven(
        self, head: Head, prove: Callable[[Head], _Result], name: Callable[[_Result], str]
    ) -> _Result:
        """Whom a token proves; one that was not valid a moment ago is looked up at the rate of strangers."""
        token = sha256((head.authorization or "").encode()).digest()
        known = self._known_tokens.get(token)
        if known is None:
            self._rates.admit_stranger()
        proven = await self._askers.run(known or "", partial(prove, head))
        self._known_tokens[token] = name(proven)
        self._known_tokens.move_to_end(token)
        if len(self._known_tokens) > KNOWN_TOKENS:
            self._known_tokens.popitem(last=False)
        return proven

    async def _take(self, body: Body, head: Head, sensor: Sensor, coming: Announced) -> Response:
        with self._bodies.on_its_way(body):
            content = await body.read(coming.length)
            self._meters.body_bytes += len(content)
            if body.was_slow:
                # Whoever was disabled while it was sending is refused all the same.
                sensor = await self._askers.run(sensor.id, partial(self._admission.authenticate, head))
            if coming.bundle:
                return await self._take_bundle(sensor, content)
            accepted = await self._admit(sensor, content)
        status = HTTPStatus.OK if accepted.repeat else HTTPStatus.CREATED
        return JSONResponse(_acknowledgement(accepted), status)

    async def _take_bundle(self, sensor: Sensor, content: bytes) -> Response:
        """Looks at each batch by itself; what keeps one out keeps no other out, but the store's failing."""
        self._meters.bundles += 1
        verdicts: list[dict[str, object]] = []
        failed: Refusal | None = None
        for compressed in unbundle(content):
            if failed is None:
                try:
                    accepted = await self._admit(sensor, compressed)
                except Refusal as refusal:
                    self._refusals.record(refusal, sensor.id)
                    verdicts.append({"status": refusal.code.status, **refusal_document(refusal)})
                    continue
                except CollectorError as error:
                    failed = self._store_failed(error, sensor.id)
                else:
                    status = HTTPStatus.OK if accepted.repeat else HTTPStatus.CREATED
                    verdicts.append({"status": status, **_acknowledgement(accepted)})
                    continue
            verdicts.append({"status": failed.code.status, **refusal_document(failed)})
        return JSONResponse({"verdicts": verdicts})

    async def _admit(self, sensor: Sensor, compressed: bytes) -> Accepted:
        now_ns = time.time_ns()
        admit = partial(_bare, self._admission.admit, sensor, compressed, now_ns)
        try:
            accepted = await self._workers.run(sensor.id, partial(admit, SMALL_BYTES))
        except LargeBatchError:
            accepted = await self._large.run(sensor.id, partial(admit, MAX_BODY_BYTES))
        if accepted.repeat:
            self._meters.repeated += 1
        else:
            self._meters.new += 1
            self._contacts.took(sensor.id, accepted.observed_to_ns, accepted.lost)
        return accepted

    def _store_failed(self, error: CollectorError, sensor_id: str) -> Refusal:
        refusal = Refusal(
            RefusalCode.STORE,
            "it cannot be made durable now; keep it and send it again",
            retry_after=STORE_RETRY_SECONDS,
        )
        if self._refusals.record(refusal, sensor_id):
            _LOG.error("store sensor=%s reason=%s", sensor_id or "unknown", error)
        return refusal


def _bare(call: Callable[..., _Result], *arguments: object) -> _Result:
    """Calls, and lets no error hold on to what was being looked at.

    An error carries the frames that it came through, and these an expanded body of up to 64 MiB each; handed
    from a thread to the loop it stands in a cycle, which the collector of garbage finds far too late.
    """
    error: Refusal | LargeBatchError | CollectorError
    try:
        return call(*arguments)
    except Refusal as met:
        error = Refusal(met.code, met.reason, retry_after=met.retry_after)
    except LargeBatchError:
        error = LargeBatchError()
    except CollectorError as met:
        error = CollectorError(str(met))
    raise error


def _head(request: Request) -> Head:
    return Head(
        authorization=request.headers.get("authorization"),
        content_type=request.headers.get("content-type"),
        content_encoding=request.headers.get("content-encoding"),
        content_length=request.headers.get("content-length"),
        sent=request.headers.get("teiten-sent"),
    )


def _acknowledgement(accepted: Accepted) -> dict[str, object]:
    return {
        "sensor": accepted.key.sensor,
        "epoch": accepted.key.epoch,
        "sequence": accepted.key.sequence,
        "sha256": accepted.sha256.hex(),
        "repeat": accepted.repeat,
    }


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
