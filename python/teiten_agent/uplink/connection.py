"""The connection to one collector: kept alive, verified, tried again with patience.

Redirects are not followed: the token is for the configured host alone. On loopback, proxies are not used.
"""

from __future__ import annotations

import hashlib
import os
import random
import time
import weakref
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from teiten_agent import __version__
from teiten_agent.config.kinds import is_loopback
from teiten_agent.errors import AnswerIsNoError, CannotWriteError, ConfigurationError, UnreachableError
from teiten_agent.uplink.answers import (
    MAX_ANSWER_BYTES,
    REFUSED_FOR_GOOD,
    TRY_AGAIN,
    Answer,
    Later,
    Registration,
    Verdict,
    judge,
    judge_bundle,
    judge_registration,
    moment,
    no_collector,
    printable,
    reason,
)
from teiten_agent.uplink.credentials import check_authority, read_token
from teiten_agent.uplink.pace import Pace
from teiten_protocol import MEDIA_TYPE
from teiten_protocol.bundle import BUNDLE_MEDIA_TYPE, pack
from teiten_protocol.enrolment import MEDIA_TYPE as ENROLMENT_TYPE
from teiten_protocol.enrolment import PATH as ENROLMENT_PATH
from teiten_protocol.enrolment import Enrolment, EnrolmentError
from teiten_protocol.fleet import CONDITION_PATH, RELEASE_PATH, Condition, FleetError, Order
from teiten_protocol.fleet import MEDIA_TYPE as CONDITION_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    import requests

    from teiten_agent.config import Uplink as UplinkConfiguration
    from teiten_agent.spool import StoredBatch

_PIECE_BYTES = 1 << 16

SENT_HEADER = "Teiten-Sent"
"""When a request was sent by the sensor's clock, seconds of Unix time: so the collector sees it drift."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for whom, in seconds.

    Attributes:
        connect: For a connection.
        answer: For an answer; the collector makes a batch durable before it gives one.
        attempts: How often one batch is sent before the collector counts as unreachable.
        first_pause: Bound of the pause after the first attempt; it doubles with each. The pause is drawn
            evenly from 0 to the bound ("full jitter"), so that a fleet does not come back in step.
        longest_pause: Where doubling ends.
        longest_stated_pause: Most that a `Retry-After` is obeyed.
    """

    connect: float = 10.0
    answer: float = 60.0
    attempts: int = 6
    first_pause: float = 0.5
    longest_pause: float = 30.0
    longest_stated_pause: float = 60.0


@dataclass(frozen=True, slots=True)
class Health:
    """What the collector's `/healthz` told.

    Attributes:
        at: The collector's clock at its answer, None if it did not state it.
    """

    at: datetime | None


@dataclass(frozen=True, slots=True)
class Dealings:
    """What passed between sensor and collector since the start.

    Attributes:
        attempts: Requests begun.
        answers: Requests answered, whatever the answer said.
        answered_at: When the last answer came, seconds of Unix time; 0 if none did.
        clock_offset: How far this clock was ahead of the collector's when an answer last told its time, in
            seconds, to half a second and half the way there and back; None if none did.
    """

    attempts: int = 0
    answers: int = 0
    answered_at: float = 0.0
    clock_offset: float | None = None


class Uplink:
    """One collector as this sensor sees it. Constructing it opens no connection. One thread uses it."""

    def __init__(
        self,
        configuration: UplinkConfiguration,
        *,
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Read the token and prepare a session.

        Raises:
            ConfigurationError: No collector is configured, or the token or the own CA cannot be used.
        """
        import requests  # noqa: PLC0415  # a tenth of a second that other commands need not pay

        if not configuration.collector:
            raise ConfigurationError(
                "uplink.collector: names no collector",
                "name one, or replay with --no-upload and carry `teiten-agent spool export` to it",
            )
        self.batches_per_request = configuration.batches_per_request
        self.newest_first = configuration.order == "newest-first"
        self.dealings = Dealings()
        self._url = configuration.collector
        self._patience = patience or Patience()
        self._sleep = sleep
        self._pace = Pace(configuration.max_kilobits_per_second * 125, sleep)
        self._random = random.SystemRandom()
        self._session = requests.Session()
        # Debian 12's urllib3 (1.26) leaves that to the garbage collector.
        weakref.finalize(self, self._session.close)
        self._token = token = read_token(configuration.token_file)
        # A callable, because requests would put what ~/.netrc holds for the host into the place of a plain
        # header.
        self._session.auth = lambda request: _with_token(request, token)
        self._session.headers["User-Agent"] = f"teiten-agent/{__version__}"
        if configuration.ca_file:
            check_authority(configuration.ca_file)
            self._session.verify = configuration.ca_file
        if is_loopback(urlsplit(self._url).hostname or ""):
            self._session.trust_env = False

    def health(self) -> Health:
        """Ask once whether the collector is there.

        Raises:
            UnreachableError: It is not, or what answers is no collector.
        """
        answer = self._request("GET", "/healthz")
        if answer.status != HTTPStatus.OK:
            raise UnreachableError(*no_collector(self._url, answer.status, answer.body))
        return Health(moment(answer.date))

    def enrol(self, sensor: str, code: str) -> None:
        """Have the collector take this sensor's token for a one-time code. Again is no harm: it is the same.

        Raises:
            AnswerIsNoError: The collector refuses, for good.
            UnreachableError: It does not answer, or not now.
            ConfigurationError: Code or token is malformed.
        """
        try:
            body = Enrolment(sensor, code, self._token).encode()
        except EnrolmentError as error:
            raise ConfigurationError(
                f"enrolment: {error}",
                "copy the code as `teiten-collector sensor enrol` printed it, and delete an unfit token",
            ) from error
        answer = self._request("POST", ENROLMENT_PATH, body, {"Content-Type": ENROLMENT_TYPE})
        if answer.status in {HTTPStatus.OK, HTTPStatus.CREATED}:
            return
        if answer.status in TRY_AGAIN:
            raise UnreachableError(f"{self._url}: answers {answer.status} ({reason(answer.body)})", _LATER)
        if answer.status in {HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY}:
            raise AnswerIsNoError(f"{self._url}: refuses the enrolment: {reason(answer.body)}")
        raise UnreachableError(*no_collector(self._url, answer.status, answer.body))

    def registration(self) -> Registration | None:
        """Ask once what the collector knows of this sensor; None if it is too old to tell.

        Raises:
            UnreachableError: It does not answer, or what answers is no collector.
            ConfigurationError: It does not know the token.
        """
        answer = self._request("GET", "/v1/sensor")
        if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
            return None
        return judge_registration(self._url, answer)

    def report(self, condition: Condition) -> Order:
        """Tell how this sensor stands; what the collector has for it to install.

        Raises:
            UnreachableError: The collector does not answer, or not so.
            ConfigurationError: It does not know this sensor's token.
        """
        answer = self._request("POST", CONDITION_PATH, condition.encode(), {"Content-Type": CONDITION_TYPE})
        self._require_ok(answer)
        try:
            return Order.decode(answer.body)
        except FleetError as error:
            raise UnreachableError(f"{self._url}: answers no order: {error}") from error

    def fetch(self, order: Order, path: Path) -> None:
        """Bring what was ordered into a file, going on where an attempt before ended.

        Raises:
            UnreachableError: The collector does not answer or breaks off, or what came is something else.
            ConfigurationError: It does not know this sensor's token.
            CannotWriteError: The file cannot be written.
        """
        if path.exists():
            return
        beside = path.with_name(f"{path.name}.part")
        try:
            with beside.open("ab") as file:
                for piece in self._pieces(order, file.tell()):
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            with beside.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != order.release:
                beside.unlink()
                raise UnreachableError(f"{self._url}: release {order.release[:16]} came damaged", _LATER)
            beside.replace(path)
        except OSError as error:
            raise CannotWriteError(f"{beside}: cannot be written: {error.strerror or error}") from error

    def _pieces(self, order: Order, have: int) -> Iterator[bytes]:
        import requests  # noqa: PLC0415  # as in __init__

        if have >= order.size:
            return
        try:
            with self._session.get(
                f"{self._url}{RELEASE_PATH}{order.release}",
                headers={"Range": f"bytes={have}-"} if have else {},
                timeout=(self._patience.connect, self._patience.answer),
                allow_redirects=False,
                stream=True,
            ) as response:
                if response.status_code != (HTTPStatus.PARTIAL_CONTENT if have else HTTPStatus.OK):
                    content = response.raw.read(MAX_ANSWER_BYTES, decode_content=True)
                    raise UnreachableError(*no_collector(self._url, response.status_code, content))
                for piece in response.iter_content(_PIECE_BYTES):
                    have += len(piece)
                    if have > order.size:
                        raise UnreachableError(f"{self._url}: sends more than the {order.size} bytes ordered")
                    self._pace.wait(len(piece))
                    yield piece
        except requests.exceptions.RequestException as error:
            raise UnreachableError(f"{self._url}: breaks off: {_innermost(error)}", _LATER) from error

    def _require_ok(self, answer: Answer) -> None:
        if answer.status == HTTPStatus.OK:
            return
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise ConfigurationError(
                f"{self._url}: does not know this sensor's token ({reason(answer.body)})",
                "enrol it with the code of `teiten-collector sensor enrol`",
            )
        raise UnreachableError(*no_collector(self._url, answer.status, answer.body))

    def send(self, batches: Sequence[StoredBatch]) -> list[Verdict]:
        """Send batches in one request, again and again with pauses while the collector settles none of them.

        Args:
            batches: One, or as many as a bundle holds.

        Returns:
            A verdict on each, in order; at least one of them is not `Later`.

        Raises:
            UnreachableError: No answer, or none of a collector, after all attempts.
            ConfigurationError: The collector does not know this sensor's token.
        """
        pause_bound = self._patience.first_pause
        later = Later("")
        for attempt in range(1, self._patience.attempts + 1):
            try:
                verdicts = self._send_once(batches)
            except _TryAgainError as error:
                later = Later(error.what)
            else:
                waiting = [verdict for verdict in verdicts if isinstance(verdict, Later)]
                if len(waiting) < len(verdicts):
                    return verdicts
                later = waiting[0]
            if attempt < self._patience.attempts:
                if later.after is None:
                    self._sleep(self._random.uniform(0, pause_bound))
                else:
                    self._sleep(min(later.after, self._patience.longest_stated_pause))
                pause_bound = min(pause_bound * 2, self._patience.longest_pause)
        raise UnreachableError(f"{later.what}, {self._patience.attempts} times", _LATER)

    def _send_once(self, batches: Sequence[StoredBatch]) -> list[Verdict]:
        if len(batches) == 1:
            headers = {"Content-Type": MEDIA_TYPE, "Content-Encoding": "deflate"}
            return [judge(self._url, self._post(batches[0].compressed, headers))]
        bundle = pack([batch.compressed for batch in batches])
        answer = self._post(bundle, {"Content-Type": BUNDLE_MEDIA_TYPE})
        if answer.status in {HTTPStatus.UNSUPPORTED_MEDIA_TYPE, *REFUSED_FOR_GOOD}:
            # A collector from before there were bundles, or something on the way that takes no large bodies:
            # what is refused for good is said of one batch alone. The first travels alone, the others will.
            self.batches_per_request = 1
            return [*self._send_once(batches[:1]), *(Later("a bundle is refused") for _ in batches[1:])]
        return judge_bundle(self._url, answer, len(batches))

    def _post(self, body: bytes, headers: dict[str, str]) -> Answer:
        self._pace.wait(len(body))
        return self._request("POST", "/v1/batches", body, headers)

    def _request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Ask, and read the answer.

        Raises:
            UnreachableError: TLS fails for good.
            _TryAgainError: The connection fails otherwise.
        """
        import requests  # noqa: PLC0415  # as in __init__

        self.dealings = replace(self.dealings, attempts=self.dealings.attempts + 1)
        sent_at = time.time()
        try:
            with self._session.request(
                method,
                self._url + path,
                data=body,
                headers={**(headers or {}), SENT_HEADER: f"{sent_at:.3f}"},
                timeout=(self._patience.connect, self._patience.answer),
                allow_redirects=False,
                stream=True,
            ) as response:
                content = response.raw.read(MAX_ANSWER_BYTES, decode_content=True)
                found = response.headers.get
                answer = Answer(response.status_code, found("Retry-After", ""), found("Date", ""), content)
                self._note(answer, sent_at)
                return answer
        except requests.exceptions.SSLError as error:
            raise UnreachableError(
                f"{self._url}: its certificate is not trusted: {_innermost(error)}",
                "put the certificate of an authority of your own into uplink.ca_file; see also to the clock",
            ) from error
        except requests.exceptions.RequestException as error:
            raise _TryAgainError(f"{self._url}: cannot be reached: {_innermost(error)}", _LATER) from error
        except OSError as error:
            # requests' own, before it connects, where the file of authorities is not there.
            raise UnreachableError(
                f"{self._url}: {error}",
                "install authorities (Debian: ca-certificates), or set uplink.ca_file",
            ) from error
        except Exception as error:
            # urllib3's own errors, while the answer is read; requests wraps them only in its own readers.
            if type(error).__module__.partition(".")[0] != "urllib3":
                raise
            raise _TryAgainError(f"{self._url}: breaks off: {_innermost(error)}", _LATER) from error

    def _note(self, answer: Answer, sent_at: float) -> None:
        answered_at = time.time()
        at = moment(answer.date)
        offset = self.dealings.clock_offset
        if at is not None:
            # The header states whole seconds, cut off (RFC 9110, 5.6.7).
            offset = (sent_at + answered_at) / 2 - (at.timestamp() + 0.5)
        self.dealings = replace(
            self.dealings, answers=self.dealings.answers + 1, answered_at=answered_at, clock_offset=offset
        )


_LATER = (
    "see that the collector runs and the network is up, then run the same command again,"
    " or `teiten-agent spool upload`; every batch is kept in the spool until then"
)


class _TryAgainError(UnreachableError):
    """The connection failed in a way that may pass."""


def _with_token(request: requests.PreparedRequest, token: str) -> requests.PreparedRequest:
    request.headers["Authorization"] = f"Bearer {token}"
    return request


def _innermost(error: BaseException) -> str:
    """The sentence at the bottom of a chain of wrapped errors."""
    seen = {id(error)}
    while True:
        inner = next((argument for argument in error.args if isinstance(argument, BaseException)), None)
        inner = inner or getattr(error, "reason", None) or error.__cause__ or error.__context__
        if not isinstance(inner, BaseException) or id(inner) in seen:
            break
        seen.add(id(inner))
        error = inner
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return printable(str(error).encode()) or type(error).__name__
