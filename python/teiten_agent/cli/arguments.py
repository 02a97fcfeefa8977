"""What several commands take, and how its words are read."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from teiten_agent import config

if TYPE_CHECKING:
    from collections.abc import Callable

    from teiten_agent.errors import ExitCode

    Command = Callable[[argparse.Namespace], ExitCode]
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # it has no public name


class Parser(argparse.ArgumentParser):
    """A command line whose commands themselves tell what they do not know, beside what they do know."""

    def parse_known_args(self, *given: Any) -> Any:  # type: ignore[override]  # noqa: ANN401  # handed through
        """See `argparse.ArgumentParser`; what is not known is an error here already."""
        known, unknown = super().parse_known_args(*given)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, unknown


def add_command(commands: Commands, name: str, text: str, command: Command) -> argparse.ArgumentParser:
    """Add a command that calls a function."""
    added = commands.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False
    )
    added.set_defaults(command=command)
    return added


def config_option(command: argparse.ArgumentParser) -> None:
    """Add `--config`."""
    command.add_argument(
        "--config",
        default=config.DEFAULT_PATH,
        metavar="PATH",
        help="the configuration (default: %(default)s)",
    )


def json_option(command: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    command.add_argument("--json", action="store_true", help="one JSON document on standard output")


def variable_option(command: argparse.ArgumentParser) -> None:
    """Add `--variable`."""
    command.add_argument(
        "--variable",
        dest="variables",
        action="append",
        default=[],
        type=_assignment,
        metavar="NAME=VALUE",
        help="what $NAME stands for in the rule files (repeatable)",
    )


def rule_files(command: argparse.ArgumentParser, text: str) -> None:
    """Add rule files as arguments."""
    command.add_argument("files", nargs="*", metavar="FILE", help=text)


def _assignment(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not name or not sign or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=VALUE, such as HOME_NET=198.51.100.0/24")
    return name.removeprefix("$"), value


def positive(text: str) -> int:
    """Read a positive number.

    Raises:
        argparse.ArgumentTypeError: The text is none.
    """
    if not text.isascii() or not text.isdigit() or not int(text[:9]):
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number")
    return int(text[:9])
