"""Compression of bodies: zlib (RFC 1950), because every language and every appliance has it."""

import io
import zlib
from typing import Final

from teiten_protocol import limits
from teiten_protocol.errors import BatchError, Fault

LEVEL: Final = 4
"""Measured on 400,000 realistic rows (docs/reference/batch-format.md): 8 % smaller than level 1 for half more
time; level 6 takes 3.4 times as long as 4 to save another 5 %, which is no bargain on an appliance."""

_PIECE_BYTES: Final = 1 << 20


def compress(body: bytes) -> bytes:
    """Compress a body; within its limit, it stays within `limits.MAX_COMPRESSED_BYTES` compressed."""
    return zlib.compress(body, LEVEL)


def expand(compressed: bytes, limit: int = limits.MAX_BODY_BYTES) -> bytes:
    """Expand what `compress` or any other zlib made, to at most `limit` bytes.

    Raises:
        BatchError: It is over a limit, no zlib stream, cut short, or followed by more bytes. No more than
            `limit` bytes and one are ever expanded.
    """
    if len(compressed) > limits.MAX_COMPRESSED_BYTES:
        raise BatchError(
            "compressed",
            f"{len(compressed)} bytes are over the limit of {limits.MAX_COMPRESSED_BYTES}",
            Fault.SIZE,
        )
    stream = zlib.decompressobj()
    # In pieces into one buffer that is handed out as it is: as a whole, zlib would hold it twice at the end.
    buffer = io.BytesIO()
    try:
        for at in range(0, len(compressed), _PIECE_BYTES):
            left = compressed[at : at + _PIECE_BYTES]
            most = piece = 0
            while (left or piece == most) and (most := min(_PIECE_BYTES, limit + 1 - buffer.tell())):
                piece = buffer.write(stream.decompress(left, most))
                left = stream.unconsumed_tail
            if stream.eof or buffer.tell() > limit:
                break
    except zlib.error as error:
        raise BatchError("compressed", f"no zlib stream ({error})", Fault.COMPRESSION) from None
    body = buffer.getvalue()
    if len(body) > limit:
        raise BatchError("compressed", f"expands to more than the limit of {limit} bytes", Fault.SIZE)
    if not stream.eof:
        raise BatchError("compressed", "the zlib stream is cut short", Fault.COMPRESSION)
    if stream.unused_data or at + _PIECE_BYTES < len(compressed):
        raise BatchError("compressed", "bytes follow the zlib stream", Fault.COMPRESSION)
    return body
