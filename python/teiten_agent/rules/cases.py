"""Cases of rules: packets that must match and near misses, run through the engine, all rules in force."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from teiten_agent import _core
from teiten_agent.rules.packet import packets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from teiten_agent.rules.library import Library
    from teiten_agent.rules.statement import Statement

_LINK_RAW_IP = 101
"""LINKTYPE_RAW: packets begin with their IP header."""

_START = 1_249_084_800
"""2009-08-01 00:00 UTC: when cases happen."""

_APART_MICROSECONDS = 1_000


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that did not come out as it must.

    Attributes:
        statement: The rule.
        case: The packet, as text, with `#+` or `#-` before it; empty if a rule lacks one of the two.
        said: What came out.
    """

    statement: Statement
    case: str
    said: str

    def __str__(self) -> str:
        """The failure with its place, for a person."""
        place = f"{self.statement.file}:{self.statement.line}: rule {self.statement.sid}"
        return f"{place}: {self.case}: {self.said}" if self.case else f"{place}: {self.said}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What running cases gave."""

    rules: int
    cases: int
    failures: tuple[Failure, ...]


def run(library: Library, *, required: bool = False) -> Outcome:
    """Run every case of a library's rules.

    A packet that must match a built-in rule must give that rule's detection and, where it is one packet, no
    other built-in one.

    Args:
        library: The rules in force.
        required: Whether a rule without a matching packet, or without a near miss, is a failure.

    Raises:
        InputError: A case is no packet.
    """
    failures: list[Failure] = []
    rules = cases = 0
    speaking = {rule.sid for rule in library.core.signatures()}
    for statement in library.statements:
        rules += 1
        cases += len(statement.matches) + len(statement.misses)
        failures.extend(_failures(library, statement, speaking))
        if required and not (statement.matches and statement.misses):
            failures.append(Failure(statement, "", "it needs a packet that matches and a near miss"))
    return Outcome(rules, cases, tuple(failures))


def _failures(library: Library, statement: Statement, speaking: set[int]) -> Iterator[Failure]:
    sid = statement.sid
    if sid not in speaking:
        yield Failure(statement, "", "the engine does not use it (`rules lint` says why)")
        return
    for case in statement.matches:
        sent = packets(case)
        detected = detections(library.core, sent)
        if sid not in detected:
            yield Failure(statement, f"#+ {case}", f"does not match; detected: {_named(detected)}")
        elif len(sent) == 1 and len(detected) > 1:
            yield Failure(statement, f"#+ {case}", f"is detected twice: {_named(detected)}")
    for case in statement.misses:
        detected = detections(library.core, packets(case))
        if sid in detected:
            yield Failure(statement, f"#- {case}", "matches")


def detections(rules: _core.Rules, sent: list[bytes]) -> dict[int, int]:
    """Hold packets, from their IP headers on, against rules; detections by number of the rule."""
    observer = _core.Observer(interval_seconds=0, table_megabytes=1, seed=0, rules=rules)
    records, offset = [], 0
    for number, packet in enumerate(sent):
        records.append(
            struct.pack("=4I", _START, number * _APART_MICROSECONDS % 1_000_000, offset, len(packet))
        )
        offset += len(packet)
    observer.advance(_core.PacketBuffer(b"".join(sent), b"".join(records), _LINK_RAW_IP))
    interval = observer.finish()
    return {} if interval is None else interval.signatures()


def _named(detected: dict[int, int]) -> str:
    return ", ".join(map(str, sorted(detected))) or "nothing"
