"""Reads msgpack one expected value at a time.

Nothing is built from what a body claims to hold: before each value its first byte is checked against the kind
that is expected there, so that a body cannot make the reader build nested containers, extensions or
timestamps, and containers are never built at all: their headers are read and compared with their limits.
The msgpack specification (https://github.com/msgpack/msgpack/blob/master/spec.md) gives the first bytes.
"""

import io
from collections.abc import Callable
from typing import Final

import msgpack  # type: ignore[import-untyped] # the package ships no types

from teiten_protocol import limits
from teiten_protocol.errors import BatchError, Fault

_INTEGERS: Final = frozenset({*range(0x80), *range(0xCC, 0xD4), *range(0xE0, 0x100)})
_TEXTS: Final = frozenset({*range(0xA0, 0xC0), 0xD9, 0xDA, 0xDB})
_BINARIES: Final = frozenset({0xC4, 0xC5, 0xC6})
_MAPS: Final = frozenset({*range(0x80, 0x90), 0xDE, 0xDF})
_ARRAYS: Final = frozenset({*range(0x90, 0xA0), 0xDC, 0xDD})

LONG_BINARY: Final = b"\xc6"
"""Behind it four bytes of length (`bin 32`); in its one form a body has it for `LONG_BYTES` and more."""
LONG_BYTES: Final = 1 << 16
_LENGTH_BYTES: Final = 4

_READ_BYTES: Final = 1 << 16
_MAX_TEXT: Final = max(limits.MAX_SENSOR_ID_BYTES, limits.MAX_COUNTER_NAME_BYTES, limits.MAX_FIELD_NAME_BYTES)


class Reader:
    """A cursor over one body.

    Every method takes the place it reads, for the error, and raises `BatchError` where the body does not hold
    what is expected there.
    """

    def __init__(self, body: bytes) -> None:
        """Start before the first byte.

        Args:
            body: At most `limits.MAX_BODY_BYTES` bytes, which the caller has checked.
        """
        self._body = body
        self._from(0)

    def _from(self, position: int) -> None:
        """Go on at a position."""
        body = self._body
        # From a stream, so that no more of the body is held a second time than is read at once.
        stream = io.BytesIO(body)
        stream.seek(position)
        self._begun = position
        self._unpacker = msgpack.Unpacker(
            stream,
            read_size=min(_READ_BYTES, max(len(body), 1)),
            max_buffer_size=max(len(body), 1),
            raw=False,
            strict_map_key=True,
            unicode_errors="strict",
            max_str_len=_MAX_TEXT,
            max_bin_len=max(len(body), 1),
            max_array_len=limits.MAX_SPANS,
            max_map_len=limits.MAX_COUNTERS,
            max_ext_len=0,
        )

    def map_size(self, place: str, limit: int) -> int:
        """Read a map's header."""
        return self._size(place, _MAPS, "a map", limit, self._unpacker.read_map_header)

    def array_size(self, place: str, limit: int) -> int:
        """Read an array's header."""
        return self._size(place, _ARRAYS, "an array", limit, self._unpacker.read_array_header)

    def integer(self, place: str) -> int:
        """Read an integer."""
        value = self._value(place, _INTEGERS, "an integer")
        if type(value) is not int:
            raise BatchError(place, "must be an integer")
        return value

    def text(self, place: str) -> str:
        """Read a text of at most 64 bytes."""
        value = self._value(place, _TEXTS, "a text")
        if type(value) is not str:
            raise BatchError(place, "must be a text")
        return value

    def binary(self, place: str) -> bytes:
        """Read a string of bytes."""
        if self._body[self._position() : self._position() + 1] == LONG_BINARY:
            return self._long_binary(place)
        value = self._value(place, _BINARIES, "bytes")
        if type(value) is not bytes:
            raise BatchError(place, "must be bytes")
        return value

    def _long_binary(self, place: str) -> bytes:
        """Take 64 KiB or more from the body itself, and not through a buffer that grows to twice as much."""
        begin = self._position() + 1 + _LENGTH_BYTES
        end = begin + int.from_bytes(self._body[begin - _LENGTH_BYTES : begin], "big")
        if max(begin, end) > len(self._body):
            raise BatchError(place, "the body ends within it", Fault.ENCODING)
        self._from(end)
        return self._body[begin:end]

    def _position(self) -> int:
        return self._begun + int(self._unpacker.tell())

    def end(self) -> None:
        """Check that nothing follows."""
        position = self._position()
        if position != len(self._body):
            raise BatchError("body", f"{len(self._body) - position} bytes follow the batch", Fault.ENCODING)

    def _size(self, place: str, kinds: frozenset[int], kind: str, limit: int, read: Callable[[], int]) -> int:
        self._expect(place, kinds, kind)
        size = self._guarded(place, read)
        if type(size) is not int or size > limit:
            raise BatchError(place, f"must be {kind} of at most {limit}")
        return size

    def _value(self, place: str, kinds: frozenset[int], kind: str) -> object:
        self._expect(place, kinds, kind)
        return self._guarded(place, self._unpacker.unpack)

    def _expect(self, place: str, kinds: frozenset[int], kind: str) -> None:
        position = self._position()
        if position >= len(self._body):
            raise BatchError(place, "the body ends before it", Fault.ENCODING)
        if self._body[position] not in kinds:
            raise BatchError(place, f"must be {kind} (byte {position} is 0x{self._body[position]:02x})")

    def _guarded(self, place: str, read: Callable[[], object]) -> object:
        try:
            return read()
        except msgpack.OutOfData:
            raise BatchError(place, "the body ends within it", Fault.ENCODING) from None
        except (
            ValueError,
            msgpack.UnpackException,
        ) as error:  # a length over its limit, a text that is not UTF-8
            raise BatchError(place, str(error) or type(error).__name__) from None
