"""How a sensor tells its condition, and what the collector answers it to install.

What is installed is verified on the sensor, by a signature that the collector cannot make: an order is an
offer, no command.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Final, Self

CONDITION_PATH: Final = "/v1/condition"
RELEASE_PATH: Final = "/v1/releases/"
MEDIA_TYPE: Final = "application/json"
MAX_BYTES: Final = 4_096
MAX_GENERATION: Final = 999_999_999
MAX_TEXT: Final = 200
"""Characters of each text of a condition."""

DIGEST: Final = re.compile(r"[0-9a-f]{64}")
"""A release's name: its SHA-256 (FIPS 180-4) in hexadecimal."""


_LATER: Final = frozenset({"settings_generation"})
"""What a condition may lack, because sensors of an earlier release do not tell it."""


class FleetError(ValueError):
    """What was sent is no condition, or no order; the text says where."""


class Outcome(StrEnum):
    """What became of the release that a sensor tried last."""

    NONE = ""
    INSTALLED = "installed"
    """It is in the other slot, and on trial there."""
    GOOD = "good"
    """It captures and uploads."""
    REFUSED = "refused"
    """Its signature, its board or its content was not right; nothing was changed."""
    ROLLED_BACK = "rolled-back"
    """It did not come up, or did not capture and upload in time."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How a sensor stands.

    Attributes:
        version: Of what runs on it.
        slot: From which slot it was started; empty where there are none.
        capturing: Whether the agent runs.
        generation: Of the rules that it was given; 0 for none.
        release: Digest of the release it tried last; empty for none.
        outcome: What became of that.
        said: Why, in words; empty where all is well.
        settings_generation: Of the operator's settings that are in force; 0 for none. Sensors of an earlier
            release do not tell it.
    """

    version: str
    slot: str = ""
    capturing: bool = True
    generation: int = 0
    release: str = ""
    outcome: Outcome = Outcome.NONE
    said: str = ""
    settings_generation: int = 0

    def __post_init__(self) -> None:
        """Holds each part to its bounds."""
        for name in ("version", "slot", "said"):
            text = getattr(self, name)
            if not isinstance(text, str) or len(text) > MAX_TEXT or not text.isprintable():
                raise FleetError(f"{name}: must be at most {MAX_TEXT} printable characters")
        if not isinstance(self.capturing, bool):
            raise FleetError("capturing: must be true or false")
        for name in ("generation", "settings_generation"):
            number = getattr(self, name)
            if type(number) is not int or not 0 <= number <= MAX_GENERATION:
                raise FleetError(f"{name}: must be a whole number, at most {MAX_GENERATION}")
        _require_digest("release", self.release)

    def encode(self) -> bytes:
        """The body of the request."""
        return json.dumps(asdict(self)).encode("ascii")

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Reads a body.

        Raises:
            FleetError: It is no condition.
        """
        document = _document(body, {field.name for field in fields(cls)}, may_lack=_LATER)
        try:
            document["outcome"] = Outcome(document["outcome"])
        except ValueError:
            raise FleetError(f"outcome: must be one of {', '.join(map(repr, map(str, Outcome)))}") from None
        return cls(**document)


@dataclass(frozen=True, slots=True)
class Order:
    """What a sensor is to install; an empty release is nothing."""

    release: str = ""
    size: int = 0

    def __post_init__(self) -> None:
        """Holds each part to its bounds."""
        _require_digest("release", self.release)
        if type(self.size) is not int or not 0 <= self.size < 1 << 40:
            raise FleetError("size: must be a number of bytes")

    def encode(self) -> bytes:
        """The answer's body."""
        return json.dumps(asdict(self)).encode("ascii")

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Reads a body.

        Raises:
            FleetError: It is no order.
        """
        document = _document(body, {field.name for field in fields(cls)})
        return cls(**document)


def _require_digest(name: str, text: object) -> None:
    if not isinstance(text, str) or (text and DIGEST.fullmatch(text) is None):
        raise FleetError(f"{name}: must be a SHA-256 in hexadecimal, or empty")


def _document(body: bytes, names: set[str], may_lack: frozenset[str] = frozenset()) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise FleetError("body: must be JSON") from None
    if not isinstance(document, dict) or not names - may_lack <= set(document) <= names:
        raise FleetError(f"body: must be an object of {', '.join(sorted(names))}, and nothing else")
    return document
