"""Somebody who signs rules and settings, as docs/how-to says."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Operator:
    """Somebody with a key."""

    def __init__(self, folder: Path, name: str) -> None:
        """Make the key."""
        self.folder = folder
        self.key, self.certificate = folder / f"{name}.key", folder / f"{name}.pem"
        _openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", f"/CN={name}", "-keyout", str(self.key), "-out", str(self.certificate)),
        )

    def sign(self, text: str) -> bytes:
        """What docs/how-to/rules.md and remote-settings.md say."""
        source, signed = self.folder / "plain", self.folder / "signed.cms"
        source.write_text(text, encoding="utf-8")
        _openssl(
            *("cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-in", str(source)),
            *("-signer", str(self.certificate), "-inkey", str(self.key), "-out", str(signed)),
        )
        return signed.read_bytes()


def _openssl(*words: str) -> None:
    subprocess.run(["/usr/bin/openssl", *words], check=True, capture_output=True)
