"""Denial-of-service attacks with forged sources, inferred from what their victims answer.

Who is attacked from forged addresses drawn at random replies to all of them, and a share of the replies comes
to the monitored ones (Moore, Shannon, Brown, Voelker and Savage, "Inferring Internet Denial-of-Service
Activity", ACM Transactions on Computer Systems 24(2), 2006). Of an attack that the victim answers with m
packets, n monitored addresses of 2^32 get

    E = n * m / 2^32

so that a threshold of R' packets a second here speaks of R = R' * 2^32 / n there. Attacks below that rate are
not seen at all, which is why every answer states its floor. It holds for forged sources spread over all
addresses; an attacker who draws them otherwise is seen too little or too much.

Packets count by the minute. The sliding window of 60 seconds is bounded from below by the fullest minute,
and the duration by the minutes between the first and the last, so that an event here passes the thresholds;
events on their edge may be missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from teiten_collector.analysis.statements import DENIAL_EVENTS

if TYPE_CHECKING:
    from teiten_collector.analysis.exposure import Exposure
    from teiten_collector.analysis.scope import Scope
    from teiten_collector.store import Engine

IPV4_ADDRESSES = 2**32
"""What forged sources are drawn from."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What makes backscatter an attack; the values of Moore et al. 2006, section 4.

    Attributes:
        packets: Packets of the whole event, at least.
        seconds: How long it lasted, at least.
        packets_a_minute: Packets in its fullest minute, at least.
        pause_minutes: Longer pauses divide events.
    """

    packets: int = 25
    seconds: int = 60
    packets_a_minute: int = 30
    pause_minutes: int = 5


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack on one victim by one protocol.

    Attributes:
        victim: High and low half of its address, as the tables hold them.
        country: Its country; None where unknown.
        protocol: IP protocol of the attack: what was answered, or quoted in an error.
        first_minute: Minute of the first packet, since the Unix epoch.
        last_minute: Minute of the last.
        packets: Packets that came to the monitored addresses.
        most_in_a_minute: The most in one minute.
        port: The attacked port; None where there were several, or none (0).
    """

    victim: tuple[int, int]
    country: str | None
    protocol: int
    first_minute: int
    last_minute: int
    packets: int
    most_in_a_minute: int
    port: int | None


@dataclass(frozen=True, slots=True)
class Floor:
    """The smallest attack that can be seen.

    Attributes:
        addresses: Monitored addresses that observed, on the average of the period.
        packets_a_second: Rate of the victim's replies from which the threshold of a minute is met on average.
        packets: Replies in all from which the threshold of packets is met on average.
    """

    addresses: float
    packets_a_second: float
    packets: float


def attacks(engine: Engine, scope: Scope, thresholds: Thresholds | None = None) -> tuple[Attack, ...]:
    """The attacks that a scope saw, in the order of their first minutes."""
    limits = thresholds or Thresholds()
    if not scope.sensors:
        return ()
    rows = engine.rollup(
        DENIAL_EVENTS,
        [
            *scope.parameters,
            *scope.parameters,
            limits.pause_minutes,
            limits.packets,
            limits.seconds,
            limits.packets_a_minute,
        ],
        scope.days,
    ).to_pylist()
    return tuple(
        Attack(
            victim=(row["victim_high"], row["victim_low"]),
            country=row["country"],
            protocol=row["protocol"],
            first_minute=row["first_minute"],
            last_minute=row["last_minute"],
            packets=int(row["packets"]),
            most_in_a_minute=int(row["most_in_a_minute"]),
            port=row["low_port"] if row["low_port"] == row["high_port"] and row["low_port"] else None,
        )
        for row in rows
    )


def floor(exposure: Exposure, period_ns: int, thresholds: Thresholds | None = None) -> Floor | None:
    """The floor for the IPv4 addresses that were really observed; None where none was.

    Args:
        exposure: What was observed of IPv4.
        period_ns: Length of the period in nanoseconds.
        thresholds: The thresholds of `attacks`.
    """
    limits = thresholds or Thresholds()
    if exposure.observed <= 0 or period_ns <= 0:
        return None
    addresses = exposure.observed / period_ns
    scale = IPV4_ADDRESSES / addresses
    return Floor(addresses, limits.packets_a_minute / 60 * scale, limits.packets * scale)
