"""What became of the last release, on the data partition: it outlives slots and power cuts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

from firmware.provisioning.durable import write

from teiten_protocol.fleet import MAX_TEXT, Outcome

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Record:
    """The release that was tried last, what became of it, and why."""

    release: str = ""
    outcome: Outcome = Outcome.NONE
    said: str = ""

    @classmethod
    def read(cls, path: Path) -> Self:
        """What was written last; nothing where there is no such file, or none that can be read."""
        try:
            found = json.loads(path.read_bytes())
            return cls(str(found["release"]), Outcome(found["outcome"]), str(found["said"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def write(self, path: Path) -> None:
        """Put it in the place of the one before, durably."""
        write(path, json.dumps(asdict(self)))


def words(text: str) -> str:
    """The end of what a program said, as a record may hold it: the last line is the reason."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line[-MAX_TEXT:]
