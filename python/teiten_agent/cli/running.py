"""`run`, `enrol`, `check` and `status`: the sensor at work."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from teiten_agent import config
from teiten_agent.cli.arguments import add_command, config_option, json_option, positive
from teiten_agent.cli.output import print_json
from teiten_agent.errors import ExitCode

if TYPE_CHECKING:
    from teiten_agent.cli.arguments import Commands

_MOST_CODE_CHARACTERS = 1_024


def add(commands: Commands) -> None:
    """Add the commands."""
    _add_run(commands)
    _add_enrol(commands)
    _add_check(commands)
    _add_status(commands)


def _add_run(commands: Commands) -> None:
    run = add_command(commands, "run", "capture until SIGTERM, which drains and spools", _run_service)
    config_option(run)


def _run_service(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.log import Log  # noqa: PLC0415  # a command loads what it needs
    from teiten_agent.service import run  # noqa: PLC0415  # a command loads what it needs

    configuration = config.load(options.config)
    run(configuration, Log(as_json=configuration.log.format == "json"))
    return ExitCode.DONE


def _add_enrol(commands: Commands) -> None:
    enrol = add_command(commands, "enrol", "get this sensor's token accepted for a one-time code", _enrol)
    config_option(enrol)
    enrol.add_argument(
        "--code-file",
        required=True,
        type=argparse.FileType("r", encoding="ascii", errors="replace"),
        metavar="FILE",
        help="the code that `teiten-collector sensor enrol` printed, or - for standard input",
    )


def _enrol(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.enrol import enrol  # noqa: PLC0415  # a command loads what it needs

    with options.code_file as file:
        code = file.read(_MOST_CODE_CHARACTERS).strip()
    configuration = config.load(options.config)
    enrol(configuration, code)
    print(f"sensor {configuration.sensor.id} is enrolled; its token is in {configuration.uplink.token_file}")
    return ExitCode.DONE


def _add_check(commands: Commands) -> None:
    check = add_command(
        commands, "check", "say step by step why the centre shows nothing, and what to do", _check
    )
    check.add_argument(
        "--listen",
        type=positive,
        metavar="SECONDS",
        help="listen so long, and fail if no packet comes to a monitored address (default: a few seconds,"
        " which prove nothing)",
    )
    config_option(check)
    json_option(check)


def _check(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.check import check, exit_code  # noqa: PLC0415  # a command loads what it needs

    steps = check(options.config, options.listen)
    if options.json:
        print_json({"ok": exit_code(steps) is ExitCode.DONE, "steps": [step.document() for step in steps]})
    else:
        for step in steps:
            first, *more = step.said.splitlines() or [""]
            print(f"{step.state.value:<8} {step.name:<14} {first}")
            for line in (
                *more,
                *([f"-> {step.remedy}"] if step.remedy else []),
            ):
                print(f"{'':<23} {line}")
    return exit_code(steps)


def _add_status(commands: Commands) -> None:
    status = add_command(
        commands, "status", "tell how the running agent and its spool stand, and what to do", show_status
    )
    config_option(status)
    json_option(status)


def show_status(options: argparse.Namespace) -> ExitCode:
    """Tell how the sensor stands."""
    from teiten_agent.status import standing  # noqa: PLC0415  # a command loads what it needs

    configuration = config.load(options.config)
    found = standing(configuration)
    if options.json:
        print_json(found.document())
    else:
        print(found.text())
    return ExitCode.DONE
