"""Somebody who signs rules and settings, as docs/how-to says."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.firmware.certificates import OPENSSL, self_signed

if TYPE_CHECKING:
    from pathlib import Path


class Operator:
    """Somebody with a key."""

    def __init__(self, folder: Path, name: str) -> None:
        """Make the key."""
        self.folder = folder
        self.key, self.certificate = folder / f"{name}.key", folder / f"{name}.pem"
        self_signed(name, self.key, self.certificate)

    def sign(self, text: str) -> bytes:
        """What docs/how-to/rules.md and remote-settings.md say."""
        source, signed = self.folder / "plain", self.folder / "signed.cms"
        source.write_text(text, encoding="utf-8")
        words = (
            *(OPENSSL, "cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-in", str(source)),
            *("-signer", str(self.certificate), "-inkey", str(self.key), "-out", str(signed)),
        )
        subprocess.run(words, check=True, capture_output=True)
        return signed.read_bytes()
