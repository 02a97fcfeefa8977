"""What can go wrong with a command of the collector, and how the program then ends.

Errors are raised where they are met and caught once, at the edge (`teiten_collector.cli`), which prints
them and ends with their exit code. A message names the place (a file and a key, an argument) and the remedy.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ends. The numbers from 65 on are those of BSD's ``sysexits.h``."""

    DONE = 0
    NO = 1  # the answer is no: a check that found something
    USAGE = 2
    UNUSABLE_INPUT = 65
    INTERNAL = 70
    CANNOT_WRITE = 73
    CONFIGURATION = 78
    INTERRUPTED = 130  # 128 + SIGINT, as shells count


class CollectorError(Exception):
    """Something a person can mend.

    Args:
        reason: What is wrong, in one sentence without a full stop.
        place: Where: a file, a file and a key, an argument. Empty where the reason says it.
        remedy: What to do about it. Empty where the reason says it.
    """

    exit_code: ExitCode = ExitCode.INTERNAL

    def __init__(self, reason: str, *, place: str = "", remedy: str = "") -> None:
        """See the class."""
        super().__init__(reason)
        self.reason = reason
        self.place = place
        self.remedy = remedy

    def __str__(self) -> str:
        """The place, the reason and the remedy, as a person reads them."""
        text = f"{self.place}: {self.reason}" if self.place else self.reason
        return f"{text}\n  {self.remedy}" if self.remedy else text


class UsageError(CollectorError):
    """An argument that means nothing here."""

    exit_code = ExitCode.USAGE


class InputError(CollectorError):
    """Input that cannot be used: a batch that is none, a file that cannot be read."""

    exit_code = ExitCode.UNUSABLE_INPUT


class CannotWriteError(CollectorError):
    """A file or a directory that cannot be written."""

    exit_code = ExitCode.CANNOT_WRITE


class ConfigurationError(CollectorError):
    """A configuration that says something impossible, or names a thing that is not there."""

    exit_code = ExitCode.CONFIGURATION
