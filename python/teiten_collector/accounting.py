"""Why the centre shows nothing: how each sensor stands now, and when each was not observing.

Two sources: what the door noted of each sensor's requests (`Contact`), and the spans of the batches
themselves.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from teiten_collector.analysis.statements import OVERLAPS
from teiten_collector.store import Contact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from teiten_collector.store import Engine, Sensor, Store, Told

SECOND_NS: Final = 1_000_000_000
SILENT_NS: Final = 600 * SECOND_NS
"""Ten intervals of the usual length, and longer than a sensor takes to start again."""
BEHIND_NS: Final = 1_800 * SECOND_NS
"""A sensor that is heard and whose spans end so long ago: it captures nothing, or has a backlog to send."""
DRIFT_NS: Final = 5 * SECOND_NS
"""A clock so far off puts one packet in twelve into a neighbouring minute; NTP keeps within milliseconds."""
LOSING_NS: Final = 3_600 * SECOND_NS
"""How long a loss stays a sensor's state after the last batch that told of one."""


class State(StrEnum):
    """How a sensor stands. It may be in several at once; `OK` and `NEVER` stand alone."""

    OK = "ok"
    NEVER = "never-heard"
    DISABLED = "disabled"
    SILENT = "silent"
    BEHIND = "behind"
    LOSING = "losing"
    DRIFTING = "drifting"


@dataclass(frozen=True, slots=True)
class Standing:
    """A sensor, the states it is in, and a sentence on each that is not `OK`: what it means, what to do."""

    sensor: Sensor
    contact: Contact
    states: tuple[State, ...]
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A span that no batch of a sensor covers, between two that are covered; nanoseconds of Unix time."""

    sensor: str
    from_ns: int
    to_ns: int


@dataclass(frozen=True, slots=True)
class Missing:
    """Batches of an epoch that never came, between those that did: first and last number."""

    sensor: str
    epoch: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """A time that two epochs of a sensor both observed; nanoseconds of Unix time.

    The same captures were replayed twice with other spans or settings, two agents have one name, or a clock
    was set back. Packets of both are counted, the time once.
    """

    sensor: str
    epochs: tuple[int, int]
    from_ns: int
    to_ns: int


def standings(sensors: Iterable[Sensor], contacts: Iterable[Contact], now_ns: int) -> Iterator[Standing]:
    """How each registered sensor stands, in the order given."""
    known: Mapping[str, Contact] = {contact.sensor: contact for contact in contacts}
    for sensor in sensors:
        contact = known.get(sensor.id, Contact(sensor.id))
        found = list(_found(sensor, contact, now_ns))
        states = tuple(state for state, _ in found) or (State.OK,)
        yield Standing(sensor, contact, states, tuple(said for _, said in found))


def listing(store: Store, contacts: Iterable[Contact], now_ns: int) -> dict[str, object]:
    """Every registered sensor as `sensor list --json` prints it and `GET /v1/sensors` answers it.

    Raises:
        StoreError: The store cannot be asked.
    """
    told = store.fleet.conditions()
    found = standings(store.registry.list(), contacts, now_ns)
    return {"sensors": [_document(standing, told.get(standing.sensor.id)) for standing in found]}


def iso(moment_ns: int) -> str:
    """A moment of Unix time, in whole seconds of UTC, as ISO 8601 has it."""
    return datetime.fromtimestamp(moment_ns // SECOND_NS, UTC).isoformat()


def gaps(engine: Engine) -> Iterator[Gap]:
    """Every span between a sensor's first and last observation that none covers, by sensor and time."""
    for row in engine.query(_GAPS).to_pylist():
        yield Gap(row["sensor"], row["from_ns"], row["to_ns"])


def overlaps(engine: Engine) -> Iterator[Overlap]:
    """Every time that two epochs of a sensor both observed, by sensor and time."""
    for row in engine.query(OVERLAPS.format(chosen="true")).to_pylist():
        yield Overlap(row["sensor"], (row["epoch"], row["other"]), row["start_ns"], row["end_ns"])


def missing(engine: Engine) -> Iterator[Missing]:
    """Every run of numbers that is missing in an epoch, by sensor, epoch and number.

    A batch that is missing waits in its sensor's spool, was refused, or is lost; losses come back as
    counters.
    """
    for row in engine.query(_MISSING).to_pylist():
        yield Missing(row["sensor"], row["epoch"], row["first"], row["last"])


def _document(standing: Standing, told: Told | None) -> dict[str, object]:
    sensor, contact = standing.sensor, standing.contact
    return {
        "id": sensor.id,
        "enabled": sensor.enabled,
        "states": list(standing.states),
        "said": list(standing.said),
        "last_heard": None if not contact.heard_ns else iso(contact.heard_ns),
        "observed_until": None if not contact.observed_to_ns else iso(contact.observed_to_ns),
        "clock_offset_seconds": None if contact.offset_ns is None else contact.offset_ns / 1e9,
        "lost_packets": contact.lost_packets,
        "condition": None
        if told is None
        else {**asdict(told.condition), "reported": iso(told.reported_ns), "since": iso(told.since_ns)},
        "groups": list(sensor.groups),
        "monitored": [
            {
                "network": str(registration.network),
                "from": None if registration.from_ns == 0 else iso(registration.from_ns),
                "to": None if registration.to_ns is None else iso(registration.to_ns),
            }
            for registration in sensor.registrations
        ],
    }


def _found(sensor: Sensor, contact: Contact, now_ns: int) -> Iterator[tuple[State, str]]:
    if not sensor.enabled:
        yield (
            State.DISABLED,
            "every token of it is refused; teiten-collector sensor rotate gives it a new one",
        )
        return
    if not contact.heard_ns:
        yield (
            State.NEVER,
            "no request with its token ever came; on the sensor, teiten-agent check says why",
        )
        return
    silent_ns = now_ns - contact.heard_ns
    behind_ns = contact.heard_ns - contact.observed_to_ns
    if silent_ns > SILENT_NS:
        said = f"nothing came for {_time(silent_ns)}; see to its power, its network and its agent"
        yield State.SILENT, said
    elif contact.observed_to_ns and behind_ns > BEHIND_NS:
        said = f"it is heard, but what it observed ends {_time(behind_ns)} before: a backlog, or no capture"
        yield State.BEHIND, said
    if contact.lost_ns and now_ns - contact.lost_ns <= LOSING_NS:
        ago = _time(now_ns - contact.lost_ns)
        said = (
            f"it told of lost packets {ago} ago, {contact.lost_packets} in all; teiten-agent status has more"
        )
        yield State.LOSING, said
    if contact.offset_ns is not None and abs(contact.offset_ns) > DRIFT_NS:
        side = "ahead" if contact.offset_ns > 0 else "behind"
        said = f"its clock is {_time(abs(contact.offset_ns))} {side}; run a time service (NTP) on it"
        yield State.DRIFTING, said


def _time(nanoseconds: int) -> str:
    seconds = nanoseconds // SECOND_NS
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"


_GAPS: Final = """
    SELECT sensor, covered AS from_ns, start_ns AS to_ns FROM (
        SELECT sensor, start_ns, max(end_ns) OVER (
            PARTITION BY sensor ORDER BY start_ns, end_ns ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS covered FROM observations)
    WHERE start_ns > covered ORDER BY 1, 2"""

_MISSING: Final = """
    SELECT sensor, epoch, (before + 1)::BIGINT AS first, (sequence - 1)::BIGINT AS last FROM (
        SELECT sensor, epoch, sequence,
            lag(sequence, 1, -1) OVER (PARTITION BY sensor, epoch ORDER BY sequence) AS before
        FROM (SELECT DISTINCT sensor, epoch, sequence FROM observations))
    WHERE sequence > before + 1 ORDER BY 1, 2, 3"""
