"""The one error a batch can raise."""

from enum import StrEnum


class Fault(StrEnum):
    """What kind of fault makes a batch unusable; the texts are part of the format's specification."""

    SIZE = "size"  # the body, compressed or expanded, is over its limit
    COMPRESSION = "compression"  # not one whole zlib stream
    ENCODING = "encoding"  # not msgpack, cut short, or followed by more bytes
    VERSION = "version"  # a version this implementation does not read
    FIELD = "field"  # a field is missing, unknown, of another type, or out of its bounds
    CANONICAL = "canonical"  # well formed, but not in the one form the specification allows


class BatchError(ValueError):
    """A batch that cannot be used, with the place of the fault and its reason.

    Attributes:
        place: Path of the faulty part, for example `ipv4.minute` or `spans[2].end`; `body` for the whole.
        reason: What is wrong there, and what would be right.
        fault: The kind of fault.
    """

    def __init__(self, place: str, reason: str, fault: Fault = Fault.FIELD) -> None:
        """Make the error; see the class for the meaning of each part."""
        super().__init__(f"batch: {place}: {reason}")
        self.place = place
        self.reason = reason
        self.fault = fault

    def __reduce__(self) -> tuple[type["BatchError"], tuple[str, str, Fault]]:
        """Keep the parts when the error crosses a process boundary."""
        return BatchError, (self.place, self.reason, self.fault)
