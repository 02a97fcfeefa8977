"""Sightings of sources in STIX 2.1 (OASIS, "STIX Version 2.1", 2021): a bundle, by the library stix2.

Each source is an indicator, what it sent is observed data, and a sighting says how often and when. Monitored
addresses are in none of them. Identifiers are drawn from what they name (UUID version 5), so that the same
data give the same bundle to the byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

from teiten_collector.analysis.flows import source_text
from teiten_collector.analysis.scope import Scope
from teiten_collector.analysis.statements import SIGHTED, for_family
from teiten_collector.analysis.tallies import code_key
from teiten_protocol import Family

if TYPE_CHECKING:
    from collections.abc import Iterable

    from teiten_collector.analysis.periods import Period
    from teiten_collector.store import Engine, Sensor

NAMESPACE: Final = UUID("6b0ab1c0-5e0c-5e53-9f6e-2f3b1a0d2009")
"""Of the identifiers that this program makes."""
MOST: Final = 999_999_999
"""The largest count that a sighting or observed data may have (sections 4.14 and 5.2)."""
KEYS: Final = 10
"""So many keys of a source are told, those with the most packets."""
_ADDRESS: Final = {Family.IPV4: "ipv4-addr", Family.IPV6: "ipv6-addr"}
_NETWORK: Final = {Family.IPV4: "ipv4", Family.IPV6: "ipv6"}
_TRANSPORTS: Final = {"TCP": "tcp", "UDP": "udp", "ICMP": "icmp", "ICMPv6": "icmp6"}


@dataclass(frozen=True, slots=True)
class Sighted:
    """What one source sent.

    Attributes:
        family: Which addresses.
        source: Its address.
        packets: How many in all.
        first: The start of the first minute.
        last: The end of the last.
        keys: Packets by key, most first.
    """

    family: Family
    source: str
    packets: int
    first: datetime
    last: datetime
    keys: tuple[tuple[str, int], ...]


def write(engine: Engine, sensors: tuple[Sensor, ...], period: Period, sources: int, file: IO[bytes]) -> int:
    """Writes the bundle; how many sightings it has."""
    found = sighted(engine, sensors, period, sources)
    file.write(bundle(found, period).encode() + b"\n")
    return len(found)


def sighted(engine: Engine, sensors: tuple[Sensor, ...], period: Period, sources: int) -> list[Sighted]:
    """The sources with the most packets, of both families together, most first."""
    found: dict[tuple[Family, str], list[dict[str, Any]]] = {}
    for family in Family:
        if not sensors:
            continue
        scope = Scope(sensors, family, period)
        rows = engine.query(for_family(SIGHTED, family), [*scope.parameters, sources]).to_pylist()
        for row in rows:
            source = source_text((row["source_high"], row["source_low"]), family)
            found.setdefault((family, source), []).append(row)
    made = [_sighted(family, source, rows) for (family, source), rows in found.items()]
    return sorted(made, key=lambda one: (-one.packets, int(one.family), one.source))[:sources]


def bundle(found: Iterable[Sighted], period: Period) -> str:
    """The bundle as JSON."""
    import stix2  # type: ignore[import-untyped] # noqa: PLC0415 - only this form needs it

    moment = datetime.fromtimestamp(period.end_ns // 1_000_000_000, UTC)
    stamp = {"created": moment, "modified": moment}
    sensors = stix2.Identity(
        id=_id("identity", "sensors"),
        name="Internet fixed-point observation",
        identity_class="system",
        **stamp,
    )
    objects: list[Any] = [sensors]
    for one in found:
        objects += _objects(stix2, one, stamp, sensors.id)
    # The bundle's own identifier too, or it would be drawn by chance.
    text = stix2.Bundle(
        *objects, id=_id("bundle", f"{period.first}/{period.last}/{len(objects)}"), allow_custom=False
    ).serialize(indent=1)
    return str(text)


def _sighted(family: Family, source: str, rows: list[dict[str, Any]]) -> Sighted:
    keys = sorted(
        ((code_key(row["code"]), int(row["packets"])) for row in rows), key=lambda one: (-one[1], one[0])
    )
    return Sighted(
        family,
        source,
        sum(packets for _, packets in keys),
        datetime.fromtimestamp(min(row["first_minute"] for row in rows) * 60, UTC),
        datetime.fromtimestamp((max(row["last_minute"] for row in rows) + 1) * 60, UTC),
        tuple(keys[:KEYS]),
    )


def _objects(stix2: Any, one: Sighted, stamp: dict[str, datetime], sensors: str) -> list[Any]:  # noqa: ANN401 - the library ships no types
    kind = _ADDRESS[one.family]
    address = (stix2.IPv4Address if one.family is Family.IPV4 else stix2.IPv6Address)(value=one.source)
    traffic = [_traffic(stix2, address.id, one.family, key, packets) for key, packets in one.keys]
    count = min(one.packets, MOST)
    seen = f"{one.source}/{one.first.isoformat()}/{one.last.isoformat()}"
    indicator = stix2.Indicator(
        id=_id("indicator", one.source),
        pattern=f"[{kind}:value = '{one.source}']",
        pattern_type="stix",
        valid_from=one.first,
        indicator_types=["anomalous-activity"],
        created_by_ref=sensors,
        **stamp,
    )
    observed = stix2.ObservedData(
        id=_id("observed-data", seen),
        first_observed=one.first,
        last_observed=one.last,
        number_observed=count,
        object_refs=[address.id, *(found.id for found in traffic)],
        created_by_ref=sensors,
        **stamp,
    )
    sighting = stix2.Sighting(
        id=_id("sighting", seen),
        sighting_of_ref=indicator.id,
        observed_data_refs=[observed.id],
        where_sighted_refs=[sensors],
        first_seen=one.first,
        last_seen=one.last,
        count=count,
        created_by_ref=sensors,
        **stamp,
    )
    return [address, *traffic, indicator, observed, sighting]


def _traffic(stix2: Any, address: str, family: Family, key: str, packets: int) -> Any:  # noqa: ANN401 - as above
    value, _, name = key.partition("/")
    transport = _TRANSPORTS.get(name)
    port = {"dst_port": int(value)} if transport in {"tcp", "udp"} and value.isdigit() else {}
    return stix2.NetworkTraffic(
        id=_id("network-traffic", f"{address}/{key}"),
        src_ref=address,
        protocols=[_NETWORK[family], *([transport] if transport else [])],
        src_packets=min(packets, MOST),
        **port,
    )


def _id(kind: str, named: str) -> str:
    return f"{kind}--{uuid5(NAMESPACE, f'{kind}/{named}')}"
