"""Batches that have come in, alone or bundled: each is looked at in its sensor's turn, and answered."""

from __future__ import annotations

import time
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from starlette.responses import JSONResponse

from teiten_collector.door.admission import Accepted, Admission, LargeBatchError, unbundle
from teiten_collector.door.answers import refusal_document
from teiten_collector.door.refusals import Refusal, Refusals
from teiten_collector.door.turns import Taken, Turns
from teiten_collector.errors import CollectorError
from teiten_protocol import MAX_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from teiten_collector.door.contacts import Contacts
    from teiten_collector.door.meters import Meters
    from teiten_collector.store import Sensor

_Result = TypeVar("_Result")

WORKERS = 4
"""Bodies looked at at once."""
SMALL_BYTES = 2 << 20
"""A body that expands no further is looked at beside others; a minute of some 30,000 rows fits. A larger one
waits for a place of its own, because the largest takes three times its 64 MiB while it is checked."""


class Batches:
    """Takes batches of proven sensors. Its own state is touched by the event loop alone."""

    def __init__(
        self, admission: Admission, contacts: Contacts, refusals: Refusals, meters: Meters, taken: Taken
    ) -> None:
        """Takes who decides, and who is told of what came of it.

        Args:
            admission: Decides over each.
            contacts: Is told what a sensor has observed.
            refusals: Is told of each that is refused within a bundle.
            meters: Count.
            taken: What each sensor took of the processors, by which turns go.
        """
        self._admission = admission
        self._contacts = contacts
        self._refusals = refusals
        self._meters = meters
        self._workers = Turns(WORKERS, taken)
        self._large = Turns(1, taken)

    async def take(self, sensor: Sensor, content: bytes) -> Response:
        """Takes one batch.

        Raises:
            Refusal: It may not come in.
            CollectorError: The store fails.
        """
        accepted = await self._admit(sensor, content)
        status = HTTPStatus.OK if accepted.repeat else HTTPStatus.CREATED
        return JSONResponse(_acknowledgement(accepted), status)

    async def take_bundle(self, sensor: Sensor, content: bytes) -> Response:
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
                    failed = self._refusals.store_failed(error, sensor.id)
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


def _acknowledgement(accepted: Accepted) -> dict[str, object]:
    return {
        "sensor": accepted.key.sensor,
        "epoch": accepted.key.epoch,
        "sequence": accepted.key.sequence,
        "sha256": accepted.sha256.hex(),
        "repeat": accepted.repeat,
    }
