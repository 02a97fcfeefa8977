"""What the door says no to: each refusal is counted, and the log names each cause once a minute."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING

from teiten_collector.door.meters import Family

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from teiten_collector.errors import CollectorError

_LOG = logging.getLogger(__name__)
LOG_SECONDS = 60.0
"""How long a cause stays out of the log once it was named: a flood of refusals must not fill a disk."""
STORE_RETRY_SECONDS = 30
MAX_CAUSES = 4096
"""Causes remembered at once; beyond it the memory starts anew, and a cause may be named twice in a minute."""


class RefusalCode(Enum):
    """Why the door refuses. The text is what `error` says in the answer; the status is RFC 9110's."""

    TOKEN = ("token", HTTPStatus.UNAUTHORIZED)
    CODE = ("code", HTTPStatus.FORBIDDEN)
    OTHER_SENSOR = ("other_sensor", HTTPStatus.FORBIDDEN)
    UNREGISTERED_ADDRESS = ("unregistered_address", HTTPStatus.FORBIDDEN)
    RELEASE = ("release", HTTPStatus.NOT_FOUND)
    SLOW = ("slow", HTTPStatus.REQUEST_TIMEOUT)
    CONFLICT = ("conflict", HTTPStatus.CONFLICT)
    LENGTH_REQUIRED = ("length_required", HTTPStatus.LENGTH_REQUIRED)
    TOO_LARGE = ("too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    MEDIA_TYPE = ("media_type", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    ENCODING = ("encoding", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    BATCH = ("batch", HTTPStatus.UNPROCESSABLE_ENTITY)
    VERSION = ("version", HTTPStatus.UNPROCESSABLE_ENTITY)
    ENROLMENT = ("enrolment", HTTPStatus.UNPROCESSABLE_ENTITY)
    CONDITION = ("condition", HTTPStatus.UNPROCESSABLE_ENTITY)
    RATE = ("rate", HTTPStatus.TOO_MANY_REQUESTS)
    BUSY = ("busy", HTTPStatus.SERVICE_UNAVAILABLE)
    STORE = ("store", HTTPStatus.SERVICE_UNAVAILABLE)

    def __init__(self, text: str, status: HTTPStatus) -> None:
        """Names the parts of the value."""
        self.text = text
        self.status = status


class Refusal(Exception):  # noqa: N818 - an answer to a sender, not a fault of the program
    """The door's no.

    Args:
        code: Why.
        reason: A sentence for whoever runs the sensor: what is wrong and what to do. Names no address.
        retry_after: Seconds after which trying again makes sense; None where it never does.
    """

    def __init__(self, code: RefusalCode, reason: str, *, retry_after: int | None = None) -> None:
        """See the class."""
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.retry_after = retry_after


class Refusals:
    """Counts refusals, and logs each cause once a minute. Safe for many threads.

    Args:
        clock: A monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """See the class."""
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: Counter[RefusalCode] = Counter()
        self._named: dict[tuple[RefusalCode, str], tuple[float, int]] = {}

    def record(self, refusal: Refusal, sensor: str) -> bool:
        """Takes note of a refusal; `sensor` is the id that was proven by a token, or empty.

        Returns:
            Whether the log names it: whoever knows more of the cause may say so then.
        """
        cause = (refusal.code, sensor)
        with self._lock:
            self._counts[refusal.code] += 1
            named_at, silent = self._named.get(cause, (-LOG_SECONDS, 0))
            now = self._clock()
            if now - named_at < LOG_SECONDS:
                self._named[cause] = (named_at, silent + 1)
                return False
            if len(self._named) >= MAX_CAUSES:
                self._named.clear()
            self._named[cause] = (now, 0)
        _LOG.warning(
            "refused sensor=%s error=%s status=%d unlogged_before=%d reason=%s",
            sensor or "unknown",
            refusal.code.text,
            refusal.code.status,
            silent,
            refusal.reason,
        )
        return True

    def store_failed(self, error: CollectorError, sensor: str) -> Refusal:
        """Takes note of the store's failing; what is answered then, since the log alone may say why."""
        refusal = Refusal(
            RefusalCode.STORE,
            "it cannot be made durable now; keep it and send it again",
            retry_after=STORE_RETRY_SECONDS,
        )
        if self.record(refusal, sensor):
            _LOG.error("store sensor=%s reason=%s", sensor or "unknown", error)
        return refusal

    def counts(self) -> dict[RefusalCode, int]:
        """How many there were since the start, by code; codes that never came up are left out."""
        with self._lock:
            return dict(self._counts)

    def families(self) -> Iterator[Family]:
        """The counts as metrics, every code from the start on."""
        counts = self.counts()
        samples = [({"error": code.text}, counts.get(code, 0)) for code in RefusalCode]
        yield Family("teiten_collector_refusals_total", "counter", "Refusals, by cause.", samples)
