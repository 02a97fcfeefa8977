"""Rule files as text: each rule with its options, and what stands above it in notes.

A note is a comment line right above a rule: `#ja TITLE` says the rule's message in Japanese, `#+ PACKET` is a
packet that must match it, `#- PACKET` a near miss that must not (`teiten_agent.rules.packet` has the form of
packets). Other engines read notes as the comments they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGE_PREFIX = "TEITEN "
"""What the messages of built-in rules begin with, before the tag of their category."""

LOWEST_PRIORITY = 255
"""The priority of a rule that states none; 1 is the highest, as in Suricata."""

_DEPTHS = frozenset(
    {"depth", "offset", "distance", "within", "startswith", "endswith", "nocase", "fast_pattern"}
)
_REMARKS = frozenset(
    {"msg", "reference", "classtype", "priority", "sid", "rev", "metadata", "gid", "requires", "threshold"}
)
_BARS = re.compile(r"\|([0-9A-Fa-f\s]*)\|")
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a rule: its name, and its value as written (empty where it has none)."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One rule of a file.

    Attributes:
        file: Name of the file.
        line: Line the rule begins on, from 1.
        text: The rule on one line.
        header: What stands before the parenthesis, word by word.
        options: What stands in it, in order.
        japanese: Its title in Japanese; empty where none is noted.
        matches: Packets noted as matching it, as text.
        misses: Packets noted as near misses, as text.
    """

    file: str
    line: int
    text: str
    header: tuple[str, ...]
    options: tuple[Option, ...]
    japanese: str = ""
    matches: tuple[str, ...] = ()
    misses: tuple[str, ...] = ()

    def value(self, name: str) -> str:
        """The value of the first option of a name; empty where there is none."""
        return next((option.value for option in self.options if option.name == name), "")

    def values(self, name: str) -> list[str]:
        """The values of all options of a name."""
        return [option.value for option in self.options if option.name == name]

    @property
    def sid(self) -> int | None:
        """Number of the rule, if it has one that can be read."""
        text = self.value("sid").strip()
        return int(text) if text.isascii() and text.isdigit() else None

    @property
    def message(self) -> str:
        """What it says when it matches."""
        return _ESCAPED.sub(r"\1", self.value("msg").strip().strip('"'))

    @property
    def priority(self) -> int:
        """Its priority, 1 the highest."""
        text = self.value("priority").strip()
        return int(text) if text.isascii() and text.isdigit() else LOWEST_PRIORITY

    def strength(self) -> tuple[int, int, int, int]:
        """What orders rules that exclude each other; the least comes first.

        Priority, then bytes of content looked for, then other options that narrow the rule down, then number.
        """
        contents = sum(
            len(content_bytes(value)) for value in self.values("content") if not value.startswith("!")
        )
        narrowing = sum(option.name not in _DEPTHS | _REMARKS | {"content"} for option in self.options)
        ports = sum(word != "any" for word in (*self.header[2:4], *self.header[5:7]))
        return self.priority, -contents, -(narrowing + ports), self.sid or 0


def content_bytes(value: str) -> bytes:
    """The bytes a `content` stands for: text, with hexadecimal between bars."""
    text = value.lstrip("!").strip().strip('"')
    parts: list[bytes] = []
    position = 0
    for bar in _BARS.finditer(text):
        parts.append(_ESCAPED.sub(r"\1", text[position : bar.start()]).encode())
        digits = "".join(bar.group(1).split())
        parts.append(bytes.fromhex(digits if len(digits) % 2 == 0 else digits[:-1]))
        position = bar.end()
    parts.append(_ESCAPED.sub(r"\1", text[position:]).encode())
    return b"".join(parts)


def statements(file: str, text: str) -> Iterator[Statement]:
    """Yield the rules of a file; what is no rule is passed over (the engine says what is wrong with it)."""
    notes: list[str] = []
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        joined = line.strip()
        while joined.endswith("\\"):
            joined = joined[:-1] + next(lines, (0, ""))[1].strip()
        if joined.startswith("#"):
            notes.append(joined[1:])
            continue
        if "(" in joined:
            yield _statement(file, number, joined, notes)
        notes = []


def _statement(file: str, line: int, text: str, notes: list[str]) -> Statement:
    header, _, body = text.partition("(")
    japanese = next((note[2:].strip() for note in notes if note.startswith("ja ")), "")
    return Statement(
        file=file,
        line=line,
        text=text,
        header=tuple(header.split()),
        options=tuple(_options(body.rstrip().removesuffix(")"))),
        japanese=japanese,
        matches=tuple(note[1:].strip() for note in notes if note.startswith("+")),
        misses=tuple(note[1:].strip() for note in notes if note.startswith("-")),
    )


def _options(body: str) -> Iterator[Option]:
    """Cut at semicolons that stand neither in quotes nor behind a backslash."""
    start, quoted, escaped = 0, False, False
    for position, letter in enumerate(body):
        if escaped:
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == '"':
            quoted = not quoted
        elif letter == ";" and not quoted:
            name, _, value = body[start:position].partition(":")
            if name.strip():
                yield Option(name.strip(), value.strip())
            start = position + 1
