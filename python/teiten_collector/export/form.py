"""The forms by name."""

from __future__ import annotations

from enum import StrEnum


class Form(StrEnum):
    """A form, by its name on the command line."""

    FLOWTUPLE = "flowtuple"
    CSV = "csv"
    DSHIELD = "dshield"
    STIX = "stix"

    @property
    def is_text(self) -> bool:
        """Whether it can go to standard output."""
        return self is not Form.FLOWTUPLE
