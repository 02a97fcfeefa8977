"""Any bytes as a batch's body, a compressed body, or a bundle: each is what it says, or is refused.

Python reads batches, so this target is atheris' (libFuzzer under Python): `../run.sh batch SECONDS`. The
first byte says which of the three the rest is.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["teiten_protocol"]):
    from teiten_protocol import BatchError, compress, decode, encode, expand
    from teiten_protocol.bundle import pack, unpack

_LEAST_LIMIT = 1 << 16
"""What a compressed input may expand to: an input is 2 KiB at most."""


def body(content: bytes) -> None:
    """A body is refused, or is the one that the batch read from it is written as."""
    try:
        batch = decode(content)
    except BatchError:
        return
    assert encode(batch) == content


def compressed(content: bytes) -> None:
    """What expands stays within its limit, and is the same when it is compressed anew."""
    try:
        expanded = expand(content, _LEAST_LIMIT)
    except BatchError:
        return
    assert len(expanded) <= _LEAST_LIMIT
    assert expand(compress(expanded)) == expanded
    body(expanded)


def bundle(content: bytes) -> None:
    """A bundle is refused, or is the one that its parts are packed to."""
    try:
        parts = unpack(content)
    except BatchError:
        return
    assert pack(parts) == content
    for part in parts:
        compressed(part)


_KINDS = (body, compressed, bundle)


def test_one_input(data: bytes) -> None:
    """Read one input."""
    if data:
        _KINDS[data[0] % len(_KINDS)](data[1:])


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
