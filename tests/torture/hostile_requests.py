"""What nobody should send, made cheaply and the same for the same seed."""

from __future__ import annotations

import functools
import random
import struct
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

from teiten_protocol import MAX_ROWS, MEDIA_TYPE, Family, TupleColumns, compress, encode, tuple_columns
from teiten_protocol.bundle import BUNDLE_MEDIA_TYPE
from tests.store.building import AUGUST, batch, tuple4, tuple6
from tests.torture.wire import head

if TYPE_CHECKING:
    from collections.abc import Callable

_BEGINNING = b"\x8f\xa7version\x01"
"""As a batch begins, so that the rest is expanded."""
BOMB = zlib.compress(_BEGINNING + bytes(1 << 30), 9)
"""A gibibyte of zeros in a megabyte: fourteen times what may be expanded."""
SMALL_BOMB = zlib.compress(_BEGINNING + bytes(60 << 20), 9)
"""Within the limit of expansion, and no batch."""
_CLAIMS = (b"\xdf\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff")
"""Lengths that msgpack can state: a map, an array, bytes and text of 4 GiB."""
_NESTED = tuple(
    zlib.compress(beginning + bytes([opening]) * 2_000_000, 1)
    for beginning in (b"", _BEGINNING, _BEGINNING + b"\xa6sensor")
    for opening in (0x91, 0x81, 0xDC)
)
"""Arrays in arrays and maps in maps, two million deep: at the beginning, and where a value stands."""
_LENGTHS = (80_000_000, 2**40, 10**19, 10**30)


@functools.cache
def largest(sensor: str) -> bytes:
    """As many rows as a batch may have, in a hundred kilobytes; the last is of somebody else's address."""
    one = tuple_columns(Family.IPV6, (tuple6(AUGUST, 1),))
    columns = {name: column * MAX_ROWS for name, column in one.columns()}
    columns["address"] = columns["address"][:-16] + bytes(16)
    rows = TupleColumns(Family.IPV6, MAX_ROWS, *columns.values())
    return compress(encode(replace(batch(8, sensor=sensor), ipv6=rows)))


class Attacker:
    """Makes requests of every kind with one sensor's stolen token."""

    def __init__(self, sensor: str, token: str, seed: int) -> None:
        """Take a sensor's stolen token."""
        self._chance = random.Random(seed)
        self._token = token
        self._body = encode(
            batch(
                7,
                sensor=sensor,
                ipv4=tuple(tuple4(AUGUST, number) for number in range(40)),
                ipv6=tuple(tuple6(AUGUST, number) for number in range(10)),
            )
        )
        self.known = compress(self._body)
        # Behind the key: whatever is changed there is no batch, or is other content of a key that is taken.
        self._behind_key = self._body.index(b"settings")
        kinds: dict[str, tuple[float, Callable[[], tuple[bytes, bytes]]]] = {
            "mutated body": (30, self._mutated_body),
            "mutated stream": (20, self._mutated_stream),
            "cut short": (5, self._cut_short),
            "random bytes": (10, self._random_bytes),
            "deep nesting": (5, lambda: self.request(self._chance.choice(_NESTED))),
            "huge lengths": (10, self._huge_lengths),
            "mutated bundle": (10, self._bundle),
            "wrong token": (5, self._wrong_token),
            "huge announcement": (2.85, self._huge_announcement),
            "no HTTP": (2, self._no_http),
            "bomb": (0.05, lambda: self.request(BOMB)),
            "small bomb": (0.1, lambda: self.request(SMALL_BOMB)),
            "largest, a stranger": (0.02, lambda: self.request(largest(sensor))),
        }
        self._names = list(kinds)
        self._weights = [weight for weight, _ in kinds.values()]
        self._makers = {name: make for name, (_, make) in kinds.items()}

    def next(self) -> tuple[str, bytes, bytes]:
        """A kind, a head and a body."""
        name = self._chance.choices(self._names, self._weights)[0]
        return name, *self._makers[name]()

    def request(self, body: bytes, **changed: str) -> tuple[bytes, bytes]:
        """A request with the stolen token."""
        fields = {
            "Authorization": f"Bearer {self._token}",
            "Content_Type": MEDIA_TYPE,
            "Content_Encoding": "deflate",
            **changed,
        }
        return head(len(body), **fields), body

    def announcement(self, length: int) -> bytes:
        """The head of a request with a body of any length."""
        top, _ = self.request(b"")
        return top.replace(b"Content-Length: 0", b"Content-Length: %d" % length)

    def _mutated_body(self) -> tuple[bytes, bytes]:
        """A real batch with some bytes changed, cut out or put in."""
        body = bytearray(self._body)
        for _ in range(self._chance.randint(1, 4)):
            at = self._chance.randrange(self._behind_key, len(body))
            match self._chance.randrange(3):
                case 0:
                    body[at] ^= self._chance.randint(1, 255)
                case 1:
                    del body[at : at + self._chance.randint(1, 8)]
                case _:
                    body[at:at] = self._chance.randbytes(self._chance.randint(1, 8))
        return self.request(zlib.compress(body, 1))

    def _mutated_stream(self) -> tuple[bytes, bytes]:
        stream = bytearray(self.known)
        stream[self._chance.randrange(len(stream))] ^= self._chance.randint(1, 255)
        return self.request(bytes(stream))

    def _cut_short(self) -> tuple[bytes, bytes]:
        """A whole stream of a part of a batch, or a part of a stream."""
        if self._chance.random() < 0.5:
            return self.request(zlib.compress(self._body[: self._chance.randrange(len(self._body))], 1))
        return self.request(self.known[: self._chance.randrange(len(self.known))])

    def _random_bytes(self) -> tuple[bytes, bytes]:
        content = self._chance.randbytes(self._chance.randrange(2000))
        return self.request(content if self._chance.random() < 0.5 else zlib.compress(content, 1))

    def _huge_lengths(self) -> tuple[bytes, bytes]:
        at = self._chance.randrange(len(self._body))
        return self.request(
            zlib.compress(self._body[:at] + self._chance.choice(_CLAIMS) + self._body[at:], 1)
        )

    def _bundle(self) -> tuple[bytes, bytes]:
        """Mutated streams behind lengths that are right, or rubbish behind some that are not."""
        if self._chance.random() < 0.5:
            parts = [self._mutated_stream()[1] for _ in range(self._chance.randint(1, 4))]
            lengths = [len(part) for part in parts]
        else:
            parts = [self._chance.randbytes(20) for _ in range(self._chance.randint(1, 70))]
            lengths = [self._chance.choice([20, 20, 20, 0, 21, 2**32 - 1]) for _ in parts]
        body = b"".join(struct.pack(">I", length) + part for length, part in zip(lengths, parts, strict=True))
        return head(len(body), Authorization=f"Bearer {self._token}", Content_Type=BUNDLE_MEDIA_TYPE), body

    def _wrong_token(self) -> tuple[bytes, bytes]:
        number = self._chance.getrandbits(64)
        return self.request(self.known, Authorization=f"Bearer teiten_{number:016x}_{'x' * 43}")

    def _huge_announcement(self) -> tuple[bytes, bytes]:
        return self.announcement(self._chance.choice(_LENGTHS)), b"x" * 100

    def _no_http(self) -> tuple[bytes, bytes]:
        return self._chance.randbytes(self._chance.randint(1, 200)) + b"\r\n\r\n", b""
