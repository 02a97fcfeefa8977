"""Monitored addresses on their way out: encrypted so that prefixes stay prefixes, or left out.

Encrypted by Crypto-PAn (J. Xu, J. Fan, M. H. Ammar and S. B. Moon, "Prefix-Preserving IP Address
Anonymization", ICNP 2002; package yacryptopan): two addresses that share a prefix share one of the same
length afterwards, and the same key gives the same address in every export. Who knows the key, or can send
packets to addresses of their choice and see the export, can undo it.
"""

from __future__ import annotations

import os
import secrets
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any, Final, Protocol

import pyarrow as pa
from yacryptopan import CryptoPAn  # type: ignore[import-untyped]

from teiten_collector.errors import CannotWriteError, ConfigurationError
from teiten_protocol import Family

if TYPE_CHECKING:
    from pathlib import Path

KEY_BYTES: Final = 32
"""An AES key of 16 bytes and as many of padding."""
KEY_FILE: Final = "anonymisation.key"
"""In the store's directory, made at the first export."""
_HALF: Final = 1 << 64


class Addresses(Protocol):
    """What becomes of monitored addresses."""

    def texts(self, family: Family, high: pa.Array[Any], low: pa.Array[Any]) -> pa.Array[Any]:
        """The addresses of two columns of halves as text, null where left out."""
        ...


class Omitted:
    """Leaves every address out."""

    def texts(self, family: Family, high: pa.Array[Any], low: pa.Array[Any]) -> pa.Array[Any]:
        """Null for each."""
        del family, high
        return pa.nulls(len(low), pa.string())


class Anonymised:
    """Encrypts addresses, each distinct one once."""

    def __init__(self, key: bytes) -> None:
        """Takes a key of `KEY_BYTES`."""
        self._cipher = CryptoPAn(key)
        self._known: dict[tuple[Family, int], str] = {}

    def texts(self, family: Family, high: pa.Array[Any], low: pa.Array[Any]) -> pa.Array[Any]:
        """The encrypted addresses."""
        return _each(family, high, low, self._text)

    def _text(self, family: Family, address: int) -> str:
        known = self._known.get((family, address))
        if known is None:
            encrypted = int(self._cipher.anonymize_bin(address, int(family)))
            known = self._known[family, address] = _written(family, encrypted)
        return known


def plain_texts(family: Family, high: pa.Array[Any], low: pa.Array[Any]) -> pa.Array[Any]:
    """Addresses of others, as they are; null where a sensor gave them up."""
    return _each(family, high, low, _written)


def read_key(path: Path, *, make: bool = False) -> bytes:
    """Reads a key, or makes one where there is none.

    Args:
        path: Where it is: `KEY_BYTES` bytes, nobody's to read but the owner's.
        make: Whether to make it where it is absent.

    Raises:
        ConfigurationError: It is absent, cannot be read, or is of another length.
        CannotWriteError: It cannot be made.
    """
    if make and not path.exists():
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            pass  # another export has just made it
        except OSError as error:
            raise CannotWriteError(f"the key cannot be made: {error.strerror}", place=str(path)) from error
    try:
        key = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"the key cannot be read: {error.strerror}",
            place=str(path),
            remedy=f"name a file of {KEY_BYTES} random bytes",
        ) from error
    if len(key) != KEY_BYTES:
        raise ConfigurationError(
            f"the key has {len(key)} bytes",
            place=str(path),
            remedy=f"name a file of {KEY_BYTES} random bytes: head -c {KEY_BYTES} /dev/urandom",
        )
    return key


class _Text(Protocol):
    def __call__(self, family: Family, address: int, /) -> str: ...


def _each(family: Family, high: pa.Array[Any], low: pa.Array[Any], text: _Text) -> pa.Array[Any]:
    pairs = zip(high.to_pylist(), low.to_pylist(), strict=True)
    return pa.array(
        [None if lower is None else text(family, _number(upper or 0, lower)) for upper, lower in pairs],
        pa.string(),
    )


def _number(high: int, low: int) -> int:
    return high % _HALF * _HALF + low % _HALF


def _written(family: Family, address: int) -> str:
    return str(IPv4Address(address) if family is Family.IPV4 else IPv6Address(address))
