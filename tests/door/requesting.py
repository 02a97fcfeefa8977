"""Requests as a sensor sends them, and as nobody should."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from teiten_protocol import MEDIA_TYPE, Batch, compress, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.door.conftest import Collector

TIMEOUT_SECONDS = 30


def headers(token: str) -> dict[str, str]:
    """What the door wants to see."""
    return {
        "Authorization": f"Bearer {token}",
        "Content-Type": MEDIA_TYPE,
        "Content-Encoding": "deflate",
    }


def post(
    collector: Collector,
    body: bytes,
    sensor: str = "tokyo-01",
    *,
    changed: Mapping[str, str | None] | None = None,
) -> requests.Response:
    """Sends a body as a sensor; `changed` headers replace the right ones, None leaves one out."""
    sent: dict[str, str | bytes | None] = {**headers(collector.tokens[sensor]), **(changed or {})}
    return requests.post(f"{collector.url}/v1/batches", data=body, headers=sent, timeout=TIMEOUT_SECONDS)


def send(collector: Collector, batch: Batch, sensor: str = "tokyo-01") -> requests.Response:
    """Sends a batch with the token of a sensor."""
    return post(collector, compress(encode(batch)), sensor)


def raw(collector: Collector, fields: Iterable[tuple[str, str]], body: bytes = b"") -> tuple[int, Any]:
    """Sends exactly these header fields and bytes, and reads the answer without sending more."""
    parts = urlsplit(collector.url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.putrequest("POST", "/v1/batches")
        for name, value in fields:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
