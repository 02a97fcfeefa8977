"""What can go wrong, each with the exit code that scripts may rely on.

An error carries two sentences: what is wrong, with its place, and what to do about it. Everything is raised
where it is found and caught once, in `teiten_agent.cli`.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ends. The numbers from 65 on are those of BSD's sysexits.h with the same meaning."""

    DONE = 0
    ANSWER_IS_NO = 1
    USAGE = 2
    UNUSABLE_INPUT = 65
    COLLECTOR_UNREACHABLE = 69
    INTERNAL = 70
    CANNOT_WRITE = 73
    MISSING_CAPABILITY = 77
    CONFIGURATION = 78
    INTERRUPTED = 130
    """Ended by Ctrl-C: 128 and the number of SIGINT, as shells report it."""


class AgentError(Exception):
    """An error that ends the command.

    Attributes:
        code: The exit code.
        what: What is wrong and where; one sentence without a full stop, or several lines.
        remedy: What to do about it; empty where that is plain from `what`.
    """

    code: ExitCode = ExitCode.INTERNAL

    def __init__(self, what: str, remedy: str = "") -> None:
        """Keep both sentences."""
        super().__init__(what)
        self.what = what
        self.remedy = remedy


class AnswerIsNoError(AgentError):
    """The command did its work, and the answer is no: a batch was refused, a check failed."""

    code = ExitCode.ANSWER_IS_NO


class UsageError(AgentError):
    """The command line makes no sense."""

    code = ExitCode.USAGE


class InputError(AgentError):
    """A capture is unusable, or usable only up to a fault."""

    code = ExitCode.UNUSABLE_INPUT


class UnreachableError(AgentError):
    """The collector does not answer, or what answers is no collector."""

    code = ExitCode.COLLECTOR_UNREACHABLE


class InternalError(AgentError):
    """This program is at fault, or badly installed."""

    code = ExitCode.INTERNAL


class CannotWriteError(AgentError):
    """The spool or an output file cannot be written."""

    code = ExitCode.CANNOT_WRITE


class MissingCapabilityError(AgentError):
    """The system does not let this process capture."""

    code = ExitCode.MISSING_CAPABILITY


class ConfigurationError(AgentError):
    """The configuration is wrong, or the collector does not accept what it says."""

    code = ExitCode.CONFIGURATION


class InterruptedByOperatorError(AgentError):
    """Ctrl-C; `what` says what is kept."""

    code = ExitCode.INTERRUPTED
