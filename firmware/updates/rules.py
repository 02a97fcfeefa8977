"""Rules that the collector's operator signs: verified, later than those before, and only then the agent's.

The signature is CMS (RFC 5652) with the text in it, as `openssl cms -sign -nodetach` makes it. openssl
is in the image anyway, and RAUC signs its bundles the same way. The authority is the operator's own,
provisioned as `operator.pem`: who may write rules need not be who may write a root.
"""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

from firmware.provisioning.durable import write
from firmware.updates.record import words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_HEAD = re.compile(r"# teiten-rules generation=([1-9][0-9]{0,8})\s*")
LARGEST_BYTES = 8_000_000
LINT = ("/usr/bin/teiten-agent", "rules", "lint", "--json")


class RulesRefusedError(ValueError):
    """The rules cannot be used, and why."""


def adopt(signed: bytes, rules: Path, authority: Path, lint: Sequence[str] = LINT) -> int:
    """Put signed rules in the place of those in force; their generation.

    Args:
        signed: What came.
        rules: The agent's file.
        authority: Certificate of the authority that signs rules.
        lint: The command that judges a file of rules, which is given behind it.

    Raises:
        RulesRefusedError: They are not signed, no later than those in force, or not usable.
    """
    text = _verified(signed, authority)
    coming, present = generation(text), generation_of(rules)
    if coming is None:
        raise RulesRefusedError("the first line must be: # teiten-rules generation=N")
    if coming <= present:
        raise RulesRefusedError(f"generation {coming} is no later than {present}, which is in force")
    beside = rules.with_name("coming.rules")
    write(beside, text)
    done = subprocess.run([*lint, str(beside)], check=False, capture_output=True)
    try:
        mistakes = json.loads(done.stdout)["mistakes"]
    except (ValueError, KeyError, TypeError):
        raise RulesRefusedError(f"cannot be judged: {words(done.stderr.decode(errors='replace'))}") from None
    if mistakes:
        raise RulesRefusedError(f"{mistakes} rules hold mistakes; see teiten-agent rules lint")
    write(rules, text)
    beside.unlink()
    return coming


def generation_of(rules: Path) -> int:
    """The generation of the rules in force; 0 for none."""
    try:
        return generation(rules.read_text(encoding="utf-8", errors="replace")) or 0
    except FileNotFoundError:
        return 0


def generation(text: str) -> int | None:
    """What the first line says; None if it is not of this kind."""
    found = _HEAD.fullmatch(text.partition("\n")[0])
    return int(found[1]) if found else None


def _verified(signed: bytes, authority: Path) -> str:
    if not authority.exists():
        raise RulesRefusedError("no operator.pem is provisioned: there is nobody whose rules to trust")
    if len(signed) > LARGEST_BYTES:
        raise RulesRefusedError(f"more than {LARGEST_BYTES} bytes")
    done = subprocess.run(
        [
            *("/usr/bin/openssl", "cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any"),
            *("-CAfile", str(authority), "-no-CApath", "-no-CAstore"),
        ],
        check=False,
        input=signed,
        capture_output=True,
    )
    if done.returncode:
        raise RulesRefusedError(f"not signed by the operator: {words(done.stderr.decode(errors='replace'))}")
    try:
        return done.stdout.decode("utf-8")
    except UnicodeDecodeError:
        raise RulesRefusedError("no UTF-8") from None
