"""The way in for a sensor that has a code and no token yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from teiten_collector.door.admission import stated_length
from teiten_collector.door.refusals import Refusal, RefusalCode
from teiten_collector.store import Enrolled, Objection
from teiten_protocol.enrolment import MAX_BYTES, MEDIA_TYPE, Enrolment, EnrolmentError

if TYPE_CHECKING:
    from teiten_collector.door.admission import Head
    from teiten_collector.store import Enrolments

_ANOTHER: Final = "make another with: teiten-collector sensor enrol"
_REASONS: Final = {
    Objection.UNKNOWN: "the code is not known here: a later one replaced it, its sensor was disabled, or"
    f" it is of another collector; {_ANOTHER}",
    Objection.OTHER_SENSOR: "the code is of another sensor; each sensor has its own",
    Objection.EXPIRED: f"the code has expired; {_ANOTHER}",
    Objection.USED: "the code was used before with another token; if not by you, refuse that with"
    f" teiten-collector sensor disable, then {_ANOTHER}",
    Objection.TOKEN_TAKEN: "the token is in use already; delete the token file, so that a new one is made",
}


def enrolment_length(head: Head) -> int:
    """The length of the body that a head announces, where it is worth reading.

    Raises:
        Refusal: MEDIA_TYPE, LENGTH_REQUIRED or TOO_LARGE.
    """
    if (head.content_type or "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise Refusal(RefusalCode.MEDIA_TYPE, f"Content-Type must be {MEDIA_TYPE}")
    return stated_length(head, MAX_BYTES)


def enrol(enrolments: Enrolments, body: bytes, now_ns: int) -> Enrolled:
    """Decide over a body; blocks.

    Raises:
        Refusal: ENROLMENT or CODE.
        StoreError: The store cannot be asked.
    """
    try:
        asked = Enrolment.decode(body)
    except EnrolmentError as error:
        raise Refusal(RefusalCode.ENROLMENT, str(error)) from error
    outcome = enrolments.redeem(asked, now_ns=now_ns)
    if isinstance(outcome, Objection):
        raise Refusal(RefusalCode.CODE, _REASONS[outcome])
    return outcome
