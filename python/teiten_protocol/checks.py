"""What is checked of numbers and of whole columns; never row by row, because it runs on the appliance too."""

from array import array
from typing import Final

from teiten_protocol import limits
from teiten_protocol.errors import BatchError
from teiten_protocol.keys import Family

OCTET_VALUES: Final = bytes(range(256))
"""Every octet, in order: the translation table that changes nothing."""


def where(*members: int) -> bytes:
    """Return a translation table that gives 255 for the members and 0 for every other octet."""
    table = bytearray(len(OCTET_VALUES))
    for member in members:
        table[member] = 0xFF
    return bytes(table)


_IS_IPV4: Final = where(Family.IPV4)


def require_integer(place: str, value: object, low: int, high: int) -> None:
    """Refuse anything but an `int` (a `bool` is none) from `low` to `high`, both included.

    Raises:
        BatchError: It is something else.
    """
    if type(value) is not int or not low <= value <= high:
        raise BatchError(place, f"must be an integer from {low} to {high}")


def require_column(place: str, column: object, rows: int, width: int) -> None:
    """Refuse anything but `bytes` of so many rows of a width.

    Raises:
        BatchError: It is something else.
    """
    if type(column) is not bytes or len(column) != rows * width:
        raise BatchError(place, f"must be {rows * width} bytes: {rows} rows of {width}")


def require_members(place: str, column: bytes, allowed: bytes, problem: str) -> None:
    """Refuse an octet that is not allowed.

    Raises:
        BatchError: There is one; it names the row and the problem.
    """
    strangers = column.translate(None, allowed)
    if strangers:
        row = column.index(strangers[:1])
        raise BatchError(place, f"row {row} is {strangers[0]}: {problem}")


def require_zero_where(place: str, column: bytes, selector: bytes, table: bytes, problem: str) -> None:
    """Refuse a non-zero octet in a row whose selector the table maps to 255 (and not to 0)."""
    if not any(column):
        return
    hits = int.from_bytes(column, "big") & int.from_bytes(selector.translate(table), "big")
    if hits:
        row = len(column) - (hits.bit_length() + 7) // 8
        raise BatchError(place, f"row {row} is {problem}")


def require_padded(place: str, column: bytes, family: bytes) -> None:
    """Refuse an IPv4 address in 16 bytes that does not follow 12 zero bytes."""
    for octet in range(12):
        require_zero_where(
            place, column[octet::16], family, _IS_IPV4, "not 12 zero bytes before an IPv4 address"
        )


def require_counts(place: str, column: bytes, *, zero_allowed: bool) -> None:
    """Refuse a count of 64 bits over `limits.MAX_COUNT`, or 0 where that is not allowed.

    Raises:
        BatchError: There is one; it names the row.
    """
    top = column[7::8]
    if not top.isascii():
        row = next(row for row, octet in enumerate(top) if octet > 0x7F)  # noqa: PLR2004 - the sign bit
        raise BatchError(place, f"row {row} is over {limits.MAX_COUNT}")
    if not zero_allowed:
        counts = array("Q", column)  # zero is zero in either byte order
        if 0 in counts:
            raise BatchError(place, f"row {counts.index(0)} is 0: a row counts at least one")
