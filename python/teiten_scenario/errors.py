"""What can go wrong, each with the exit code that scripts may rely on."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ends; the numbers from 65 on are those of BSD's sysexits.h."""

    DONE = 0
    USAGE = 2
    UNUSABLE_INPUT = 65
    INTERNAL = 70
    CANNOT_WRITE = 73
    INTERRUPTED = 130


class ScenarioError(Exception):
    """An error that ends the command; its text names the place and the remedy."""

    code: ExitCode = ExitCode.INTERNAL


class DescriptionError(ScenarioError):
    """A description that cannot be used."""

    code = ExitCode.UNUSABLE_INPUT

    def __init__(self, place: str, reason: str) -> None:
        """Name the place in the description, for example `mix[0].traffic[2].key`, and what is wrong there."""
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


class OutputError(ScenarioError):
    """A file or folder that cannot be written."""

    code = ExitCode.CANNOT_WRITE
