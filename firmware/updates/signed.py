"""What the collector's operator signs: rules and settings, verified, and later than those before.

The signature is CMS (RFC 5652) with the text in it, as `openssl cms -sign -nodetach` makes it. openssl
is in the image anyway, and RAUC signs its bundles the same way. The authority is the operator's own,
provisioned as `operator.pem`: who may write rules need not be who may write a root.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from firmware.updates.record import words

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_BYTES: Final = 8_000_000

_REASON: Final = 150
"""Characters of what openssl says last, so that a record holds the sentence before it, too."""

_HEAD = re.compile(r"# teiten-(rules|settings) generation=([1-9][0-9]{0,8})\s*")


class Kind(StrEnum):
    """What may be signed; the first line says which it is."""

    RULES = "rules"
    SETTINGS = "settings"


class SignedRefusedError(ValueError):
    """What came cannot be used, and why."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A text, its kind, and its generation, which grows with each that is signed of the kind."""

    kind: Kind
    generation: int
    text: str

    def require_later(self, present: int) -> None:
        """Keep what was signed long ago from being brought back.

        Raises:
            SignedRefusedError: It is no later than what was taken before.
        """
        if self.generation <= present:
            raise SignedRefusedError(
                f"generation {self.generation} is no later than {present}, which was taken before"
            )


def verified(content: bytes, authority: Path) -> Signed:
    """What is signed in a CMS message, by the authority whose certificate is given.

    Raises:
        SignedRefusedError: It is not signed by that authority, or is neither rules nor settings.
    """
    if not authority.exists():
        raise SignedRefusedError("no operator.pem is provisioned: there is nobody whose word to trust")
    if len(content) > LARGEST_BYTES:
        raise SignedRefusedError(f"more than {LARGEST_BYTES} bytes")
    done = subprocess.run(
        [
            *("/usr/bin/openssl", "cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any"),
            *("-CAfile", str(authority), "-no-CApath", "-no-CAstore"),
        ],
        check=False,
        input=content,
        capture_output=True,
    )
    if done.returncode:
        raise SignedRefusedError(
            f"not signed by the operator: {words(done.stderr.decode(errors='replace'))[-_REASON:]}"
        )
    try:
        return read(done.stdout.decode("utf-8"))
    except UnicodeDecodeError:
        raise SignedRefusedError("no UTF-8") from None


def read(text: str) -> Signed:
    """What the first line says of a text.

    Raises:
        SignedRefusedError: It is not of this form.
    """
    found = _HEAD.fullmatch(text.partition("\n")[0])
    if found is None:
        raise SignedRefusedError(
            "the first line must be: # teiten-rules generation=N, or # teiten-settings generation=N"
        )
    return Signed(Kind(found[1]), int(found[2]), text)


def generation_of(file: Path) -> int:
    """The generation of what lies in a file; 0 for none."""
    try:
        return read(file.read_text(encoding="utf-8", errors="replace")).generation
    except (FileNotFoundError, SignedRefusedError):
        return 0
