"""`config`: a sample, what is in force, and the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_agent import config
from teiten_agent.cli.arguments import add_command, config_option, json_option
from teiten_agent.cli.output import print_json
from teiten_agent.config.render import Language, as_document, in_force, json_schema, sample
from teiten_agent.errors import ExitCode

if TYPE_CHECKING:
    import argparse

    from teiten_agent.cli.arguments import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    parent = commands.add_parser(
        "config", help="print a sample, what is in force, or the schema", allow_abbrev=False
    )
    actions = parent.add_subparsers(required=True, metavar="ACTION")
    samples = add_command(actions, "sample", "print a configuration to begin with", _config_sample)
    samples.add_argument(
        "--language",
        type=Language,
        choices=list(Language),
        default=Language.ENGLISH,
        metavar="{en,ja}",
        help="of the comments (default: en)",
    )
    show = add_command(actions, "show", "print what is in force, defaults filled in", _config_show)
    config_option(show)
    json_option(show)
    add_command(actions, "schema", "print the JSON Schema of the configuration", _config_schema)


def _config_sample(options: argparse.Namespace) -> ExitCode:
    print(sample(options.language), end="")
    return ExitCode.DONE


def _config_show(options: argparse.Namespace) -> ExitCode:
    configuration = config.load(options.config)
    if options.json:
        print_json(as_document(configuration))
    else:
        print(in_force(configuration), end="")
    return ExitCode.DONE


def _config_schema(_: argparse.Namespace) -> ExitCode:
    print_json(json_schema())
    return ExitCode.DONE
