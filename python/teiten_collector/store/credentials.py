"""Secrets as the store keeps them: a salted hash each, found by an id that is no secret."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Final

from sqlalchemy import insert, or_, select, update

from teiten_collector.store.schema import TOKENS
from teiten_protocol.enrolment import TOKEN

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

DAY_NS: Final = 86_400 * 1_000_000_000
_SALT_BYTES: Final = 16


def salted(secret: str) -> dict[str, bytes]:
    """A new salt and the hash under it, as columns."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return {"salt": salt, "hash": _hash(salt, secret)}


def matches(row: Row[tuple[object, ...]], secret: str) -> bool:
    """Whether a row's hash is of this secret."""
    return hmac.compare_digest(_hash(row.salt, secret), row.hash)


def keep_token(connection: Connection, sensor: str, token: str, moment_ns: int) -> None:
    """Lets a sensor in by a token, which must be well formed and new."""
    token_id, secret = TOKEN.fullmatch(token).groups()  # type: ignore[union-attr]  # as promised
    connection.execute(
        insert(TOKENS).values(id=token_id, sensor=sensor, created_ns=moment_ns, **salted(secret))
    )


def outdate_tokens(connection: Connection, sensor: str, ends_ns: int) -> None:
    """Has every token of a sensor end at a time, where it does not end before."""
    rows = TOKENS.c
    connection.execute(
        update(TOKENS)
        .where(rows.sensor == sensor, or_(rows.expires_ns.is_(None), rows.expires_ns > ends_ns))
        .values(expires_ns=ends_ns)
    )


def token_holder(connection: Connection, token: str, moment_ns: int) -> str | None:
    """The sensor that a token lets in at a moment; None for any other text, without saying why."""
    parts = TOKEN.fullmatch(token)
    if parts is None:
        return None
    row = connection.execute(select(TOKENS).where(TOKENS.c.id == parts[1])).one_or_none()
    if row is None or (row.expires_ns is not None and row.expires_ns <= moment_ns):
        return None
    return str(row.sensor) if matches(row, parts[2]) else None


def _hash(salt: bytes, secret: str) -> bytes:
    # One round is enough: the secrets are random bits, not words that somebody could guess.
    return hashlib.sha256(salt + secret.encode("ascii")).digest()
