"""July and August 2009 as packets whose counts are the reference's to the last digit, with its events.

The scenario `npa-2009-08` has the reference's rates and events; here each printed row gets whole counts that
round to its printed rate, change and percentage at once (`tests.report.reference_month`), over enough
addresses that there are such counts. What signatures detect is sent as packets that exactly one built-in
signature knows.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from ipaddress import ip_network
from typing import TYPE_CHECKING

from teiten_protocol import Class, Form
from teiten_scenario.description import Surge
from teiten_scenario.payloads import PayloadKind
from teiten_scenario.world import World, describe, plan
from tests.report.reference_month import DETECTION_FILLERS, exact_counts
from tests.report.reference_tables import CATEGORIES, COUNTRIES, DETECTION_COUNTRIES, PORTS, Printed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from teiten_scenario.description import Description, Mix, Traffic

SCENARIO = "npa-2009-08"
DAYS = 31
MONITORED = {
    "tokyo-01": "198.51.100.0/28",
    "osaka-01": "203.0.113.64/29",
    "fukuoka-01": "192.0.2.128/29",
    "ids-01": "198.18.4.0/23",
}
ADDRESS_DAYS = 32 * DAYS
DETECTION_DAYS = 512 * DAYS
KINDS = {
    "Worm": PayloadKind.SLAMMER,
    "DNS": PayloadKind.DNS_ANY,
    "DoS": PayloadKind.PING,
    "UDP spam": PayloadKind.POPUP,
    "Others": PayloadKind.ISAKMP_VENDOR,
}
"""What is sent for each category but Scan, whose packets are segments without any flag (a NULL scan)."""
NULL_SCANNED = 1080

Rates = dict[str, float]


def reference_world() -> World:
    """Every packet of the two months."""
    world = plan(_description(describe(SCENARIO)))
    packets = world.packets
    detector = [sensor.id for sensor in world.description.sensors].index("ids-01")
    scanned = (packets.value == NULL_SCANNED) & (packets.form == Form.TCP) & (packets.sensor == detector)
    packets.flags[scanned] = 0
    packets.class_[scanned] = Class.OTHER
    return world


def _description(given: Description) -> Description:
    access, signatures = given.mixes
    sensors = [
        replace(sensor, monitored=(ip_network(MONITORED[sensor.id]),), noise={}) for sensor in given.sensors
    ]
    return replace(
        given,
        sensors=tuple(sensors),
        mixes=(_accesses(access), _detections(signatures, list(access.countries))),
    )


def _accesses(mix: Mix) -> Mix:
    ports = {row.key: row for row in PORTS}
    traffic = [
        replace(one, rates=_exact(ports[key], ADDRESS_DAYS))
        if (key := _key(one)) in ports and one.rates is not None
        else one
        for one in mix.traffic
    ]
    # What the reference calls negligible: one packet of what July had had.
    (last,) = (one for one in mix.events if isinstance(one, Surge) and one.name == "62400/TCP in July")
    once = replace(last, name="one more", first=date(2009, 8, 10), daily=(1 / 32,), sources=1)
    return replace(
        mix,
        countries=_countries(mix, COUNTRIES, ADDRESS_DAYS),
        traffic=tuple(traffic),
        events=(*mix.events, once),
    )


def _detections(mix: Mix, codes: Sequence[str]) -> Mix:
    counts = {row.key: _exact(row, DETECTION_DAYS) for row in CATEGORIES}
    countries = {row.key: _exact(row, DETECTION_DAYS) for row in DETECTION_COUNTRIES}
    others = (code for code in codes if code not in countries)
    countries |= {
        code: _whole({"2009-07": july, "2009-08": august}, DETECTION_DAYS)
        for code, (august, july) in zip(others, DETECTION_FILLERS, strict=False)
    }
    left = {
        month: sum(rates[month] for rates in countries.values())
        - sum(rates[month] for rates in counts.values())
        for month in ("2009-07", "2009-08")
    }
    halves = {month: round(rate * DETECTION_DAYS) // 2 for month, rate in left.items()}
    counts["UDP spam"] = {month: half / DETECTION_DAYS for month, half in halves.items()}
    counts["Others"] = {month: rate - counts["UDP spam"][month] for month, rate in left.items()}
    by_payload = {one.shape.payload: one for one in mix.traffic}
    sent = [
        replace(by_payload.get(kind, by_payload[PayloadKind.DNS_VERSION]), rates=counts[name])
        for name, kind in KINDS.items()
    ]
    sent = [
        replace(one, shape=replace(one.shape, payload=kind))
        for one, kind in zip(sent, KINDS.values(), strict=True)
    ]
    scanned = next(one for one in mix.traffic if one.shape.key.low == NULL_SCANNED)
    return replace(mix, countries=countries, traffic=(*sent, replace(scanned, rates=counts["Scan"])))


def _countries(mix: Mix, printed: Sequence[Printed], days: int) -> dict[str, Rates]:
    """Whole counts of every country, as rates."""
    exact = {row.key: _exact(row, days) for row in printed}
    return {code: exact.get(code) or _whole(rates, days) for code, rates in mix.countries.items()}


def _whole(rates: Rates, days: int) -> Rates:
    """The nearest rates that are whole counts."""
    return {month: round(rate * days) / days for month, rate in rates.items()}


def _exact(row: Printed, days: int) -> Rates:
    counts = exact_counts(row, days=days)
    return {"2009-07": counts.july / days, "2009-08": counts.august / days}


def _key(one: Traffic) -> str:
    key = one.shape.key
    return "" if key.scattered else f"{key.low}/{key.form.name}"
