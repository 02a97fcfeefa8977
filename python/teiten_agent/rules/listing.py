"""What is in force: each signature with its category, for people, for programs, and for the collector."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from teiten_agent.rules.statement import MESSAGE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from teiten_agent.rules.categories import Categories
    from teiten_agent.rules.library import Library


@dataclass(frozen=True, slots=True)
class Listed:
    """One signature in force."""

    sid: int
    title: str
    japanese: str
    category: str
    classtype: str
    priority: int
    references: tuple[str, ...]
    file: str
    line: int


def listed(library: Library, categories: Categories) -> list[Listed]:
    """The signatures that can speak, by number."""
    texts = {statement.sid: statement for statement in library.statements}
    found = []
    for rule in library.core.signatures():
        statement = texts.get(rule.sid)
        if rule.silent or statement is None:
            continue
        title = title_of(rule.message)
        found.append(
            Listed(
                sid=rule.sid,
                title=title,
                japanese=statement.japanese or title,
                category=categories.of(rule.sid, rule.message, rule.classification).id,
                classtype=rule.classification,
                priority=statement.priority,
                references=tuple(map(reference, statement.values("reference"))),
                file=rule.place[0],
                line=rule.place[1],
            )
        )
    return sorted(found, key=lambda one: one.sid)


def title_of(message: str) -> str:
    """A message without the prefix and the tag of the built-in rules."""
    return (
        message.removeprefix(MESSAGE_PREFIX).partition(" ")[2]
        if message.startswith(MESSAGE_PREFIX)
        else message
    )


def reference(value: str) -> str:
    """A reference as text that can be followed."""
    kind, _, rest = value.partition(",")
    match kind.strip():
        case "url":
            return f"https://{rest.strip()}"
        case "rfc":
            return f"RFC {rest.strip()}"
        case "cve":
            return f"CVE-{rest.strip()}"
        case other:
            return f"{other} {rest.strip()}".strip()


def as_document(signatures: Iterable[Listed], categories: Categories) -> dict[str, object]:
    """What `rules list --json` prints."""
    return {
        "signatures": [asdict(one) for one in signatures],
        "categories": [{"id": one.id, "ja": one.japanese, "en": one.english} for one in categories.all],
    }


def as_csv(signatures: Iterable[Listed]) -> str:
    """What `rules list --csv` prints: the list of signatures that the collector reads."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("sid", "message", "category", "classtype"))
    writer.writerows((one.sid, one.title, one.category, one.classtype) for one in signatures)
    return text.getvalue()


def as_markdown(signatures: Iterable[Listed], categories: Categories) -> str:
    """The table of docs/reference/builtin-signatures.md, category by category."""
    signatures = list(signatures)
    lines: list[str] = []
    for category in categories.all:
        of_it = [one for one in signatures if one.category == category.id]
        if not of_it:
            continue
        lines += [f"## {category.english} ({len(of_it)})", ""]
        lines += ["| sid | signature | 日本語 | priority | known from |", "|---|---|---|---|---|"]
        for one in of_it:
            sources = ", ".join(map(_link, one.references))
            lines.append(f"| {one.sid} | {one.title} | {one.japanese} | {one.priority} | {sources} |")
        lines.append("")
    return "\n".join(lines)


def _link(text: str) -> str:
    return f"<{text}>" if text.startswith("https://") else text
