"""Who may bring in what: decided from the request's head before its body is read, then from the body.

In this order, the cheap before the dear: token, media type, encoding, length; then, of the body, its
bounded expansion, its form, its sensor, its addresses, and last whether it is known. Nothing is written
before the last step.
"""

from __future__ import annotations

import re
import sys
import zlib
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import TYPE_CHECKING, assert_never

from teiten_collector.door.refusals import Refusal, RefusalCode
from teiten_collector.store import Conflict, New, Repeat, Store, UnfitBatchError
from teiten_protocol import (
    MAX_BODY_BYTES,
    MEDIA_TYPE,
    Batch,
    BatchError,
    BatchKey,
    Family,
    Fault,
    decode,
    digest,
    expand,
    limits,
)
from teiten_protocol.bundle import BUNDLE_MEDIA_TYPE, MAX_BUNDLE_BYTES
from teiten_protocol.bundle import unpack as unpack_bundle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from teiten_collector.store import Registration, Sensor

MINUTE_NS = 60 * 1_000_000_000
SENT = re.compile(r"[0-9]{1,10}(\.[0-9]{1,9})?")
"""What `Teiten-Sent` may say: seconds of Unix time, to the year 2286."""
_BEGINNING = re.compile(rb"(?:[\x80-\x8f]|\xde..)\xa7version", re.DOTALL)
"""A map, and the name of its first field, in msgpack."""
_BEGINNING_BYTES = 11
_LOOKED_AT = 4_096
"""Compressed bytes that give the first field of any stream that is no oddity."""
_MOST_REMEMBERED = 1 << 16
"""Addresses of a batch that are remembered as registered: more than a sensor has, unless it tries to be."""
LOST = re.compile(r"lost\.[a-z_]+_packets|kernel_dropped")
"""Counters of packets that reached the sensor and are in no batch."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a request says of itself before its body: header values as sent, None where absent."""

    authorization: str | None
    content_type: str | None
    content_encoding: str | None
    content_length: str | None
    sent: str | None = None


class LargeBatchError(Exception):
    """A body expands to more than was allowed for this attempt, and not to more than the format allows."""


@dataclass(frozen=True, slots=True)
class Announced:
    """The body that a head announces: its length, and whether it is a bundle of several batches."""

    length: int
    bundle: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    """The door's yes: the batch is durable.

    Attributes:
        key: Which batch.
        sha256: Of the uncompressed body.
        repeat: Whether it was known already, and so is not counted again.
        observed_to_ns: Where its last span ends, nanoseconds of the Unix epoch.
        lost: Packets that the sensor says it lost, by counter's name.
    """

    key: BatchKey
    sha256: bytes
    repeat: bool
    observed_to_ns: int
    lost: Mapping[str, int]


class Admission:
    """Decides over one store. Safe for many threads; every method blocks."""

    def __init__(self, store: Store) -> None:
        """Takes the store; does nothing yet."""
        self._store = store

    def authenticate(self, head: Head) -> Sensor:
        """The sensor whose token a request shows.

        Raises:
            Refusal: TOKEN.
            StoreError: The registry cannot be asked.
        """
        sensor = self._store.registry.authenticate(_bearer(head))
        if sensor is None:
            raise Refusal(RefusalCode.TOKEN, "a valid token is needed: Authorization: Bearer TOKEN")
        return sensor

    def reader(self, head: Head) -> str:
        """The name of the reader whose token a request shows.

        Raises:
            Refusal: TOKEN.
            StoreError: The store cannot be asked.
        """
        name = self._store.readers.authenticate(_bearer(head))
        if name is None:
            raise Refusal(RefusalCode.TOKEN, "a reader's token is needed: Authorization: Bearer TOKEN")
        return name

    def admit(
        self, sensor: Sensor, compressed: bytes, received_ns: int, limit: int = MAX_BODY_BYTES
    ) -> Accepted:
        """Decides over a body, and makes the batch durable.

        Args:
            sensor: Who sends it, as `authenticate` found.
            compressed: The body as it came.
            received_ns: When it came, nanoseconds of the Unix epoch.
            limit: How far it may expand in this attempt, so that the caller can bound memory.

        Raises:
            Refusal: TOO_LARGE, BATCH, VERSION, OTHER_SENSOR, UNREGISTERED_ADDRESS or CONFLICT.
            LargeBatchError: It expands beyond `limit`; nothing else was looked at.
            JournalError: It could not be made durable; the sender may try again.
            StoreError: The ledger cannot be asked.
        """
        body, batch = unpack(compressed, limit)
        if batch.key.sensor != sensor.id:
            raise Refusal(
                RefusalCode.OTHER_SENSOR,
                f"the batch is of sensor {batch.key.sensor}, the token of sensor {sensor.id}",
            )
        return self._record(sensor, batch, body, compressed, received_ns)

    def admit_file(self, compressed: bytes, received_ns: int) -> Accepted:
        """Decides over a batch that an operator brings: as `admit`, but a file needs no token.

        Raises:
            Refusal: As `admit`; OTHER_SENSOR where the sensor is not registered.
            JournalError: As `admit`.
            StoreError: As `admit`.
        """
        body, batch = unpack(compressed)
        sensor = self._store.registry.find(batch.key.sensor)
        if sensor is None:
            raise Refusal(
                RefusalCode.OTHER_SENSOR,
                f"sensor {batch.key.sensor} is not registered; teiten-collector sensor add registers one",
            )
        return self._record(sensor, batch, body, compressed, received_ns)

    def _record(
        self, sensor: Sensor, batch: Batch, body: bytes, compressed: bytes, received_ns: int
    ) -> Accepted:
        if (place := first_stranger(batch, sensor.registrations)) is not None:
            raise Refusal(
                RefusalCode.UNREGISTERED_ADDRESS,
                f"{place} is an address that is not registered for sensor {sensor.id} at its time",
            )
        sha256 = digest(body)
        try:
            verdict = self._store.admit(batch, compressed, sha256, received_ns)
        except UnfitBatchError as error:
            raise Refusal(RefusalCode.BATCH, str(error)) from error
        match verdict:
            case New():
                return _accepted(batch, sha256, repeat=False)
            case Repeat():
                return _accepted(batch, sha256, repeat=True)
            case Conflict():
                raise Refusal(RefusalCode.CONFLICT, verdict.text)
            case _:
                assert_never(verdict)


def _bearer(head: Head) -> str:
    """The token that a head shows (RFC 6750 section 2.1); empty where it shows none."""
    scheme, _, token = (head.authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _accepted(batch: Batch, sha256: bytes, *, repeat: bool) -> Accepted:
    lost = {name: count for name, count in batch.counters.items() if LOST.fullmatch(name) and count}
    return Accepted(batch.key, sha256, repeat, batch.spans[-1].end_ns, lost)


def announced(head: Head) -> Announced:
    """What follows a head, where it is worth reading.

    Raises:
        Refusal: MEDIA_TYPE, ENCODING, LENGTH_REQUIRED or TOO_LARGE.
    """
    media_type = (head.content_type or "").partition(";")[0].strip().lower()
    bundle = media_type == BUNDLE_MEDIA_TYPE
    if not bundle and media_type != MEDIA_TYPE:
        raise Refusal(RefusalCode.MEDIA_TYPE, f"Content-Type must be {MEDIA_TYPE} or {BUNDLE_MEDIA_TYPE}")
    encoding = (head.content_encoding or "").strip().lower()
    if bundle and encoding not in {"", "identity"}:
        raise Refusal(RefusalCode.ENCODING, "a bundle has no Content-Encoding: its batches are compressed")
    if not bundle and encoding != "deflate":
        raise Refusal(RefusalCode.ENCODING, "Content-Encoding must be deflate (RFC 9110 section 8.4.1.2)")
    return Announced(stated_length(head, MAX_BUNDLE_BYTES if bundle else limits.MAX_COMPRESSED_BYTES), bundle)


def stated_length(head: Head, most: int) -> int:
    """How long a body is by its head.

    Raises:
        Refusal: LENGTH_REQUIRED or TOO_LARGE.
    """
    text = head.content_length or ""
    if not (text.isascii() and text.isdigit()):
        raise Refusal(RefusalCode.LENGTH_REQUIRED, "Content-Length must state the length of the body")
    length = int(text[:20])
    if length > most:
        raise Refusal(RefusalCode.TOO_LARGE, f"{length} bytes are over the limit of {most}")
    return length


def clock_offset_ns(head: Head, received_ns: int) -> int | None:
    """How far the sensor's clock is ahead of this one, by its own word; None where it does not say.

    The way of the request is in it: some milliseconds, or however long the head waited.
    """
    text = head.sent or ""
    if SENT.fullmatch(text) is None:
        return None
    return int(Decimal(text) * 1_000_000_000) - received_ns


def unbundle(body: bytes) -> tuple[bytes, ...]:
    """The batches of a bundle.

    Raises:
        Refusal: TOO_LARGE or BATCH.
    """
    try:
        return unpack_bundle(body)
    except BatchError as error:
        raise _refusal(error) from error


def unpack(compressed: bytes, limit: int = MAX_BODY_BYTES) -> tuple[bytes, Batch]:
    """Expands and decodes within the limits of the batch format.

    Raises:
        Refusal: TOO_LARGE, VERSION or BATCH, with the place of the fault.
        LargeBatchError: It expands beyond a `limit` below the format's.
    """
    _require_beginning(compressed)
    try:
        body = expand(compressed, limit)
    except BatchError as error:
        if (
            error.fault is Fault.SIZE
            and limit < MAX_BODY_BYTES
            and len(compressed) <= limits.MAX_COMPRESSED_BYTES
        ):
            raise LargeBatchError from error
        raise _refusal(error) from error
    try:
        return body, decode(body)
    except BatchError as error:
        raise _refusal(error) from error


def _require_beginning(compressed: bytes) -> None:
    """Looks at the first bytes alone: what is no batch in its first field is expanded no further.

    Raises:
        Refusal: BATCH.
    """
    try:
        beginning = zlib.decompressobj().decompress(compressed[:_LOOKED_AT], _BEGINNING_BYTES)
    except zlib.error as error:
        raise Refusal(RefusalCode.BATCH, f"batch: compressed: no zlib stream ({error})") from error
    if _BEGINNING.match(beginning) is None:
        raise Refusal(RefusalCode.BATCH, "batch: body: must be a map that begins with its version")


def _refusal(error: BatchError) -> Refusal:
    match error.fault:
        case Fault.SIZE:
            return Refusal(RefusalCode.TOO_LARGE, str(error))
        case Fault.VERSION:
            return Refusal(RefusalCode.VERSION, str(error))
        case _:
            return Refusal(RefusalCode.BATCH, str(error))


def first_stranger(batch: Batch, registrations: Sequence[Registration]) -> str | None:
    """The first place whose address is in no registration at its minute; None where every one is registered.

    A minute belongs to a registration that holds in any part of it.
    """
    for columns in (batch.ipv4, batch.ipv6, batch.merged_ipv4, batch.merged_ipv6):
        width = columns.family.address_bytes
        row = _first_stranger(
            columns.family,
            (columns.address[at : at + width] for at in range(0, len(columns.address), width)),
            _minutes(columns.minute),
            registrations,
        )
        if row is not None:
            return f"{columns.place}.address: row {row}"
    for place, padded in (("detections", batch.detections), ("quoted", batch.quoted)):
        minutes = _minutes(padded.minute)
        for family in Family:
            rows = [row for row in range(padded.rows) if padded.family[row] == family]
            found = _first_stranger(
                family,
                [padded.address[16 * row + 16 - family.address_bytes : 16 * row + 16] for row in rows],
                array("I", (minutes[row] for row in rows)),
                registrations,
            )
            if found is not None:
                return f"{place}.address: row {rows[found]}"
    return None


def _first_stranger(
    family: Family, addresses: Iterable[bytes], minutes: array[int], registrations: Iterable[Registration]
) -> int | None:
    """The first row without a registration; times are looked at only where they matter."""
    if not minutes:
        return None
    mine = [registration for registration in registrations if registration.network.version == family]
    first, last = min(minutes), max(minutes)
    always = _Networks(entry for entry in mine if _holds(entry, first) and _holds(entry, last))
    known: dict[tuple[Registration, ...], _Networks] = {}
    sure: set[bytes] = set()
    for row, (address, minute) in enumerate(zip(addresses, minutes, strict=True)):
        if address in sure:
            continue
        if address in always:
            if len(sure) < _MOST_REMEMBERED:
                sure.add(address)
            continue
        holding = tuple(entry for entry in mine if _holds(entry, minute))
        if holding not in known:
            known[holding] = _Networks(holding)
        if address not in known[holding]:
            return row
    return None


def _holds(registration: Registration, minute: int) -> bool:
    return registration.from_ns < (minute + 1) * MINUTE_NS and (
        registration.to_ns is None or registration.to_ns > minute * MINUTE_NS
    )


class _Networks:
    """Networks of one family as ranges in order, so that an address is found by bisection."""

    def __init__(self, registrations: Iterable[Registration]) -> None:
        ranges = sorted(
            (network.network_address.packed, network.broadcast_address.packed)
            for network in _collapsed(registration.network for registration in registrations)
        )
        self._starts = [start for start, _ in ranges]
        self._ends = [end for _, end in ranges]

    def __contains__(self, address: bytes) -> bool:
        at = bisect_right(self._starts, address) - 1
        return at >= 0 and address <= self._ends[at]


def _collapsed(networks: Iterable[IPv4Network | IPv6Network]) -> Iterator[IPv4Network | IPv6Network]:
    listed = list(networks)
    yield from collapse_addresses(network for network in listed if isinstance(network, IPv4Network))
    yield from collapse_addresses(network for network in listed if isinstance(network, IPv6Network))


def _minutes(column: bytes) -> array[int]:
    minutes = array("I", column)
    if sys.byteorder == "big":
        minutes.byteswap()
    return minutes
