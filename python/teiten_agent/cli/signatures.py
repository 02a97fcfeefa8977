"""`rules`: signatures listed, checked, tested and explained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from teiten_agent.cli.arguments import add_command, json_option, positive, rule_files, variable_option
from teiten_agent.cli.output import number, print_json
from teiten_agent.errors import ExitCode, UsageError

if TYPE_CHECKING:
    import argparse

    from teiten_agent.cli.arguments import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    parent = commands.add_parser("rules", help="list, check, test and explain signatures", allow_abbrev=False)
    actions = parent.add_subparsers(required=True, metavar="ACTION")
    listing = add_command(actions, "list", "list the signatures in force, with their categories", _rules_list)
    listing.add_argument(
        "--category", default="", metavar="ID", help="only signatures of this category, such as Worm"
    )
    rule_files(listing, "rule files besides the built-in set")
    forms = listing.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="one JSON document on standard output")
    forms.add_argument("--csv", action="store_true", help="the list that teiten-collector reads")
    forms.add_argument("--markdown", action="store_true", help="tables for a page, by category")
    lint = add_command(
        actions, "lint", "say what of rule files is usable, and why the rest is not", _rules_lint
    )
    rule_files(lint, "rule files; without any, the built-in set")
    variable_option(lint)
    json_option(lint)
    test = add_command(actions, "test", "run the packets noted above rules through the engine", _rules_test)
    rule_files(test, "rule files; without any, the built-in set")
    json_option(test)
    explain = add_command(actions, "explain", "say in words what rules match", _rules_explain)
    explain.add_argument("sids", nargs="+", type=positive, metavar="SID", help="number of a rule")
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
    add_command(
        actions, "categories", "print the default categories, for a file of your own", _rules_categories
    )
    for action in (listing, explain):
        action.add_argument(
            "--categories",
            default="",
            metavar="FILE",
            help="categories (default: the six of the 2009 report, which `rules categories` prints)",
        )


def _rules_list(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.rules import categories, listing, load  # noqa: PLC0415  # a command loads what it needs

    known = categories.read(Path(options.categories) if options.categories else None)
    found = listing.listed(load(options.files), known)
    if options.category:
        if options.category not in {one.id for one in known.all}:
            raise UsageError(
                f"{options.category!r} is no category", f"known are {', '.join(one.id for one in known.all)}"
            )
        found = [one for one in found if one.category == options.category]
    if options.json:
        print_json(listing.as_document(found, known))
    elif options.csv:
        print(listing.as_csv(found), end="")
    elif options.markdown:
        print(listing.as_markdown(found, known), end="")
    else:
        for one in found:
            print(f"{one.sid:>10}  {one.category:<8}  {one.title}")
        print(f"{number(len(found), 'signature')}")
    return ExitCode.DONE


def _rules_lint(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.rules import builtin, load  # noqa: PLC0415  # a command loads what it needs
    from teiten_agent.rules.lint import lint  # noqa: PLC0415  # a command loads what it needs

    variables = dict(options.variables)
    report = lint(load(options.files, variables, with_builtin=False) if options.files else builtin())
    if options.json:
        print_json(report.document())
    else:
        print(report.text())
    return ExitCode.ANSWER_IS_NO if report.findings else ExitCode.DONE


def _rules_test(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.rules import builtin, cases, load  # noqa: PLC0415  # a command loads what it needs

    own = bool(options.files)
    outcome = cases.run(load(options.files, with_builtin=False) if own else builtin(), required=not own)
    if options.json:
        print_json(
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
            f"{number(outcome.rules, 'rule')}, {number(outcome.cases, 'case')}:"
            f" {len(outcome.failures)} failed"
        )
    return ExitCode.ANSWER_IS_NO if outcome.failures else ExitCode.DONE


def _rules_explain(options: argparse.Namespace) -> ExitCode:
    from teiten_agent.rules import categories, load  # noqa: PLC0415  # a command loads what it needs
    from teiten_agent.rules.explain import Language as Words  # noqa: PLC0415  # a command loads what it needs
    from teiten_agent.rules.explain import explain  # noqa: PLC0415  # a command loads what it needs

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
    from teiten_agent.rules import categories  # noqa: PLC0415  # a command loads what it needs

    print(categories.default_text(), end="")
    return ExitCode.DONE
