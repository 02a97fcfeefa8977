"""The choice between slots as RAUC's handler for a boot loader of one's own asks for it.

Why not RAUC's own backend for GRUB: it calls grub-editenv, which empties the file before it writes it anew,
and that on a file system which a power cut may spoil.

Source: RAUC 1.8, docs/integration.rst, "Custom": get-primary, set-primary, get-state, set-state.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from firmware.updates import environment
from firmware.updates.environment import SLOTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def handle(words: Sequence[str], device: Path = environment.DEVICE) -> str:
    """Do what RAUC asks; what it wants to read, or nothing.

    Raises:
        ValueError: It asks for what there is not.
    """
    choice = environment.read(device)
    match words:
        case ("get-primary",):
            return choice.primary
        case ("get-state", slot) if slot in SLOTS:
            return "good" if slot in choice.usable else "bad"
        case ("set-primary", slot) if slot in SLOTS:
            environment.write(choice.prefer(slot), device)
        case ("set-state", slot, "good") if slot in SLOTS:
            environment.write(choice.confirm(slot), device)
        case ("set-state", slot, "bad") if slot in SLOTS:
            environment.write(choice.reject(slot), device)
        case _:
            raise ValueError(f"RAUC asks for {' '.join(words)!r}, which this boot chooser does not know")
    return ""


def main() -> int:
    """Answer RAUC."""
    if said := handle(sys.argv[1:]):
        print(said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
