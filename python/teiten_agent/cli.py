"""The command line: what can be asked, and where errors become messages and exit codes."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import sys
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_agent import __version__, config
from teiten_agent.config.render import Language, as_document, in_force, json_schema, sample
from teiten_agent.errors import (
    AgentError,
    ExitCode,
    InternalError,
    InterruptedByOperatorError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from teiten_agent.rules import Library
    from teiten_agent.uplink import Delivery

    Command = Callable[[argparse.Namespace], ExitCode]

_MOST_CODE_CHARACTERS = 1_024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read standard output has seen enough; Python would complain at exit when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    except KeyboardInterrupt:
        _say("interrupted: nothing was written")
        return ExitCode.INTERRUPTED
    except AgentError as error:
        _say(error.what)
        if error.remedy:
            _say(f"  {error.remedy}")
        return error.code
    except Exception as error:  # noqa: BLE001  # the edge: what nobody foresaw ends with its own code, too
        if isinstance(error, OSError) and error.filename is None:
            _say(f"standard output: cannot be written: {error.strerror or error}")
            return ExitCode.CANNOT_WRITE
        traceback.print_exc()
        _say("this is a fault of teiten-agent: please report it with the lines above")
        return ExitCode.INTERNAL
    return code


def _run(arguments: Sequence[str] | None) -> ExitCode:
    options = parser().parse_args(arguments)
    command: Command = options.command
    try:
        return command(options)
    except ImportError as error:
        if error.name != "teiten_agent" and not (error.name or "").startswith("teiten_agent."):
            raise InternalError(
                f"a dependency is missing: {error}", "install teiten-agent with pip"
            ) from error
        raise InternalError(
            f"the compiled core cannot be loaded: {error}", "build it with `make build`, or install a wheel"
        ) from error


def parser() -> argparse.ArgumentParser:
    """The whole command line; shell completion and the man page are made from it, too."""
    top = argparse.ArgumentParser(
        prog="teiten-agent",
        description="The sensor of teiten: counts what the Internet sends to monitored addresses.",
        epilog="Exit codes: 0 done; 1 the answer is no; 2 usage; 65 unusable input; 69 collector unreachable;"
        " 70 internal; 73 cannot write; 77 missing capability; 78 configuration; 130 interrupted.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"teiten-agent {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    _add_count(commands)
    _add_replay(commands)
    _add_run(commands)
    _add_enrol(commands)
    _add_check(commands)
    _add_config(commands)
    _add_rules(commands)
    _add_spool(commands)
    _add_status(commands)
    completion = _command(commands, "completion", "print shell completion", _completion)
    completion.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    return top


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, command: Command
) -> argparse.ArgumentParser:
    added = commands.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False
    )
    added.set_defaults(command=command)
    return added


def _add_count(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    count = _command(commands, "count", "tally captures; no configuration needed", _count)
    count.add_argument(
        "files", nargs="+", metavar="FILE", help="a capture, a folder of captures, or - for standard input"
    )
    count.add_argument(
        "--monitored",
        action="append",
        default=[],
        type=_network,
        metavar="CIDR",
        help="count only packets to this network (repeatable; default: every destination)",
    )
    count.add_argument(
        "--top", type=_positive, default=20, metavar="N", help="keys in the table (default: %(default)s)"
    )
    rules = count.add_mutually_exclusive_group()
    rules.add_argument(
        "--rules",
        action="append",
        default=[],
        metavar="FILE",
        help="rules in the place of the built-in set (repeatable)",
    )
    rules.add_argument(
        "--no-rules",
        action="store_true",
        help="count without looking for signatures: several times as fast",
    )
    _variable_option(count)
    count.add_argument(
        "--threads",
        type=_positive,
        metavar="N",
        help="most threads to count plain pcap files on, without rules; no sum depends on it"
        " (default: a thread a core)",
    )
    _json_option(count)


def _add_rules(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parent = commands.add_parser("rules", help="list, check, test and explain signatures", allow_abbrev=False)
    actions = parent.add_subparsers(required=True, metavar="ACTION")
    listing = _command(actions, "list", "list the signatures in force, with their categories", _rules_list)
    listing.add_argument(
        "--category", default="", metavar="ID", help="only signatures of this category, such as Worm"
    )
    _rule_files(listing, "rule files besides the built-in set")
    forms = listing.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="one JSON document on standard output")
    forms.add_argument("--csv", action="store_true", help="the list that teiten-collector reads")
    forms.add_argument("--markdown", action="store_true", help="tables for a page, by category")
    lint = _command(actions, "lint", "say what of rule files is usable, and why the rest is not", _rules_lint)
    _rule_files(lint, "rule files; without any, the built-in set")
    _variable_option(lint)
    _json_option(lint)
    test = _command(actions, "test", "run the packets noted above rules through the engine", _rules_test)
    _rule_files(test, "rule files; without any, the built-in set")
    _json_option(test)
    explain = _command(actions, "explain", "say in words what rules match", _rules_explain)
    explain.add_argument("sids", nargs="+", type=_positive, metavar="SID", help="number of a rule")
    explain.add_argument(
        "--rules",
        dest="files",
        action="append",
        default=[],
        metavar="FILE",
        help="rule files besides the built-in set (repeatable)",
    )
    explain.add_argument(
        "--language", choices=("ja", "en"), default="", help="of the explanation (default: both)"
    )
    _command(actions, "categories", "print the default categories, for a file of your own", _rules_categories)
    for action in (listing, explain):
        action.add_argument(
            "--categories",
            default="",
            metavar="FILE",
            help="categories (default: the six of the 2009 report, which `rules categories` prints)",
        )


def _variable_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--variable",
        dest="variables",
        action="append",
        default=[],
        type=_assignment,
        metavar="NAME=VALUE",
        help="what $NAME stands for in the rule files (repeatable)",
    )


def _rule_files(command: argparse.ArgumentParser, text: str) -> None:
    command.add_argument("files", nargs="*", metavar="FILE", help=text)


def _add_replay(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    replay = _command(
        commands, "replay", "feed captures through the path of live capture to the collector", _replay
    )
    _config_option(replay)
    replay.add_argument(
        "files", nargs="+", metavar="FILE", help="a capture, a folder of captures, or - for standard input"
    )
    replay.add_argument(
        "--from",
        dest="start",
        type=_time,
        metavar="T",
        help="begin of the span that was observed, ISO 8601 with offset, such as 2009-08-01T00:00:00+09:00",
    )
    replay.add_argument("--to", dest="end", type=_time, metavar="T", help="its end (not included)")
    replay.add_argument(
        "--no-upload", dest="upload", action="store_false", help="leave the batches in the spool"
    )
    _json_option(replay)


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = _command(commands, "run", "capture until SIGTERM, which drains and spools", _run_service)
    _config_option(run)


def _add_enrol(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    enrol = _command(commands, "enrol", "get this sensor's token accepted for a one-time code", _enrol)
    _config_option(enrol)
    enrol.add_argument(
        "--code-file",
        required=True,
        type=argparse.FileType("r", encoding="ascii", errors="replace"),
        metavar="FILE",
        help="the code that `teiten-collector sensor enrol` printed, or - for standard input",
    )


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    check = _command(
        commands, "check", "say step by step why the centre shows nothing, and what to do", _check
    )
    check.add_argument(
        "--listen",
        type=_positive,
        metavar="SECONDS",
        help="listen so long, and fail if no packet comes to a monitored address (default: a few seconds,"
        " which prove nothing)",
    )
    _config_option(check)
    _json_option(check)


def _add_config(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parent = commands.add_parser(
        "config", help="print a sample, what is in force, or the schema", allow_abbrev=False
    )
    actions = parent.add_subparsers(required=True, metavar="ACTION")
    samples = _command(actions, "sample", "print a configuration to begin with", _config_sample)
    samples.add_argument(
        "--language",
        type=Language,
        choices=list(Language),
        default=Language.ENGLISH,
        metavar="{en,ja}",
        help="of the comments (default: en)",
    )
    show = _command(actions, "show", "print what is in force, defaults filled in", _config_show)
    _config_option(show)
    _json_option(show)
    _command(actions, "schema", "print the JSON Schema of the configuration", _config_schema)


def _add_spool(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parent = commands.add_parser("spool", help="see, copy or send the batches that wait", allow_abbrev=False)
    actions = parent.add_subparsers(required=True, metavar="ACTION")
    status = _command(actions, "status", "tell what the spool holds", _status)
    export = _command(
        actions, "export", "copy the batches that wait, for teiten-collector import", _spool_export
    )
    export.add_argument("directory", metavar="DIRECTORY", help="where to; it is created if need be")
    upload = _command(actions, "upload", "send the batches that wait", _spool_upload)
    upload.add_argument("--refused", action="store_true", help="send again what the collector refused, too")
    for action in (status, export, upload):
        _config_option(action)
        _json_option(action)


def _add_status(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    status = _command(
        commands, "status", "tell how the running agent and its spool stand, and what to do", _status
    )
    _config_option(status)
    _json_option(status)


def _config_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--config",
        default=config.DEFAULT_PATH,
        metavar="PATH",
        help="the configuration (default: %(default)s)",
    )


def _json_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="one JSON document on standard output")


def _count(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.count import Asked, available_cores, count, table  # noqa: PLC0415  # a command loads what it needs

    library = None if options.no_rules else _counting_rules(options)
    threads = options.threads or available_cores()
    result = count(Asked(options.files, options.monitored, library, threads), _say)
    if options.json:
        _print_json(result.totals.document())
    else:
        print(table(result.totals, options.top, library))
    return _report_faults(result.faults)


def _counting_rules(options: argparse.Namespace) -> Library:
    from teiten_agent.rules import builtin, load  # noqa: PLC0415  # as above

    variables = dict(options.variables)
    library = load(options.rules, variables, with_builtin=False) if options.rules else builtin()
    if left_out := len(library.core.diagnostics()):
        _say(f"{left_out:,} rules are left out: `teiten-agent rules lint {' '.join(options.rules)}` says why")
    return library


def _replay(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.replay import Request, replay  # noqa: PLC0415  # as above

    if (options.start is None) != (options.end is None):
        raise UsageError("--from and --to go together", "state both, or neither for first to last packet")
    span = None if options.start is None else (options.start, options.end)
    if span is not None and span[0] >= span[1]:
        raise UsageError("--from is not before --to")
    configuration = config.load(options.config)
    outcome = replay(configuration, Request(options.files, span, options.upload), _say)
    if options.json:
        _print_json(outcome.document())
    else:
        print(
            f"{_number(outcome.captures, 'capture')}, {_number(outcome.batches, 'batch')}"
            f" of epoch {outcome.epoch:016x}: {outcome.written} written,"
            f" {_delivered(outcome.delivery)}, {outcome.waiting} waiting in the spool"
        )
    return max(_report_faults(outcome.faults), _report_delivery(outcome.delivery))


def _run_service(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.log import Log  # noqa: PLC0415  # as above
    from teiten_agent.service import run  # noqa: PLC0415  # as above

    configuration = config.load(options.config)
    run(configuration, Log(as_json=configuration.log.format == "json"))
    return ExitCode.DONE


def _enrol(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.enrol import enrol  # noqa: PLC0415  # as above

    with options.code_file as file:
        code = file.read(_MOST_CODE_CHARACTERS).strip()
    configuration = config.load(options.config)
    enrol(configuration, code)
    print(f"sensor {configuration.sensor.id} is enrolled; its token is in {configuration.uplink.token_file}")
    return ExitCode.DONE


def _check(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.check import check, exit_code  # noqa: PLC0415  # as above

    steps = check(options.config, options.listen)
    if options.json:
        _print_json({"ok": exit_code(steps) is ExitCode.DONE, "steps": [step.document() for step in steps]})
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


def _rules_list(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.rules import categories, listing, load  # noqa: PLC0415  # as above

    known = categories.read(Path(options.categories) if options.categories else None)
    found = listing.listed(load(options.files), known)
    if options.category:
        if options.category not in {one.id for one in known.all}:
            raise UsageError(
                f"{options.category!r} is no category", f"known are {', '.join(one.id for one in known.all)}"
            )
        found = [one for one in found if one.category == options.category]
    if options.json:
        _print_json(listing.as_document(found, known))
    elif options.csv:
        print(listing.as_csv(found), end="")
    elif options.markdown:
        print(listing.as_markdown(found, known), end="")
    else:
        for one in found:
            print(f"{one.sid:>10}  {one.category:<8}  {one.title}")
        print(f"{_number(len(found), 'signature')}")
    return ExitCode.DONE


def _rules_lint(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.rules import builtin, load  # noqa: PLC0415  # as above
    from teiten_agent.rules.lint import lint  # noqa: PLC0415  # as above

    variables = dict(options.variables)
    report = lint(load(options.files, variables, with_builtin=False) if options.files else builtin())
    if options.json:
        _print_json(report.document())
    else:
        print(report.text())
    return ExitCode.ANSWER_IS_NO if report.findings else ExitCode.DONE


def _rules_test(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.rules import builtin, cases, load  # noqa: PLC0415  # as above

    own = bool(options.files)
    outcome = cases.run(load(options.files, with_builtin=False) if own else builtin(), required=not own)
    if options.json:
        _print_json(
            {
                "rules": outcome.rules,
                "cases": outcome.cases,
                "failures": [
                    {"sid": one.statement.sid, "case": one.case, "said": one.said} for one in outcome.failures
                ],
            }
        )
    else:
        for failure in outcome.failures:
            print(failure)
        print(
            f"{_number(outcome.rules, 'rule')}, {_number(outcome.cases, 'case')}:"
            f" {len(outcome.failures)} failed"
        )
    return ExitCode.ANSWER_IS_NO if outcome.failures else ExitCode.DONE


def _rules_explain(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.rules import categories, load  # noqa: PLC0415  # as above
    from teiten_agent.rules.explain import Language as Words  # noqa: PLC0415  # as above
    from teiten_agent.rules.explain import explain  # noqa: PLC0415  # as above

    known = categories.read(Path(options.categories) if options.categories else None)
    library = load(options.files)
    languages = [Words(options.language)] if options.language else list(Words)
    texts = []
    for sid in options.sids:
        statement = library.find(sid)
        if statement is None:
            raise UsageError(f"there is no rule {sid}", "`teiten-agent rules list` shows those there are")
        category = known.of(sid, statement.message, statement.value("classtype"))
        explained = explain(statement, category)
        texts += [explained.text(language) for language in languages]
    print("\n\n".join(texts))
    return ExitCode.DONE


def _rules_categories(_: argparse.Namespace) -> ExitCode:
    from teiten_agent.rules import categories  # noqa: PLC0415  # as above

    print(categories.default_text(), end="")
    return ExitCode.DONE


def _config_sample(options: argparse.Namespace) -> ExitCode:
    print(sample(options.language), end="")
    return ExitCode.DONE


def _config_show(options: argparse.Namespace) -> ExitCode:
    configuration = config.load(options.config)
    if options.json:
        _print_json(as_document(configuration))
    else:
        print(in_force(configuration), end="")
    return ExitCode.DONE


def _config_schema(_: argparse.Namespace) -> ExitCode:
    _print_json(json_schema())
    return ExitCode.DONE


def _status(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.status import standing  # noqa: PLC0415  # as above

    configuration = config.load(options.config)
    found = standing(configuration)
    if options.json:
        _print_json(found.document())
    else:
        print(found.text())
    return ExitCode.DONE


def _spool_export(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.spool import export  # noqa: PLC0415  # as above

    configuration = config.load(options.config)
    copied = export(Path(configuration.spool.directory), Path(options.directory), _say)
    if options.json:
        _print_json({"exported": copied, "directory": options.directory})
    else:
        print(
            f"{_number(copied, 'batch')} copied to {options.directory};"
            " they wait in the spool until acknowledged"
        )
    return ExitCode.DONE


def _spool_upload(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.progress import Progress  # noqa: PLC0415  # as above
    from teiten_agent.spool import Spool  # noqa: PLC0415  # as above
    from teiten_agent.uplink import Uplink, deliver  # noqa: PLC0415  # as above

    configuration = config.load(options.config)
    uplink = Uplink(configuration.uplink)
    with Spool(Path(configuration.spool.directory), configuration.spool.max_megabytes, _say) as spool:
        if options.refused:
            spool.retry_refused()
        try:
            with Progress("uploading", len(spool.waiting())) as progress:
                delivery = deliver(spool, uplink, _say, progress)
        except KeyboardInterrupt:
            raise InterruptedByOperatorError(
                f"interrupted: {len(spool.waiting())} batches are kept in {configuration.spool.directory}"
            ) from None
        waiting = len(spool.waiting())
    if options.json:
        _print_json(
            {
                "acknowledged": delivery.acknowledged,
                "repeats": delivery.repeats,
                "refused": len(delivery.refused),
                "damaged": delivery.damaged,
                "waiting": waiting,
            }
        )
    else:
        print(f"{_delivered(delivery)}, {waiting} waiting in the spool")
    return _report_delivery(delivery)


def _completion(options: argparse.Namespace) -> ExitCode:
    try:
        import shtab  # noqa: PLC0415  # optional
    except ImportError as error:
        raise UsageError(
            "shell completion needs shtab, which is not installed", "pip install 'teiten-agent[completion]'"
        ) from error
    print(shtab.complete(parser(), shell=options.shell))
    return ExitCode.DONE


def _report_faults(faults: Sequence[str]) -> ExitCode:
    for fault in faults:
        _say(fault)
    return ExitCode.UNUSABLE_INPUT if faults else ExitCode.DONE


def _report_delivery(delivery: Delivery) -> ExitCode:
    return ExitCode.ANSWER_IS_NO if delivery.refused or delivery.damaged else ExitCode.DONE


def _delivered(delivery: Delivery) -> str:
    repeats = f" ({delivery.repeats} of them repeats)" if delivery.repeats else ""
    lost = f", {len(delivery.refused)} refused" if delivery.refused else ""
    damaged = f", {delivery.damaged} damaged" if delivery.damaged else ""
    return f"{delivery.acknowledged} acknowledged{repeats}{lost}{damaged}"


def _number(count: int, noun: str) -> str:
    plural = noun + ("es" if noun.endswith("ch") else "s")
    return f"{count} {noun if count == 1 else plural}"


def _print_json(document: object) -> None:
    print(json.dumps(document, indent=2, ensure_ascii=False))


def _say(text: str) -> None:
    print(f"teiten-agent: {text}", file=sys.stderr)


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; write it as 198.51.100.0/28 or 2001:db8::/64") from error


def _assignment(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not name or not sign or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=VALUE, such as HOME_NET=198.51.100.0/24")
    return name.removeprefix("$"), value


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text[:9]):
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number")
    return int(text[:9])


def _time(text: str) -> int:
    """Read ISO 8601 with offset as nanoseconds of Unix time."""
    example = "write it as 2009-08-01T00:00:00+09:00"
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time of ISO 8601; {example}") from error
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} lacks its offset from UTC; {example}")
    nanoseconds = (at - _EPOCH) // timedelta(microseconds=1) * 1000
    if not 0 <= nanoseconds < 1 << 63:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1970 and 2262")
    return nanoseconds
