"""What sensors tell of themselves, and what they are offered to install."""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_collector.door.admission import stated_length
from teiten_collector.door.refusals import Refusal, RefusalCode
from teiten_protocol.fleet import MAX_BYTES, MEDIA_TYPE, Condition, FleetError, Order

if TYPE_CHECKING:
    from pathlib import Path

    from teiten_collector.door.admission import Head
    from teiten_collector.store import Fleet, Sensor


def condition_length(head: Head) -> int:
    """The length of the body that a head announces, where it is worth reading.

    Raises:
        Refusal: MEDIA_TYPE, LENGTH_REQUIRED or TOO_LARGE.
    """
    if (head.content_type or "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise Refusal(RefusalCode.MEDIA_TYPE, f"Content-Type must be {MEDIA_TYPE}")
    return stated_length(head, MAX_BYTES)


def note(fleet: Fleet, sensor: Sensor, body: bytes, now_ns: int) -> Order:
    """Keep a condition; what the sensor is to install. Blocks.

    Raises:
        Refusal: CONDITION.
        StoreError: The store cannot be asked.
    """
    try:
        condition = Condition.decode(body)
    except FleetError as error:
        raise Refusal(RefusalCode.CONDITION, str(error)) from error
    return fleet.note(sensor.id, condition, now_ns)


def release(fleet: Fleet, digest: str) -> Path:
    """The file of a release. Blocks.

    Raises:
        Refusal: RELEASE.
    """
    path = fleet.release(digest)
    if path is None:
        raise Refusal(RefusalCode.RELEASE, "there is no such release; ask again for what is to be installed")
    return path
