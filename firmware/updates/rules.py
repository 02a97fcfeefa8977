"""Rules that the operator signed: judged, and only then the agent's."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from firmware.provisioning.durable import write
from firmware.updates.record import words
from firmware.updates.signed import SignedRefusedError, generation_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from firmware.updates.signed import Signed

LINT = ("/usr/bin/teiten-agent", "rules", "lint", "--json")


def adopt(signed: Signed, rules: Path, lint: Sequence[str] = LINT) -> None:
    """Put signed rules in the place of those in force.

    Args:
        signed: What came.
        rules: The agent's file.
        lint: The command that judges a file of rules, which is given behind it.

    Raises:
        SignedRefusedError: They are no later than those in force, or not usable.
    """
    signed.require_later(generation_of(rules))
    beside = rules.with_name("coming.rules")
    write(beside, signed.text)
    done = subprocess.run([*lint, str(beside)], check=False, capture_output=True)
    try:
        mistakes = json.loads(done.stdout)["mistakes"]
    except (ValueError, KeyError, TypeError):
        raise SignedRefusedError(f"cannot be judged: {words(done.stderr.decode(errors='replace'))}") from None
    if mistakes:
        raise SignedRefusedError(f"{mistakes} rules hold mistakes; see teiten-agent rules lint")
    write(rules, signed.text)
    beside.unlink()
