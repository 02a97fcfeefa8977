"""Keys with certificates of their own, made by openssl as an operator makes them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

OPENSSL = "/usr/bin/openssl"


def self_signed(name: str, key: Path, certificate: Path, *extensions: str) -> None:
    """Make a key and its certificate, valid from now on for two days.

    Args:
        name: Whose.
        key: Where to write the key.
        certificate: Where to write the certificate.
        extensions: What it holds besides, as openssl's `-addext` takes it.
    """
    subprocess.run(
        [
            *(OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(certificate)),
            *(word for extension in extensions for word in ("-addext", extension)),
        ],
        check=True,
        capture_output=True,
    )
