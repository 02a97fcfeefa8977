"""A small HTTP client on asyncio: many connections, any bytes, and the status of what comes back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from teiten_protocol import MEDIA_TYPE

if TYPE_CHECKING:
    from types import TracebackType

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, 0 where the connection was closed without one, and the body."""

    status: int
    body: bytes = b""


class Connection:
    """A connection that is opened anew when it was closed."""

    def __init__(self, port: int) -> None:
        """Name the port on loopback."""
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, head: bytes, body: bytes = b"", pause: float = 0.0) -> Answer:
        """Send a request, its body in two pieces if there is a pause to make; read the answer."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self._port)
                reader, writer = self._streams
                writer.write(head)
                if pause:
                    writer.write(body[: len(body) // 2])
                    await writer.drain()
                    await asyncio.sleep(pause)
                    writer.write(body[len(body) // 2 :])
                else:
                    writer.write(body)
                await writer.drain()
                return await self._answer(reader)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError):
            await self.close()
            return Answer(0)

    async def _answer(self, reader: asyncio.StreamReader) -> Answer:
        lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        fields = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(b":") for line in lines[1:] if line)
        }
        body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
        if fields.get(b"connection", b"").lower() == b"close":
            await self.close()
        return Answer(int(lines[0].split()[1]), body)

    async def close(self) -> None:
        """Close it, if it is open."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def __aenter__(self) -> Self:
        """The connection."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self.close()


def head(length: int, **fields: str) -> bytes:
    """The head of a request with a batch; underscores in names stand for hyphens."""
    lines = ["POST /v1/batches HTTP/1.1", "Host: collector", f"Content-Length: {length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def batch_head(body: bytes, token: str) -> bytes:
    """The head of a request with a batch as sensors send it."""
    return head(
        len(body), Authorization=f"Bearer {token}", Content_Type=MEDIA_TYPE, Content_Encoding="deflate"
    )


def quantile(values: list[float], part: float) -> float:
    """The value below which a part of the values lie; 0 without values."""
    return sorted(values)[min(int(len(values) * part), len(values) - 1)] if values else 0.0
