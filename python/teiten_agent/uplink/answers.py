"""What the collector says, and what it means for a batch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from teiten_agent.errors import ConfigurationError, UnreachableError
from teiten_agent.spool import Acknowledgement

MAX_ANSWER_BYTES = 65_536
"""An answer is a line of JSON a batch; more is read from nobody."""

REFUSED_FOR_GOOD = frozenset(
    {HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
TRY_AGAIN = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_UNKNOWN_VERSION = "version"
"""The error of a batch whose version the collector does not read, which its next release may."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The collector will never take this batch, and says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Withheld:
    """The collector does not take this batch before somebody changes something: it is kept.

    Attributes:
        what: What is wrong.
        remedy: What to change.
    """

    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Later:
    """Not now; `after` seconds from now, where the collector states it."""

    what: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """What the collector knows of this sensor.

    Attributes:
        sensor: The id that its token belongs to.
        monitored: The networks that it may tell of now.
        observed_to_ns: Where its latest span ends, nanoseconds of Unix time; None before its first batch.
    """

    sensor: str
    monitored: tuple[IPv4Network | IPv6Network, ...]
    observed_to_ns: int | None


Verdict = Acknowledgement | Refusal | Withheld | Later
"""What became of one batch."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, as far as it matters here."""

    status: int
    retry_after: str
    date: str
    body: bytes


def judge(url: str, answer: Answer) -> Verdict:
    """What the answer to a request with one batch means.

    Raises:
        ConfigurationError: The collector does not know the token.
        UnreachableError: What answers is no collector of this kind.
    """
    if answer.status in {HTTPStatus.OK, HTTPStatus.CREATED}:
        return _acknowledgement(url, _document(answer.body), answer.body)
    return _without_success(url, answer.status, answer.body, seconds(answer.retry_after))


def judge_bundle(url: str, answer: Answer, batches: int) -> list[Verdict]:
    """What the answer to a bundle means, batch by batch.

    Raises:
        As `judge`.
    """
    if answer.status != HTTPStatus.OK:
        verdict = _without_success(url, answer.status, answer.body, seconds(answer.retry_after))
        return [verdict] * batches
    document = _document(answer.body)
    listed = document.get("verdicts") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) != batches:
        raise UnreachableError(
            f"{url}: answers success without {batches} verdicts: {printable(answer.body)}",
            "is uplink.collector really a collector? Every batch is kept",
        )
    return [_verdict(url, one) for one in listed]


def judge_registration(url: str, answer: Answer) -> Registration:
    """What the answer to `GET /v1/sensor` means.

    Raises:
        UnreachableError: It is not now, or what answers is no collector of this kind.
        ConfigurationError: The collector does not know the token.
    """
    if answer.status != HTTPStatus.OK:
        verdict = _without_success(url, answer.status, answer.body, None)
        if isinstance(verdict, Later | Withheld):
            raise UnreachableError(verdict.what, "ask again in a minute")
        raise UnreachableError(*no_collector(url, answer.status, answer.body))
    try:
        document = json.loads(answer.body)
        observed_to_ns = document["observed_to_ns"]
        return Registration(
            sensor=str(document["sensor"]),
            monitored=tuple(ip_network(one) for one in document["monitored"]),
            observed_to_ns=None if observed_to_ns is None else int(observed_to_ns),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnreachableError(*no_collector(url, answer.status, answer.body)) from error


def no_collector(url: str, status: int, body: bytes) -> tuple[str, str]:
    """What to say where something else than a collector answers."""
    return (
        f"{url}: answers {status} ({printable(body) or 'no text'})",
        "is uplink.collector really a collector of this version? Every batch is kept",
    )


def _verdict(url: str, one: Any) -> Verdict:  # noqa: ANN401  # whatever JSON holds
    body = json.dumps(one).encode()
    status = one.get("status") if isinstance(one, dict) else None
    if status in {HTTPStatus.OK, HTTPStatus.CREATED}:
        return _acknowledgement(url, one, body)
    if type(status) is not int:
        raise UnreachableError(*no_collector(url, HTTPStatus.OK, body))
    after = one.get("retry_after")
    return _without_success(url, status, body, float(after) if type(after) in {int, float} else None)


def _without_success(url: str, status: int, body: bytes, after: float | None) -> Verdict:
    if status in TRY_AGAIN:
        return Later(f"{url}: answers {status} ({reason(body)})", after)
    if status in REFUSED_FOR_GOOD:
        document = _document(body)
        if isinstance(document, dict) and document.get("error") == _UNKNOWN_VERSION:
            return Withheld(
                f"{url}: does not speak this agent's version of the batch format ({reason(body)})",
                "upgrade the collector; every batch is kept",
            )
        return Refusal(f"{status}: {reason(body)}")
    if status == HTTPStatus.UNAUTHORIZED:
        raise ConfigurationError(
            f"{url}: does not know this sensor's token ({reason(body)})",
            "put the token of `teiten-collector sensor add` or `sensor rotate` into uplink.token_file",
        )
    if status == HTTPStatus.FORBIDDEN:
        return Withheld(
            f"{url}: does not take this batch from this sensor ({reason(body)})",
            "sensor.id and sensor.monitored must be as registered: see `teiten-collector sensor list`",
        )
    raise UnreachableError(*no_collector(url, status, body))


def _acknowledgement(url: str, document: Any, body: bytes) -> Acknowledgement:  # noqa: ANN401  # as above
    try:
        return Acknowledgement(
            sensor=document["sensor"],
            epoch=document["epoch"],
            sequence=document["sequence"],
            sha256=document["sha256"],
            repeat=bool(document["repeat"]),
        )
    except (KeyError, TypeError) as error:
        raise UnreachableError(
            f"{url}: answers success without an acknowledgement: {printable(body)}",
            "is uplink.collector really a collector? Every batch is kept",
        ) from error


def _document(body: bytes) -> Any:  # noqa: ANN401  # as above
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def reason(body: bytes) -> str:
    """The reason that an error's JSON states, or the beginning of whatever it is."""
    document = _document(body)
    try:
        return printable(f"{document['error']}: {document['reason']}".encode())
    except (KeyError, TypeError):
        return printable(body) or "no reason stated"


def printable(body: bytes) -> str:
    """The beginning of foreign bytes, safe to show on a terminal."""
    text = body[:300].decode("utf-8", errors="replace")
    return "".join(character if character.isprintable() else " " for character in text).strip()


def seconds(retry_after: str) -> float | None:
    """Read Retry-After (RFC 9110, 10.2.3): seconds or a date; None if it is neither."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    at = moment(text)
    return None if at is None else max((at - datetime.now(UTC)).total_seconds(), 0.0)


def moment(date: str) -> datetime | None:
    """Read a date of HTTP (RFC 9110, 5.6.7); None if it is none."""
    try:
        at = parsedate_to_datetime(date)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
