"""What of rule files is usable on a sensor that answers nobody, and why the rest is not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from teiten_agent import _core
    from teiten_agent.rules.library import Library

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Report:
    """What was found.

    Attributes:
        usable: Rules in use.
        diagnostics: What there is to say about the others.
    """

    usable: int
    diagnostics: tuple[_core.RuleDiagnostic, ...]

    def count(self, obstacle: str) -> int:
        """Rules with this obstacle."""
        return sum(one.obstacle == obstacle for one in self.diagnostics)

    def causes(self, obstacle: str) -> list[tuple[str, int]]:
        """The causes of an obstacle with their numbers of rules, most first."""
        counts = Counter(one.cause for one in self.diagnostics if one.obstacle == obstacle)
        return sorted(counts.items(), key=lambda item: (-item[1], item[0]))

    @property
    def sessionless(self) -> int:
        """Rules that need no session and speak of senders, usable or not.

        Those that another of their number replaces are left out.
        """
        return self.usable + self.count("unsupported") + self.count("mistake")

    @property
    def share(self) -> float:
        """Usable rules among those that need no session and speak of senders; 1 without any."""
        return self.usable / self.sessionless if self.sessionless else 1.0

    @property
    def findings(self) -> list[_core.RuleDiagnostic]:
        """What can be mended in the files: everything but rules for which a passive sensor is no place."""
        return [one for one in self.diagnostics if one.obstacle not in ("session", "senderless")]

    def document(self) -> dict[str, object]:
        """What `rules lint --json` prints."""
        return {
            "usable": self.usable,
            "sessionless": self.sessionless,
            "usable_share": self.share,
            "needs_session": {"rules": self.count("session"), "causes": dict(self.causes("session"))},
            "senderless": {"rules": self.count("senderless"), "causes": dict(self.causes("senderless"))},
            "unsupported": {"rules": self.count("unsupported"), "causes": dict(self.causes("unsupported"))},
            "mistakes": self.count("mistake"),
            "replaced": self.count("replaced"),
            "findings": [
                {
                    "file": one.place[0],
                    "line": one.place[1],
                    "column": one.place[2],
                    "sid": one.sid,
                    "obstacle": one.obstacle,
                    "cause": one.cause,
                    "reason": one.reason,
                    "remedy": one.remedy,
                }
                for one in self.findings
            ],
        }

    def text(self) -> str:
        """The findings with their places, and the sums, for a person."""
        lines = [
            f"{one.place[0]}:{one.place[1]}:{one.place[2]}: "
            + (f"rule {one.sid}: " if one.sid is not None else "")
            + f"{one.reason}; {one.remedy}"
            for one in self.findings
        ]
        senderless = self.count("senderless")
        total = self.usable + len(self.diagnostics)
        lines.append(
            f"{total:,} rules: {self.usable:,} usable"
            f" ({self.share:.1%} of the {self.sessionless:,} that need no session"
            + (" and name a sender)," if senderless else "),")
            + f" {self.count('session'):,} need a session,"
            + (f" {senderless:,} name no sender," if senderless else "")
            + f" {self.count('unsupported'):,} unsupported,"
            f" {self.count('mistake'):,} mistaken, {self.count('replaced'):,} replaced"
        )
        for title, obstacle in (
            ("need a session", "session"),
            ("name no sender", "senderless"),
            ("unsupported", "unsupported"),
        ):
            causes = self.causes(obstacle)
            lines += [f"  {title}: {count:,} by {cause}" for cause, count in causes[:_SHOWN]]
            if len(causes) > _SHOWN:
                rest = sum(count for _, count in causes[_SHOWN:])
                lines.append(f"  {title}: {rest:,} by {len(causes) - _SHOWN} others")
        return "\n".join(lines)


def lint(library: Library) -> Report:
    """Look at every rule of a library."""
    return Report(len(library.core), tuple(library.core.diagnostics()))
