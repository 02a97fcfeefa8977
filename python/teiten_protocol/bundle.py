"""Several batches in one request: each as it lies in the spool, behind its length.

    bundle = entry+        entry = length (u32, big-endian, at least 1) | compressed body (that many bytes)

There is no header, no count and no compression around it: what is inside is compressed already. One answer
tells of every batch, in order.
"""

import struct
from collections.abc import Sequence
from typing import Final

from teiten_protocol import limits
from teiten_protocol.errors import BatchError, Fault

BUNDLE_MEDIA_TYPE: Final = "application/vnd.teiten.batches"
"""Content type of a bundle over HTTP (vendor tree, RFC 6838 section 3.2)."""

MAX_BUNDLED: Final = 64
"""Batches of a bundle: an hour of minutes, and an answer of some 30 KB."""

MAX_BUNDLE_BYTES: Final = 8 << 20
"""A bundle as a whole: half a minute on a line of 2 Mbit/s. What is larger travels alone."""

_LENGTH: Final = struct.Struct(">I")


def bundled_bytes(compressed: Sequence[bytes]) -> int:
    """How long a bundle of these would be."""
    return sum(_LENGTH.size + len(body) for body in compressed)


def pack(compressed: Sequence[bytes]) -> bytes:
    """Put compressed bodies into a bundle.

    Raises:
        BatchError: There are none, too many, an empty one, or they are too large together.
    """
    if not 1 <= len(compressed) <= MAX_BUNDLED:
        raise BatchError("bundle", f"holds {len(compressed)} batches; 1 to {MAX_BUNDLED} can be")
    if not all(compressed):
        raise BatchError("bundle", "an empty body is no batch")
    if (size := bundled_bytes(compressed)) > MAX_BUNDLE_BYTES:
        raise BatchError("bundle", f"{size} bytes are over the limit of {MAX_BUNDLE_BYTES}", Fault.SIZE)
    return b"".join(part for body in compressed for part in (_LENGTH.pack(len(body)), body))


def unpack(bundle: bytes) -> tuple[bytes, ...]:
    """Take the compressed bodies out; nothing is expanded.

    Raises:
        BatchError: It is over a limit, cut short, or states an impossible length.
    """
    if len(bundle) > MAX_BUNDLE_BYTES:
        raise BatchError(
            "bundle", f"{len(bundle)} bytes are over the limit of {MAX_BUNDLE_BYTES}", Fault.SIZE
        )
    bodies: list[bytes] = []
    at = 0
    while at < len(bundle):
        if len(bodies) == MAX_BUNDLED:
            raise BatchError("bundle", f"holds more than {MAX_BUNDLED} batches", Fault.SIZE)
        if len(bundle) - at < _LENGTH.size:
            raise BatchError(f"bundle[{len(bodies)}]", "its length is cut short", Fault.ENCODING)
        (length,) = _LENGTH.unpack_from(bundle, at)
        at += _LENGTH.size
        if not 0 < length <= limits.MAX_COMPRESSED_BYTES or length > len(bundle) - at:
            raise BatchError(
                f"bundle[{len(bodies)}]",
                f"states {length} bytes, and {len(bundle) - at} follow",
                Fault.ENCODING,
            )
        bodies.append(bundle[at : at + length])
        at += length
    if not bodies:
        raise BatchError("bundle", "holds no batch", Fault.ENCODING)
    return tuple(bodies)
