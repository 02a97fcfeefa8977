"""`teiten-agent status`: how the running agent and its spool stand, and what is to be done about it."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from teiten_agent.metrics import PREFIX, read
from teiten_agent.spool import is_in_use, survey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from teiten_agent.config import Configuration
    from teiten_agent.spool import Status

_STALE_SECONDS = 90.0
"""The metrics are written every 15 seconds: much older ones are those of an agent that hangs or has ended."""

_QUIET_SECONDS = 600.0
"""An agent that has counted nothing for so long since its start hears nothing that is meant for it."""

_WAITING_SECONDS = 900.0
_MOST_SECONDS_APART = 5.0
"""Where the collector calls a sensor drifting."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that keeps the centre from showing what happened here, and what to do about it."""

    said: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a sensor stands.

    Attributes:
        sensor: Its id.
        running: Whether a process uses its spool; None where the system does not tell.
        agent: The metrics of the running agent by name and label, without their common beginning; empty where
            there are none, or none of late.
        spool: What the spool holds.
        findings: What is wrong, the first cause first.
    """

    sensor: str
    running: bool | None
    agent: dict[str, float]
    spool: Status
    findings: tuple[Finding, ...]

    def text(self) -> str:
        """As `status` prints it."""
        spool = self.spool
        lines = [
            ("sensor", self.sensor),
            ("agent", {True: "running", False: "not running", None: "not known"}[self.running]),
            *_agent_lines(self.agent),
            ("spool", f"{spool.used_bytes:,} of {spool.limit_bytes:,} bytes used"),
            ("batches waiting", f"{spool.waiting} ({spool.waiting_bytes:,} bytes)"),
            ("waiting since", spool.waiting_since or "none waits"),
            ("lost, not told yet", _lost_text(spool.lost)),
            ("batches refused", str(spool.refused)),
            ("files damaged", str(spool.damaged)),
            ("epochs on record", f"{spool.epochs}, {spool.incomplete_epochs} of them incomplete"),
            ("batches acknowledged", str(spool.acknowledged)),
            ("last acknowledgement", spool.acknowledged_at or "none yet"),
        ]
        text = [f"{name + ':':<22}{value}" for name, value in lines]
        for finding in self.findings:
            text += ["", f"! {finding.said}", f"  -> {finding.remedy}"]
        return "\n".join(text)

    def document(self) -> dict[str, object]:
        """As `status --json` prints it."""
        return dataclasses.asdict(self)


def standing(configuration: Configuration) -> Standing:
    """Look at spool and metrics; nothing is opened or changed.

    Raises:
        InputError: The spool cannot be read.
    """
    directory = Path(configuration.spool.directory)
    spool = survey(directory, configuration.spool.max_megabytes)
    running = is_in_use(directory)
    agent = _metrics(configuration.metrics.textfile) if running is not False else {}
    found = Standing(configuration.sensor.id, running, agent, spool, ())
    return replace(found, findings=tuple(_findings(configuration, found)))


def _agent_lines(agent: dict[str, float]) -> list[tuple[str, str]]:
    """What the running agent tells of itself, where it does."""
    if not agent:
        return []
    packets = {
        outcome: int(agent.get(f'packets_total{{outcome="{outcome}"}}', 0))
        for outcome in ("counted", "not_monitored", "malformed")
    }
    offset = agent.get("clock_offset_seconds")
    told = ", ".join(f"{number:,} {outcome.replace('_', ' ')}" for outcome, number in packets.items())
    return [
        ("running since", _moment(agent.get("start_timestamp_seconds", 0))),
        ("packets since then", told),
        ("packets dropped", f"{_sum(agent, 'dropped_packets_total'):,}"),
        ("observed to", _moment(agent.get("observed_to_timestamp_seconds", 0)) or "no interval has closed"),
        ("last answer", _moment(agent.get("last_answer_timestamp_seconds", 0)) or "none yet"),
        ("clock", "not compared yet" if offset is None else f"{offset:+.1f} s beside the collector's"),
    ]


def _lost_text(lost: dict[str, int]) -> str:
    told = (f"{count} {name.removeprefix('lost.')}" for name, count in sorted(lost.items()))
    return ", ".join(told) or "none"


def _sum(agent: dict[str, float], name: str) -> int:
    """The sum of a metric's samples."""
    return int(sum(number for key, number in agent.items() if key.partition("{")[0] == name))


def _moment(seconds: float) -> str:
    """A time as text; empty for 0."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat() if seconds else ""


def _metrics(path: str) -> dict[str, float]:
    """The numbers that the agent wrote, if it did so of late."""
    if not path:
        return {}
    try:
        if abs(time.time() - Path(path).stat().st_mtime) > _STALE_SECONDS:
            return {}
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    return {name.removeprefix(PREFIX): number for name, number in read(text).items()}


def _findings(configuration: Configuration, found: Standing) -> Iterator[Finding]:
    agent = found.agent
    if found.running is False:
        yield Finding(
            "no agent is running",
            "systemctl start teiten-agent; `journalctl -u teiten-agent` says why it ended",
        )
    elif not agent and configuration.metrics.textfile:
        yield Finding(
            f"{configuration.metrics.textfile} tells nothing of late: the agent hangs, runs for less than a"
            " moment, or may not write it",
            "see the agent's own lines: journalctl -u teiten-agent",
        )
    if agent:
        yield from _of_capture(agent)
        yield from _of_uplink(agent)
    yield from _of_spool(configuration, found.spool)


def _of_capture(agent: dict[str, float]) -> Iterator[Finding]:
    quiet = time.time() - agent.get("start_timestamp_seconds", time.time()) > _QUIET_SECONDS
    packets, counted = _sum(agent, "packets_total"), int(agent.get('packets_total{outcome="counted"}', 0))
    if quiet and not packets:
        yield Finding(
            "no packet came since the agent started",
            "`teiten-agent check --listen 60` goes through filter, interface and traffic",
        )
    elif quiet and not counted:
        yield Finding(
            f"{packets} packets came since the agent started, and none to a monitored address",
            "sensor.monitored must be the addresses that are routed to capture.interface",
        )
    if dropped := _sum(agent, "dropped_packets_total"):
        yield Finding(
            f"{dropped} packets were dropped before they were counted, since the agent started",
            "raise capture.ring_megabytes or capture.threads, or take load off the machine",
        )
    if lost := _sum(agent, "lost_batches_total"):
        yield Finding(
            f"{lost} batches were lost since the agent started",
            "see to the disk and its space, spool.max_megabytes, and what keeps batches from the collector",
        )
    offset = agent.get("clock_offset_seconds", 0.0)
    if abs(offset) > _MOST_SECONDS_APART:
        yield Finding(
            f"this clock is {abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} the collector's",
            "run a time service (NTP) on both",
        )


def _of_uplink(agent: dict[str, float]) -> Iterator[Finding]:
    if agent.get("uplink_up", 1.0) == 0:
        answered = _moment(agent.get("last_answer_timestamp_seconds", 0.0)) or "never"
        yield Finding(
            f"the last round of uploads failed; the collector last answered: {answered}",
            "`teiten-agent check` goes through name, connection, certificate, token and addresses",
        )


def _of_spool(configuration: Configuration, spool: Status) -> Iterator[Finding]:
    if not configuration.uplink.collector:
        return
    if spool.waiting and time.time() - spool.waiting_since_ns / 1e9 > _WAITING_SECONDS:
        yield Finding(
            f"{spool.waiting} batches wait since {spool.waiting_since}",
            "`teiten-agent check` says what keeps them from the collector",
        )
    if spool.refused:
        yield Finding(
            f"{spool.refused} batches were refused by the collector for good",
            f"the reasons lie in {Path(configuration.spool.directory) / 'refused'}",
        )
