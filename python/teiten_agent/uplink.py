"""The uplink: batches to the collector by HTTP, and its answers back.

The answer decides, by its status (RFC 9110):

==================  ==================================================================================
200, 201            acknowledged (a repeat, new)
409, 413, 422       refused for good: the batch is set aside with the reason
401, 403            the collector does not take this sensor's word: an error of configuration
408, 429, 5xx       tried again, after the time of `Retry-After` or a back-off with full jitter
anything else       what answers is no collector of this kind: an error; batches are kept
==================  ==================================================================================

Redirects are not followed: the token is for the configured host alone. On loopback, proxies are not used.
"""

from __future__ import annotations

import json
import os
import random
import ssl
import stat
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from teiten_agent import __version__
from teiten_agent.config.kinds import is_loopback
from teiten_agent.errors import ConfigurationError, UnreachableError
from teiten_agent.spool import Acknowledgement
from teiten_protocol import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from teiten_agent.config import Uplink as UplinkConfiguration
    from teiten_agent.progress import Progress
    from teiten_agent.spool import Spool, StoredBatch

MAX_ANSWER_BYTES = 65_536
"""An answer is a line of JSON; more is read from nobody."""

_MAX_TOKEN_BYTES = 4_096
_REFUSALS_SAID = 5
"""Refusals told one by one; the reasons of all lie in the spool."""
_REFUSED_FOR_GOOD = frozenset(
    {HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
_TRY_AGAIN = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


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
class Refusal:
    """The collector will never take this batch, and says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Health:
    """What the collector's `/healthz` told.

    Attributes:
        at: The collector's clock at its answer, None if it did not state it.
    """

    at: datetime | None


@dataclass(slots=True)
class Delivery:
    """What became of the batches that were sent.

    Attributes:
        acknowledged: Batches that the collector took, repeats among them.
        repeats: Those that it had already.
        refused: One sentence for each refused batch.
        damaged: Files that were no whole batch.
    """

    acknowledged: int = 0
    repeats: int = 0
    refused: list[str] = field(default_factory=list)
    damaged: int = 0

    def add(self, other: Delivery) -> None:
        """Add what became of further batches."""
        self.acknowledged += other.acknowledged
        self.repeats += other.repeats
        self.refused += other.refused
        self.damaged += other.damaged


def read_token(path: str) -> str:
    """Read the bearer token.

    Raises:
        ConfigurationError: The file cannot be read, is readable by everyone, or holds no token.
    """
    key = "uplink.token_file"
    try:
        with Path(path).open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(_MAX_TOKEN_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"{key}: {path}: cannot be read: {error.strerror or error}",
            "put the token that `teiten-collector sensor add` printed into it, readable for the agent's user",
        ) from error
    if mode & stat.S_IROTH:
        raise ConfigurationError(
            f"{key}: {path}: is readable by everyone (mode {mode:04o})", f"chmod o-rwx {path}"
        )
    token = content.strip()
    if not token or len(token) > _MAX_TOKEN_BYTES or any(not 0x21 <= octet <= 0x7E for octet in token):  # noqa: PLR2004
        raise ConfigurationError(
            f"{key}: {path}: holds no token",
            "it must be one line of visible ASCII without spaces, and nothing else",
        )
    return token.decode("ascii")


class Uplink:
    """One collector as this sensor sees it. Constructing it opens no connection."""

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
        self._url = configuration.collector
        self._patience = patience or Patience()
        self._sleep = sleep
        self._random = random.SystemRandom()
        self._session = requests.Session()
        token = read_token(configuration.token_file)
        # A callable, because requests would put what ~/.netrc holds for the host into the place of a plain
        # header.
        self._session.auth = lambda request: _with_token(request, token)
        self._session.headers["User-Agent"] = f"teiten-agent/{__version__}"
        if configuration.ca_file:
            _check_authority(configuration.ca_file)
            self._session.verify = configuration.ca_file
        if is_loopback(urlsplit(self._url).hostname or ""):
            self._session.trust_env = False

    def health(self) -> Health:
        """Ask once whether the collector is there.

        Raises:
            UnreachableError: It is not, or what answers is no collector.
        """
        status, _, date, body = self._request("GET", "/healthz")
        if status != HTTPStatus.OK:
            raise UnreachableError(*_no_collector(self._url, status, body))
        try:
            at = parsedate_to_datetime(date)
        except ValueError:
            return Health(None)
        return Health(at if at.tzinfo else at.replace(tzinfo=UTC))

    def send(self, batch: StoredBatch) -> Acknowledgement | Refusal:
        """Send one batch, again and again with pauses if need be.

        Raises:
            UnreachableError: No answer, or none of a collector, after all attempts.
            ConfigurationError: The collector does not take this sensor's word.
        """
        pause_bound = self._patience.first_pause
        for attempt in range(1, self._patience.attempts + 1):
            try:
                status, retry_after, _, body = self._request("POST", "/v1/batches", batch.compressed)
            except _TryAgainError as error:
                problem, stated = error.what, None
            else:
                if status not in _TRY_AGAIN:
                    return self._judge(status, body)
                problem, stated = f"{self._url}: answers {status} ({_reason(body)})", _seconds(retry_after)
            if attempt < self._patience.attempts:
                if stated is None:
                    self._sleep(self._random.uniform(0, pause_bound))
                else:
                    self._sleep(min(stated, self._patience.longest_stated_pause))
                pause_bound = min(pause_bound * 2, self._patience.longest_pause)
        raise UnreachableError(f"{problem}, {self._patience.attempts} times", _LATER)

    def _judge(self, status: int, body: bytes) -> Acknowledgement | Refusal:
        if status in {HTTPStatus.OK, HTTPStatus.CREATED}:
            return _acknowledgement(self._url, body)
        if status in _REFUSED_FOR_GOOD:
            return Refusal(f"{status}: {_reason(body)}")
        if status == HTTPStatus.UNAUTHORIZED:
            raise ConfigurationError(
                f"{self._url}: does not know this sensor's token ({_reason(body)})",
                "put the token of `teiten-collector sensor add` or `sensor rotate` into uplink.token_file",
            )
        if status == HTTPStatus.FORBIDDEN:
            raise ConfigurationError(
                f"{self._url}: does not take this batch from this sensor ({_reason(body)})",
                "sensor.id and sensor.monitored must be as registered: see `teiten-collector sensor list`",
            )
        raise UnreachableError(*_no_collector(self._url, status, body))

    def _request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str, str, bytes]:
        """Return status, Retry-After, Date and body.

        Raises:
            UnreachableError: TLS fails for good.
            _TryAgainError: The connection fails otherwise.
        """
        import requests  # noqa: PLC0415  # as in __init__

        headers = {} if body is None else {"Content-Type": MEDIA_TYPE, "Content-Encoding": "deflate"}
        try:
            with self._session.request(
                method,
                self._url + path,
                data=body,
                headers=headers,
                timeout=(self._patience.connect, self._patience.answer),
                allow_redirects=False,
                stream=True,
            ) as response:
                answer = response.raw.read(MAX_ANSWER_BYTES, decode_content=True)
                date, retry_after = response.headers.get("Date", ""), response.headers.get("Retry-After", "")
                return response.status_code, retry_after, date, answer
        except requests.exceptions.SSLError as error:
            raise UnreachableError(
                f"{self._url}: its certificate is not trusted: {_innermost(error)}",
                "put the certificate of an authority of your own into uplink.ca_file; see also to the clock",
            ) from error
        except requests.exceptions.RequestException as error:
            raise _TryAgainError(f"{self._url}: cannot be reached: {_innermost(error)}", _LATER) from error
        except Exception as error:
            # urllib3's own errors, while the answer is read; requests wraps them only in its own readers.
            if type(error).__module__.partition(".")[0] != "urllib3":
                raise
            raise _TryAgainError(f"{self._url}: breaks off: {_innermost(error)}", _LATER) from error


_LATER = (
    "see that the collector runs and the network is up, then run the same command again,"
    " or `teiten-agent spool upload`; every batch is kept in the spool until then"
)


class _TryAgainError(UnreachableError):
    """The connection failed in a way that may pass."""


def deliver(
    spool: Spool, uplink: Uplink, notice: Callable[[str], None], progress: Progress | None = None
) -> Delivery:
    """Send every batch that waits, in order, until each is acknowledged or refused.

    Raises:
        UnreachableError: The collector stopped answering; what it acknowledged is noted, the rest is kept.
        ConfigurationError: The collector does not take this sensor's word; as above.
    """
    delivery = Delivery()
    for done, entry in enumerate(spool.waiting()):
        if progress is not None:
            progress.update(done)
        batch = spool.read(entry)
        if batch is None:
            delivery.damaged += 1
            continue
        answer = uplink.send(batch)
        if isinstance(answer, Refusal):
            place = spool.refuse(batch, answer.reason)
            delivery.refused.append(
                f"{entry.name}: refused by the collector: {answer.reason}; set aside as {place}"
            )
            if len(delivery.refused) <= _REFUSALS_SAID:
                notice(delivery.refused[-1])
        else:
            spool.acknowledge(batch, answer)
            delivery.acknowledged += 1
            delivery.repeats += answer.repeat
    if len(delivery.refused) > _REFUSALS_SAID:
        notice(f"{len(delivery.refused) - _REFUSALS_SAID} more were refused; a .reason lies beside each")
    return delivery


def _check_authority(path: str) -> None:
    """Make sure that a file holds certificates, before the first connection.

    Raises:
        ConfigurationError: It does not.
    """
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError(
            f"uplink.ca_file: {path}: holds no certificate: {error.strerror or error}",
            "put the certificate of the collector's authority (PEM) there",
        ) from error


def _with_token(request: requests.PreparedRequest, token: str) -> requests.PreparedRequest:
    request.headers["Authorization"] = f"Bearer {token}"
    return request


def _acknowledgement(url: str, body: bytes) -> Acknowledgement:
    try:
        document = json.loads(body)
        return Acknowledgement(
            sensor=document["sensor"],
            epoch=document["epoch"],
            sequence=document["sequence"],
            sha256=document["sha256"],
            repeat=bool(document["repeat"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnreachableError(
            f"{url}: answers success without an acknowledgement: {_printable(body)}",
            "is uplink.collector really a collector? Every batch is kept",
        ) from error


def _reason(body: bytes) -> str:
    """The reason that an error's JSON states, or the beginning of whatever it is."""
    try:
        document = json.loads(body)
        return _printable(f"{document['error']}: {document['reason']}".encode())
    except (ValueError, KeyError, TypeError, RecursionError):
        return _printable(body) or "no reason stated"


def _printable(body: bytes) -> str:
    """The beginning of foreign bytes, safe to show on a terminal."""
    text = body[:300].decode("utf-8", errors="replace")
    return "".join(character if character.isprintable() else " " for character in text).strip()


def _no_collector(url: str, status: int, body: bytes) -> tuple[str, str]:
    return (
        f"{url}: answers {status} ({_printable(body) or 'no text'})",
        "is uplink.collector really a collector of this version? Every batch is kept",
    )


def _seconds(retry_after: str) -> float | None:
    """Read Retry-After (RFC 9110, 10.2.3): seconds or a date; None if it is neither."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max((at - datetime.now(UTC)).total_seconds(), 0.0)


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
    return _printable(str(error).encode()) or type(error).__name__
