"""Scenarios brought straight into a store's tables: the packets as planned, without frames and agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from teiten_collector.store import Store
from teiten_collector.store.facts import DETECTIONS, OBSERVATIONS, SCHEMAS, TUPLES
from teiten_collector.store.tables import Tables
from teiten_protocol import key_text
from teiten_scenario.packets import COUNTED
from teiten_scenario.payloads import PayloadKind
from teiten_scenario.world import plan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from teiten_scenario.description import Description
    from teiten_scenario.packets import Packets

    Column = pa.Array[Any] | pa.ChunkedArray[Any]

SIGNATURES = {
    PayloadKind.SLAMMER: 2003,
    PayloadKind.NACHI: 483,
    PayloadKind.DNS_ANY: 9_600_001,
    PayloadKind.DNS_VERSION: 9_600_002,
    PayloadKind.POPUP: 9_992_001,
    PayloadKind.ISAKMP_VENDOR: 9_993_001,
    PayloadKind.SIP_OPTIONS: 9_993_002,
}
"""What a detector would say of payloads, by made-up numbers where no public one is known."""
SCANS = {1080: 9_994_001, 3128: 9_994_002, 8080: 9_994_003}
LIST = """sid,message,category,classtype
483,Nachi,Worm,
2003,SQL Slammer,Worm,
9600001,DNS request made for all records,,
9600002,DNS port probe,,
9992001,MSRPC Popup Message,UDP spam,
9993001,ISAKMP Vendor ID,,
9993002,SIP message detected,,
9994001,Proxy port probe 1080,Scan,
9994002,Proxy port probe 3128,Scan,
9994003,Proxy port probe 8080,Scan,
9994004,Sweep of a subnet for active hosts,,
9995001,ICMP Echo Reply without Echo,,
"""


def store_world(
    description: Description, directory: Path, *, scale: float = 1.0, seed: int | None = None
) -> Path:
    """Plans a scenario and writes its packets; the store's directory."""
    world = plan(description, seed, scale)
    packets = world.packets.take(world.packets.reason == COUNTED)
    with Store.open(directory) as store:
        for sensor in description.sensors:
            store.registry.add(sensor.id, [str(network) for network in sensor.monitored], list(sensor.groups))
        tables = Tables(store.directory / "tables")
        tables.prepare()
        names = [sensor.id for sensor in description.sensors]
        codes = [country.code for country in description.countries]
        rows = {name: schema.empty_table() for name, schema in SCHEMAS.items()} | {
            "tuples": _tuples(packets, names, codes),
            "detections": _detections(packets, description, codes),
            "observations": _observations(description),
        }
        for _ in tables.append("stored-world", 1, rows):
            pass
        tables.publish()
    return directory


def _common(packets: Packets, names: list[str], codes: list[str]) -> dict[str, Column]:
    minute = (packets.time_us // 60_000_000).astype(np.int32)
    count = len(packets)
    return {
        "day": pa.array(minute // 1440, pa.int32()).view(pa.date32()),
        "minute": pa.array(minute),
        "sensor": _of(names, packets.sensor),
        "epoch": pa.repeat(pa.scalar(1, pa.int64()), count),
        "sequence": pa.repeat(pa.scalar(0, pa.int32()), count),
        "family": pa.array(packets.family.astype(np.int8)),
        "source_high": pa.array(packets.source_high.view(np.int64)),
        "source_low": pa.array(packets.source_low.view(np.int64)),
        "address_high": pa.array(packets.address_high.view(np.int64)),
        "address_low": pa.array(packets.address_low.view(np.int64)),
        "country": _of(codes, packets.country),
        "asn": pa.nulls(count, pa.int64()),
    }


def _of(texts: list[str], places: npt.NDArray[Any]) -> Column:
    """The text at each place."""
    return pa.DictionaryArray.from_arrays(
        pa.array(places.astype(np.int32).tolist(), pa.int32()), pa.array(texts)
    ).cast(pa.string())


def _tuples(packets: Packets, names: list[str], codes: list[str]) -> pa.Table:
    coded = packets.form.astype(np.int32) << 16 | packets.value
    distinct, inverse = np.unique(coded, return_inverse=True)
    texts = [key_text(int(code) >> 16, int(code) & 0xFFFF) for code in distinct]
    columns = _common(packets, names, codes) | {
        "key": _of(texts, inverse),
        "form": pa.array(packets.form.astype(np.int8)),
        "value": pa.array(packets.value.astype(np.int32)),
        "source_port": pa.array(packets.source_port.astype(np.int32)),
        "flags": pa.array(packets.flags.astype(np.int16)),
        "class": pa.array(packets.class_.astype(np.int8)),
        "tool": pa.array(packets.tool.astype(np.int8)),
        "packets": pa.repeat(pa.scalar(1, pa.int64()), len(packets)),
        "bytes": pa.array(packets.ip_length.astype(np.int64)),
    }
    return pa.Table.from_arrays([columns[name] for name in TUPLES.names], schema=TUPLES)


def _detections(packets: Packets, description: Description, codes: list[str]) -> pa.Table:
    """One detection a packet that a signature would know, of the sensors of the group `ids`."""
    names = [sensor.id for sensor in description.sensors]
    watching = [number for number, sensor in enumerate(description.sensors) if "ids" in sensor.groups]
    signature = np.zeros(len(packets), np.int64)
    kinds = list(PayloadKind)
    for kind, sid in SIGNATURES.items():
        signature[packets.payload == kinds.index(kind)] = sid
    for port, sid in SCANS.items():
        signature[(packets.form == 1) & (packets.value == port)] = sid
    plain = (packets.form == 3) & (signature == 0)
    signature[plain & (packets.value == 8)] = 9_994_004
    signature[plain & (packets.value == 0)] = 9_995_001
    chosen = (signature > 0) & np.isin(packets.sensor, watching)
    found = packets.take(chosen)
    columns = _common(found, names, codes) | {
        "signature": pa.array(signature[chosen]),
        "count": pa.repeat(pa.scalar(1, pa.int64()), len(found)),
    }
    return pa.Table.from_arrays([columns[name] for name in DETECTIONS.names], schema=DETECTIONS)


def _observations(description: Description) -> pa.Table:
    """One span for each sensor, over all of the scenario."""
    first = description.midnight_us(description.first) * 1000
    last = description.last
    end = description.midnight_us(last.fromordinal(last.toordinal() + 1)) * 1000
    names = [sensor.id for sensor in description.sensors]
    columns: Mapping[str, Column] = {
        "day": pa.array([first // (86_400 * 10**9)] * len(names), pa.int32()).view(pa.date32()),
        "sensor": pa.array(names),
        "start_ns": pa.array([first] * len(names), pa.int64()),
        "end_ns": pa.array([end] * len(names), pa.int64()),
        "sequence": pa.array([0] * len(names), pa.int32()),
        "counters": pa.array(["{}"] * len(names)),
        "steps": pa.array(["[]"] * len(names)),
        "country_database": pa.array(["Test-Country (2026-11-01)"] * len(names)),
        "network_database": pa.array([""] * len(names)),
    }
    nothing = pa.array([0] * len(names), pa.int64())
    return pa.Table.from_arrays(
        [columns.get(name, nothing) for name in OBSERVATIONS.names], schema=OBSERVATIONS
    )
