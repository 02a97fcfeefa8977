"""What the sensor shows and what it trusts: its token, and the authorities of the collector's certificate."""

from __future__ import annotations

import os
import ssl
import stat
from pathlib import Path

from teiten_agent.errors import ConfigurationError

_MAX_TOKEN_BYTES = 4_096


def read_token(path: str) -> str:
    """Read the bearer token.

    Raises:
        ConfigurationError: The file cannot be read, is readable by everyone, or holds no token.
    """
    key = "uplink.token_file"
    try:
        with Path(path).open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(_MAX_TOKEN_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"{key}: {path}: cannot be read: {error.strerror or error}",
            "put the token that `teiten-collector sensor add` printed into it, readable for the agent's user",
        ) from error
    if mode & stat.S_IROTH:
        raise ConfigurationError(
            f"{key}: {path}: is readable by everyone (mode {mode:04o})", f"chmod o-rwx {path}"
        )
    token = content.strip()
    if not token or len(token) > _MAX_TOKEN_BYTES or any(not 0x21 <= octet <= 0x7E for octet in token):  # noqa: PLR2004
        raise ConfigurationError(
            f"{key}: {path}: holds no token",
            "it must be one line of visible ASCII without spaces, and nothing else",
        )
    return token.decode("ascii")


def check_authority(path: str) -> None:
    """Make sure that a file holds certificates, before the first connection.

    Raises:
        ConfigurationError: It does not.
    """
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError(
            f"uplink.ca_file: {path}: holds no certificate: {error.strerror or error}",
            "put the certificate of the collector's authority (PEM) there",
        ) from error
