"""`spool`: batches that wait, seen, copied or sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from teiten_agent import config
from teiten_agent.cli.arguments import add_command, config_option, json_option
from teiten_agent.cli.output import delivered, number, print_json, report_delivery, say
from teiten_agent.cli.running import show_status
from teiten_agent.errors import ExitCode, InterruptedByOperatorError

if TYPE_CHECKING:
    import argparse

    from teiten_agent.cli.arguments import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    parent = commands.add_parser("spool", help="see, copy or send the batches that wait", allow_abbrev=False)
    actions = parent.add_subparsers(required=True, metavar="ACTION")
    status = add_command(actions, "status", "tell what the spool holds", show_status)
    export = add_command(
        actions, "export", "copy the batches that wait, for teiten-collector import", _spool_export
    )
    export.add_argument("directory", metavar="DIRECTORY", help="where to; it is created if need be")
    upload = add_command(actions, "upload", "send the batches that wait", _spool_upload)
    upload.add_argument("--refused", action="store_true", help="send again what the collector refused, too")
    for action in (status, export, upload):
        config_option(action)
        json_option(action)


def _spool_export(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.spool import export  # noqa: PLC0415  # a command loads what it needs

    configuration = config.load(options.config)
    copied = export(Path(configuration.spool.directory), Path(options.directory), say)
    if options.json:
        print_json({"exported": copied, "directory": options.directory})
    else:
        print(
            f"{number(copied, 'batch')} copied to {options.directory};"
            " they wait in the spool until acknowledged"
        )
    return ExitCode.DONE


def _spool_upload(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.progress import Progress  # noqa: PLC0415  # a command loads what it needs
    from teiten_agent.spool import Spool  # noqa: PLC0415  # a command loads what it needs
    from teiten_agent.uplink import Uplink, deliver  # noqa: PLC0415  # a command loads what it needs

    configuration = config.load(options.config)
    uplink = Uplink(configuration.uplink)
    with Spool(Path(configuration.spool.directory), configuration.spool.max_megabytes, say) as spool:
        if options.refused:
            spool.retry_refused()
        try:
            with Progress("uploading", len(spool.waiting())) as progress:
                delivery = deliver(spool, uplink, say, progress)
        except KeyboardInterrupt:
            raise InterruptedByOperatorError(
                f"interrupted: {len(spool.waiting())} batches are kept in {configuration.spool.directory}"
            ) from None
        waiting = len(spool.waiting())
    if options.json:
        print_json(
            {
                "acknowledged": delivery.acknowledged,
                "repeats": delivery.repeats,
                "refused": len(delivery.refused),
                "damaged": delivery.damaged,
                "waiting": waiting,
            }
        )
    else:
        print(f"{delivered(delivery)}, {waiting} waiting in the spool")
    return report_delivery(delivery)
