"""How answers leave, also where a request's body was not read to its end.

To close a connection while the other side still sends makes its kernel throw the answer away (a reset
overtakes it). So an early answer goes out whole, then what still comes is read and thrown away for a while,
then the connection is closed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse

from teiten_collector.door.refusals import Refusal, RefusalCode
from teiten_protocol import SUPPORTED_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http import HTTPStatus

    from starlette.types import Message, Receive, Scope, Send

DRAIN_SECONDS: Final = 10.0
"""How long a sender may go on after its answer: the largest body at 50 Mbit/s."""


class EarlyAnswer(JSONResponse):
    """An answer to a request whose body is not read: sent, drained, closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `starlette.responses.Response`."""
        self.headers["Connection"] = "close"

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "more_body": True}
            await send(message)

        await super().__call__(scope, receive, send_on)
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect" or not message.get("more_body"):
                        break
        except TimeoutError:
            pass
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def refusal_document(refusal: Refusal) -> dict[str, object]:
    """What a refusal says, alone or among the verdicts of a bundle."""
    document: dict[str, object] = {"error": refusal.code.text, "reason": refusal.reason}
    if refusal.code is RefusalCode.VERSION:
        document["versions"] = sorted(SUPPORTED_VERSIONS)
    if refusal.retry_after is not None:
        document["retry_after"] = refusal.retry_after
    return document


def refusal_answer(refusal: Refusal, *, read: bool) -> JSONResponse:
    """The answer that refuses a request.

    Args:
        refusal: Why.
        read: Whether the request's body was read to its end.
    """
    headers: dict[str, str] = {}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    if refusal.code is RefusalCode.TOKEN:
        headers["WWW-Authenticate"] = "Bearer"  # RFC 6750 section 3
    kind = JSONResponse if read else EarlyAnswer
    return kind(refusal_document(refusal), refusal.code.status, headers)


def plain_error(
    code: str, reason: str, status: HTTPStatus, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An answer to a request that is none for the door."""
    document = {"error": code, "reason": reason, "versions": sorted(SUPPORTED_VERSIONS)}
    return EarlyAnswer(document, status, dict(headers or {}))
