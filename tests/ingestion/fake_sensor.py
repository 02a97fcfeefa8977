"""A sensor that does whatever a sensor must not do: stolen, broken, of another program, or on a bad line.

Each of `MISBEHAVIOURS` is done over HTTP at a door that listens, and says what must come back.
"""

from __future__ import annotations

import http.client
import json
import socket
import struct
import zlib
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, Final

import msgpack  # type: ignore[import-untyped] # the package ships no types

from teiten_collector.door import RefusalCode
from teiten_protocol import (
    MAX_COMPRESSED_BYTES,
    MEDIA_TYPE,
    Family,
    compress,
    encode,
    limits,
    tuple_columns,
)
from teiten_protocol.bundle import BUNDLE_MEDIA_TYPE, MAX_BUNDLE_BYTES, MAX_BUNDLED
from teiten_protocol.enrolment import MAX_BYTES as ENROLMENT_BYTES
from teiten_protocol.enrolment import MEDIA_TYPE as ENROLMENT_MEDIA_TYPE
from teiten_protocol.enrolment import PATH as ENROLMENT_PATH
from teiten_protocol.enrolment import Enrolment, new_code, new_token
from teiten_protocol.fleet import CONDITION_PATH, RELEASE_PATH
from teiten_protocol.fleet import MEDIA_TYPE as CONDITION_MEDIA_TYPE
from tests.door.conftest import wait_until
from tests.store.building import AUGUST, MINUTE_NS, batch, tuple4

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from teiten_protocol import Batch
    from tests.door.in_process import Door

SENSOR, OTHER = "tokyo-01", "osaka-01"
PATIENCE_SECONDS = 30
KNOWN = batch(1, ipv4=(tuple4(AUGUST, "203.0.113.1"),))
"""A batch that the door has taken before anything else is tried."""
ENCODED = encode(KNOWN)
_NESTING = 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status, and what `error` said; 0 for a connection that was closed."""

    status: int
    error: str
    retry_after: bool = False


class FakeSensor:
    """One sensor at a door."""

    def __init__(self, door: Door) -> None:
        """Have the tokens of two sensors."""
        self._door = door

    def ask(
        self,
        body: bytes,
        *,
        length: int | None = None,
        path: str = "/v1/batches",
        without: str = "",
        method: str = "POST",
        **fields: str,
    ) -> Answer:
        """Send a head and a body as told, whatever fits what; read the answer."""
        length = len(body) if length is None else length
        connection = self.begin(length, path=path, without=without, method=method, **fields)
        try:
            connection.send(body)
            return _answer(connection.getresponse())
        finally:
            connection.close()

    def begin(
        self,
        length: int,
        *,
        sensor: str = SENSOR,
        path: str = "/v1/batches",
        without: str = "",
        method: str = "POST",
        **fields: str,
    ) -> http.client.HTTPConnection:
        """Send a head; underscores in names of fields stand for hyphens."""
        connection = http.client.HTTPConnection("127.0.0.1", self._door.port, timeout=PATIENCE_SECONDS)
        connection.putrequest(method, path)
        sent = {
            "Authorization": f"Bearer {self._door.tokens[sensor]}",
            "Content-Type": MEDIA_TYPE,
            "Content-Encoding": "deflate",
            "Content-Length": str(length),
            **{name.replace("_", "-"): value for name, value in fields.items()},
        }
        for name, value in sent.items():
            if name != without:
                connection.putheader(name, value)
        connection.endheaders()
        return connection

    def send(self, given: Batch) -> Answer:
        """Send a batch as a sensor should."""
        return self.ask(compress(encode(given)))

    def send_as(self, sensor: str, given: Batch) -> Answer:
        """Send a batch as another sensor should."""
        return self.ask(compress(encode(given)), Authorization=f"Bearer {self._door.tokens[sensor]}")

    def wrong_token(self) -> Answer:
        """A token of the right form that nobody has."""
        return self.ask(compress(ENCODED), Authorization=f"Bearer {new_token()}")

    def no_token(self) -> Answer:
        """None at all."""
        return self.ask(compress(ENCODED), without="Authorization")

    def disabled(self) -> Answer:
        """A token that was good a moment ago."""
        self._door.store.registry.disable(SENSOR)
        return self.send(KNOWN)

    def another_sensors_name(self) -> Answer:
        """A batch in the name of another sensor, with its own token."""
        return self.send(batch(2, sensor=OTHER))

    def unregistered_address(self) -> Answer:
        """A row whose address is not among its own."""
        return self.send(
            batch(2, ipv4=(replace(tuple4(AUGUST, "203.0.113.1"), address=IPv4Address("203.0.113.77")),))
        )

    def other_content(self) -> Answer:
        """Other content under a key that is taken."""
        return self.send(batch(1, ipv4=(tuple4(AUGUST, "203.0.113.1", packets=2),)))

    def other_settings(self) -> Answer:
        """Other settings within an epoch."""
        return self.send(batch(2, settings=bytes([1]) * 32))

    def other_type(self) -> Answer:
        """JSON."""
        return self.ask(compress(ENCODED), Content_Type="application/json")

    def other_compression(self) -> Answer:
        """Another encoding than the one that is spoken."""
        return self.ask(compress(ENCODED), Content_Encoding="gzip")

    def compressed_bundle(self) -> Answer:
        """A bundle that says to be compressed."""
        return self.ask(compress(ENCODED), Content_Type=BUNDLE_MEDIA_TYPE)

    def no_length(self) -> Answer:
        """Chunks without an end that is known."""
        return self.ask(b"5\r\nhello\r\n0\r\n\r\n", without="Content-Length", Transfer_Encoding="chunked")

    def no_number_as_length(self) -> Answer:
        """A length that is none: not HTTP."""
        return self.ask(b"", Content_Length="-1")

    def huge_announcement(self) -> Answer:
        """A terabyte, as it says."""
        return self.ask(b"x", length=1 << 40)

    def huge_bundle(self) -> Answer:
        """A bundle one byte too long."""
        return self.ask(
            b"", length=MAX_BUNDLE_BYTES + 1, without="Content-Encoding", Content_Type=BUNDLE_MEDIA_TYPE
        )

    def many_in_a_bundle(self) -> Answer:
        """One batch too many in a bundle."""
        return self._bundle((struct.pack(">I", 1) + b"x") * (MAX_BUNDLED + 1))

    def bundle_that_lies(self) -> Answer:
        """A length in a bundle that goes beyond it."""
        return self._bundle(struct.pack(">I", 2**32 - 1) + b"x")

    def bomb(self) -> Answer:
        """One byte more than may be expanded, in some tens of kilobytes, beginning as a batch does."""
        return self.ask(zlib.compress(ENCODED[:40] + bytes(limits.MAX_BODY_BYTES), 9))

    def small_bomb(self) -> Answer:
        """As much as may be expanded, and no batch."""
        return self.ask(zlib.compress(ENCODED[:40] + bytes(limits.MAX_BODY_BYTES - 40), 9))

    def no_stream(self) -> Answer:
        """Bytes that are not compressed."""
        return self.ask(ENCODED)

    def cut_stream(self) -> Answer:
        """A stream without its end."""
        return self.ask(compress(ENCODED)[:-5])

    def longer_stream(self) -> Answer:
        """Something after the stream."""
        return self.ask(compress(ENCODED) + b"x")

    def deep(self) -> Answer:
        """Arrays in arrays where a value should stand."""
        at = ENCODED.index(b"sensor") + len(b"sensor")
        return self.ask(zlib.compress(ENCODED[:at] + b"\x91" * _NESTING, 1))

    def huge_lengths(self) -> Answer:
        """Text of four gigabytes, as it says."""
        at = ENCODED.index(b"sensor") + len(b"sensor")
        return self.ask(zlib.compress(ENCODED[:at] + b"\xdb\xff\xff\xff\xff" + ENCODED[at:]))

    def many_rows(self) -> Answer:
        """One row more than a batch may have, in columns that agree."""
        rows = limits.MAX_ROWS + 1
        one = tuple_columns(Family.IPV4, (tuple4(AUGUST, "203.0.113.1"),))
        content = msgpack.unpackb(ENCODED)
        content["ipv4"] = {"rows": rows, **{name: column * rows for name, column in one.columns()}}
        return self.ask(compress(msgpack.packb(content)))

    def rows_that_lie(self) -> Answer:
        """Fewer bytes in the columns than the rows say."""
        return self._changed(ipv4={**msgpack.unpackb(ENCODED)["ipv4"], "rows": 2})

    def later_version(self) -> Answer:
        """A version that nobody speaks yet."""
        return self._changed(version=max(limits.SUPPORTED_VERSIONS) + 1)

    def long_way_round(self) -> Answer:
        """A number in a longer form than it needs."""
        return self.ask(compress(ENCODED.replace(b"version\x01", b"version\xcc\x01")))

    def beyond_time(self) -> Answer:
        """A minute that no nanosecond can say."""
        return self.send(batch(2, ipv4=(tuple4(2**32 - 1, "203.0.113.1"),)))

    def backward_spans(self) -> Answer:
        """A span that ends before it starts."""
        return self._changed(spans=[[2 * MINUTE_NS, MINUTE_NS]])

    def at_once(self) -> Answer:
        """A third request while two are under way: held are begun until one more is refused."""
        held: list[http.client.HTTPConnection] = []
        answers: list[Answer] = []

        def one_too_many() -> bool:
            held.append(self.begin(len(compress(ENCODED))))
            answers.append(self.send(KNOWN))
            return answers[-1].status == RefusalCode.RATE.status

        try:
            wait_until(one_too_many)
            return answers[-1]
        finally:
            for connection in held:
                connection.close()

    def slow(self) -> Answer:
        """A body that does not end."""
        return self.ask(compress(ENCODED)[:-1], length=len(compress(ENCODED)))

    def held_announcement(self) -> Answer:
        """Bodies of the largest size, of two sensors, which stop coming when there is room for no more."""
        half = bytes(MAX_COMPRESSED_BYTES // 2 + 1)
        held = [self.begin(MAX_COMPRESSED_BYTES, sensor=sensor) for sensor in (SENSOR, OTHER)]
        try:
            held[0].send(half + b"longest")
            held[1].send(half)
            return _answer(held[0].getresponse())
        finally:
            for connection in held:
                connection.close()

    def no_http(self) -> Answer:
        """Bytes that are no request."""
        with socket.create_connection(("127.0.0.1", self._door.port), PATIENCE_SECONDS) as connection:
            connection.sendall(b"\x16\x03\x01\x00\xff no request\r\n\r\n")
            said = connection.recv(4096)
        return Answer(int(said.split()[1]) if said else 0, "")

    def wrong_code(self) -> Answer:
        """An enrolment by a code that nobody gave out."""
        return self._enrol(Enrolment(SENSOR, new_code(), new_token()).encode())

    def no_enrolment(self) -> Answer:
        """An enrolment that is none."""
        return self._enrol(b"[" * ENROLMENT_BYTES)

    def no_condition(self) -> Answer:
        """A condition that is none."""
        return self.ask(
            b"{}", path=CONDITION_PATH, without="Content-Encoding", Content_Type=CONDITION_MEDIA_TYPE
        )

    def unknown_release(self) -> Answer:
        """A release that was never offered."""
        return self.ask(b"", path=f"{RELEASE_PATH}{'0' * 64}", method="GET", without="Content-Length")

    def _enrol(self, body: bytes) -> Answer:
        return self.ask(
            body,
            path=ENROLMENT_PATH,
            without="Content-Encoding",
            Content_Type=ENROLMENT_MEDIA_TYPE,
        )

    def _bundle(self, body: bytes) -> Answer:
        return self.ask(body, without="Content-Encoding", Content_Type=BUNDLE_MEDIA_TYPE)

    def _changed(self, **fields: object) -> Answer:
        return self.ask(compress(msgpack.packb({**msgpack.unpackb(ENCODED), **fields})))


MISBEHAVIOURS: Final[Mapping[Callable[[FakeSensor], Answer], RefusalCode]] = {
    FakeSensor.wrong_token: RefusalCode.TOKEN,
    FakeSensor.no_token: RefusalCode.TOKEN,
    FakeSensor.disabled: RefusalCode.TOKEN,
    FakeSensor.another_sensors_name: RefusalCode.OTHER_SENSOR,
    FakeSensor.unregistered_address: RefusalCode.UNREGISTERED_ADDRESS,
    FakeSensor.other_content: RefusalCode.CONFLICT,
    FakeSensor.other_settings: RefusalCode.CONFLICT,
    FakeSensor.other_type: RefusalCode.MEDIA_TYPE,
    FakeSensor.other_compression: RefusalCode.ENCODING,
    FakeSensor.compressed_bundle: RefusalCode.ENCODING,
    FakeSensor.no_length: RefusalCode.LENGTH_REQUIRED,
    FakeSensor.huge_announcement: RefusalCode.TOO_LARGE,
    FakeSensor.huge_bundle: RefusalCode.TOO_LARGE,
    FakeSensor.many_in_a_bundle: RefusalCode.TOO_LARGE,
    FakeSensor.bundle_that_lies: RefusalCode.BATCH,
    FakeSensor.bomb: RefusalCode.TOO_LARGE,
    FakeSensor.small_bomb: RefusalCode.BATCH,
    FakeSensor.no_stream: RefusalCode.BATCH,
    FakeSensor.cut_stream: RefusalCode.BATCH,
    FakeSensor.longer_stream: RefusalCode.BATCH,
    FakeSensor.deep: RefusalCode.BATCH,
    FakeSensor.huge_lengths: RefusalCode.BATCH,
    FakeSensor.many_rows: RefusalCode.BATCH,
    FakeSensor.rows_that_lie: RefusalCode.BATCH,
    FakeSensor.later_version: RefusalCode.VERSION,
    FakeSensor.long_way_round: RefusalCode.BATCH,
    FakeSensor.beyond_time: RefusalCode.BATCH,
    FakeSensor.backward_spans: RefusalCode.BATCH,
    FakeSensor.at_once: RefusalCode.RATE,
    FakeSensor.slow: RefusalCode.SLOW,
    FakeSensor.held_announcement: RefusalCode.BUSY,
    FakeSensor.wrong_code: RefusalCode.CODE,
    FakeSensor.no_enrolment: RefusalCode.ENROLMENT,
    FakeSensor.no_condition: RefusalCode.CONDITION,
    FakeSensor.unknown_release: RefusalCode.RELEASE,
}
"""Everything that a sensor can do wrong at the door, and what it is told."""

NO_REQUESTS: Final = (FakeSensor.no_http, FakeSensor.no_number_as_length)
"""What is no HTTP, and gets its answer from the transport."""


def _answer(response: http.client.HTTPResponse) -> Answer:
    content = response.read()
    document: dict[str, Any] = (
        json.loads(content) if response.getheader("Content-Type") == "application/json" else {}
    )
    return Answer(
        response.status, str(document.get("error", "")), response.getheader("Retry-After") is not None
    )
