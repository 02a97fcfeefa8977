"""How the commands speak: results on standard output, messages on standard error."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from teiten_agent.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from teiten_agent.uplink import Delivery


def report_faults(faults: Sequence[str]) -> ExitCode:
    """Say what was wrong with the input."""
    for fault in faults:
        say(fault)
    return ExitCode.UNUSABLE_INPUT if faults else ExitCode.DONE


def report_delivery(delivery: Delivery) -> ExitCode:
    """The exit code of a delivery."""
    return ExitCode.ANSWER_IS_NO if delivery.refused or delivery.damaged else ExitCode.DONE


def delivered(delivery: Delivery) -> str:
    """What became of batches, in words."""
    repeats = f" ({delivery.repeats} of them repeats)" if delivery.repeats else ""
    lost = f", {len(delivery.refused)} refused" if delivery.refused else ""
    damaged = f", {delivery.damaged} damaged" if delivery.damaged else ""
    return f"{delivery.acknowledged} acknowledged{repeats}{lost}{damaged}"


def number(count: int, noun: str) -> str:
    """A number of things."""
    plural = noun + ("es" if noun.endswith("ch") else "s")
    return f"{count} {noun if count == 1 else plural}"


def print_json(document: object) -> None:
    """Print one document."""
    print(json.dumps(document, indent=2, ensure_ascii=False))


def say(text: str) -> None:
    """Print a message."""
    print(f"teiten-agent: {text}", file=sys.stderr)
