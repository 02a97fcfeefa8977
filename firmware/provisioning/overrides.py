"""Settings that the operator signs: which there may be, and what they make of the agent's configuration.

A sensor that is far away must come back by itself from whatever is set from afar, and must not be led
elsewhere. So only what is named here can be set: how much is captured and kept, and how it is sent. Who the
sensor is, what it observes, where it sends, whom it trusts and where its files are stands on the card alone.
"""

from __future__ import annotations

import re
import tomllib
from typing import Final

from teiten_agent import config
from teiten_agent.config.render import toml_value
from teiten_agent.errors import ConfigurationError
from teiten_agent.live import check_filter

ALLOWED: Final = {
    "capture": ("filter", "threads", "ring_megabytes", "snap_length", "promiscuous"),
    "interval": ("seconds",),
    "uplink": ("batches_per_request", "order", "max_kilobits_per_second"),
    "spool": ("max_age_days",),
    "rules": ("variables", "examples"),
    "limits": ("table_megabytes", "max_rows", "early_closes"),
    "log": ("format",),
}
"""Tables of agent.toml, and their keys that can be set from afar."""

LONGEST_INTERVAL_SECONDS: Final = 300
"""An interval must end, and be acknowledged, within the time in which settings have to prove themselves."""

LARGEST_SHARE: Final = 4
"""Tables and rings may have one part in so many of the board's memory: a batch in the making takes as much
again, and the rest is the system's."""

_HEAD = re.compile(r"# teiten-settings generation=([1-9][0-9]{0,8})\s*\n")
"""The first line of signed settings, and of a configuration that was made with them."""


class OverridesRefusedError(ValueError):
    """The settings cannot be used, and why."""


def merged(base: str, overrides: str, board_megabytes: int) -> str:
    """The agent's configuration, with signed settings in the place of the card's.

    Args:
        base: The configuration that follows from the card, as TOML.
        overrides: What was signed, as TOML; its first line states a generation, and so does the result's.
        board_megabytes: The memory that the kernel has, in MiB.

    Raises:
        OverridesRefusedError: Something is set that cannot be set from afar, or to a value that the agent
            does not take, or that this board has no memory or the trial no time for.
    """
    generation = generation_in_force(overrides)
    if not generation:
        raise OverridesRefusedError("the first line must be: # teiten-settings generation=N")
    document = tomllib.loads(base)
    mistakes: list[str] = []
    for table, keys in _read(overrides).items():
        if not isinstance(keys, dict):
            mistakes.append(f"{table} is no table: write [{table}] on a line of its own")
            continue
        for key, value in keys.items():
            if key in ALLOWED.get(table, ()):
                document.setdefault(table, {})[key] = value
            else:
                mistakes.append(f"{table}.{key} cannot be set from afar")
    if mistakes:
        raise OverridesRefusedError("; ".join(mistakes))
    text = _text(document)
    try:
        configuration = config.parse(text.encode(), "settings")
        check_filter(configuration.capture)
    except ConfigurationError as error:
        raise OverridesRefusedError("; ".join(error.what.splitlines())) from None
    if configuration.interval.seconds > LONGEST_INTERVAL_SECONDS:
        raise OverridesRefusedError(
            f"interval.seconds: at most {LONGEST_INTERVAL_SECONDS} can be set from afar"
        )
    wanted = configuration.limits.table_megabytes + configuration.capture.ring_megabytes
    if wanted * LARGEST_SHARE > board_megabytes:
        raise OverridesRefusedError(
            f"limits.table_megabytes and capture.ring_megabytes: {wanted} together, and this board "
            f"has room for {board_megabytes // LARGEST_SHARE}"
        )
    return f"# teiten-settings generation={generation}\n{text}"


def generation_in_force(configuration: str) -> int:
    """The generation of the settings that a configuration was made with; 0 for none."""
    found = _HEAD.match(configuration)
    return int(found[1]) if found else 0


def _read(overrides: str) -> dict[str, object]:
    try:
        return tomllib.loads(overrides)
    except (ValueError, RecursionError) as error:
        raise OverridesRefusedError(f"are not TOML: {error}") from None


def _text(document: dict[str, dict[str, object]]) -> str:
    lines: list[str] = []
    for table, keys in document.items():
        lines.append(f"[{table}]")
        for key, value in keys.items():
            try:
                lines.append(f"{key} = {toml_value(value)}")
            except TypeError:
                raise OverridesRefusedError(f"{table}.{key}: no setting holds such a value") from None
        lines.append("")
    return "\n".join(lines)
