"""One step of the check, and how a look becomes one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from teiten_agent.errors import AgentError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class State(Enum):
    """How a step went."""

    OK = "ok"
    FAILED = "failed"
    UNSURE = "unsure"
    """It may be right: what was seen proves neither."""
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the check.

    Attributes:
        name: What was looked at.
        state: How it went.
        said: What was found, or what is wrong.
        remedy: What to do about it.
        code: The exit code that this step calls for.
    """

    name: str
    state: State
    said: str
    remedy: str = ""
    code: ExitCode = ExitCode.DONE

    def document(self) -> dict[str, object]:
        """The step as `check --json` prints it."""
        return {"name": self.name, "state": self.state.value, "said": self.said, "remedy": self.remedy}


class UnsureError(Exception):
    """What was seen proves neither: a sentence, and what to do to be sure."""

    def __init__(self, what: str, remedy: str) -> None:
        """Keep both."""
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def exit_code(steps: Iterable[Step]) -> ExitCode:
    """The code of the first step that failed."""
    return next((step.code for step in steps if step.state is State.FAILED), ExitCode.DONE)


def taken(name: str, look: Callable[[], str]) -> Step:
    """The step that a look makes: what it returns, or what it raises."""
    try:
        return Step(name, State.OK, look())
    except UnsureError as error:
        return Step(name, State.UNSURE, error.what, error.remedy)
    except AgentError as error:
        return failed(name, error)


def failed(name: str, error: AgentError) -> Step:
    """The step that an error makes."""
    return Step(name, State.FAILED, error.what, error.remedy, error.code)


def skipped(names: Iterable[str], why: str) -> Iterator[Step]:
    """Steps that cannot be taken."""
    for name in names:
        yield Step(name, State.SKIPPED, why)
