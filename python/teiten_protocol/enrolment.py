"""Enrolment: how a sensor turns a one-time code into a token that only it has ever held.

The sensor makes its token itself and sends it with the code, over TLS. So an answer that is lost costs
nothing: the same code with the same token is the same enrolment, and with any other token it is refused.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from typing import Final, Self

from teiten_protocol.limits import SENSOR_ID

PATH: Final = "/v1/enrolments"
MEDIA_TYPE: Final = "application/json"
MAX_BYTES: Final = 1_024
"""Id, code and token are 170 bytes at most."""

TOKEN: Final = re.compile(r"teiten_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
"""A token: a mark by which scanners for leaked secrets know it, the token's id, and 256 random bits."""

CODE: Final = re.compile(r"enrol_([0-9a-f]{16})_([A-Za-z0-9_-]{22})")
"""A code: its mark, its id, and 128 random bits, because it lives for days and a person carries it."""


class EnrolmentError(ValueError):
    """What was sent is no enrolment; the text says where."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Who comes, by which code, and the token that shall hold from now on.

    Raises:
        EnrolmentError: One of them is malformed; none is repeated in the text.
    """

    sensor: str
    code: str
    token: str

    def __post_init__(self) -> None:
        """Holds each to its form."""
        for name, form in (("sensor", SENSOR_ID), ("code", CODE), ("token", TOKEN)):
            value = getattr(self, name)
            if not isinstance(value, str) or form.fullmatch(value) is None:
                raise EnrolmentError(f"{name}: must match {form.pattern}")

    def encode(self) -> bytes:
        """The body of the request."""
        return json.dumps({"sensor": self.sensor, "code": self.code, "token": self.token}).encode("ascii")

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Reads a body.

        Raises:
            EnrolmentError: It is none.
        """
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise EnrolmentError("body: must be JSON") from None
        if not isinstance(document, dict) or set(document) != {"sensor", "code", "token"}:
            raise EnrolmentError("body: must be an object of sensor, code and token, and nothing else")
        return cls(document["sensor"], document["code"], document["token"])


def new_token() -> str:
    """A token that nobody has had."""
    return f"teiten_{secrets.token_hex(8)}_{secrets.token_urlsafe(32)}"


def new_code() -> str:
    """A code that nobody has had."""
    return f"enrol_{secrets.token_hex(8)}_{secrets.token_urlsafe(16)}"
