"""A JSON document with every part that a report can have, made up without chance: August 2009 against July.

It stands for what `report --format json` prints; the forms are held to it where the data of a store would
take long to make. Counts follow a few formulas, so that every figure has something to show: a surge, a gap,
a burst.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from math import sin
from typing import TYPE_CHECKING, Any

from teiten_collector.analysis.ranks import Figure, compare, rank_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIRST = date(2009, 7, 1)
DAYS = tuple(FIRST + timedelta(days=number) for number in range(62))
AUGUST = 31
ADDRESSES = 100
UNOBSERVED = 40
"""The place of a day on which nothing was observed."""
PORTS = {
    "445/TCP": 140.0,
    "135/TCP": 56.0,
    "8/ICMP": 36.0,
    "2967/TCP": 23.0,
    "1433/TCP": 22.0,
    "22/TCP": 9.0,
    "4899/TCP": 7.0,
    "23/TCP": 5.0,
    "1434/UDP": 4.0,
    "80/TCP": 3.0,
    "1521/TCP": 2.6,
    "42/TCP": 0.2,
}
COUNTRIES = {
    "CN": 0.4,
    "JP": 0.2,
    "US": 0.1,
    "RU": 0.08,
    "TW": 0.07,
    "KR": 0.05,
    "BR": 0.04,
    "DE": 0.03,
    "GB": 0.02,
    "VE": 0.01,
}
CATEGORIES = {"Worm": 5.9, "Scan": 3.5, "DNS": 1.4, "DoS": 0.5, "UDP spam": 0.2, "Others": 0.1}
MESSAGES = {
    "1": "SQL Slammer worm propagation",
    "2": "Sweep of a subnet for active hosts",
    "3": "DNS request made for all records",
    "4": "<script>alert('a signature writes its own message')</script>",
}


def complete_document() -> dict[str, Any]:
    """The document."""
    return {
        "period": {"from": "2009-08-01", "to": "2009-08-31", "days": 31},
        "compare": {"from": "2009-07-01", "to": "2009-07-31", "days": 31},
        "timezone": "Asia/Tokyo",
        "home_country": "JP",
        "missing": {
            "complete": False,
            "gaps": [_lack(from_="2009-08-10T00:00:00+09:00", to="2009-08-11T00:00:00+09:00")],
            "batches": [
                _lack(from_=None, to="2009-08-10T00:00:00+09:00", epoch="0000000000000001", first=0, last=2)
            ],
            "losses": [
                _lack(
                    from_="2009-08-11T00:00:00+09:00",
                    to="2009-08-11T01:00:00+09:00",
                    reason="full",
                    batches=3,
                    packets=120,
                )
            ],
        },
        "survey_scanners": [
            {"network": "192.0.2.0/24", "operator": "Example Survey", "source": "", "checked": ""}
        ],
        "access": _access(),
        "access_ipv6": {
            **_observed("prefix_days"),
            **_rows("ports", {"445/TCP": 0.4, "128/ICMPv6": 0.2}),
            "without_surveys": _without(ports={"445/TCP": 0.3, "128/ICMPv6": 0.2}),
        },
        "signatures": _signatures(),
        "bulletins": _bulletins(),
        "findings": _findings(),
        "categories": [
            {"id": name, "title": {"ja": name, "en": name}, "examples": [f"An example of {name}"]}
            for name in CATEGORIES
        ],
        "signatures_known": len(MESSAGES),
        "country_database": "DBIP-Country-Lite (2026-11-01)",
        "country_credit": "IP Geolocation by DB-IP (https://db-ip.com)",
    }


def _lack(*, from_: str | None, to: str, **said: object) -> dict[str, Any]:
    return {"sensor": "osaka-01", "from": from_, "to": to, **said}


def _without(**tables: Mapping[str, float]) -> dict[str, Any]:
    """Everything less a tenth, which an example's scanner sent."""
    scanner = {"Example Survey": sum(sum(rates.values()) for rates in tables.values()) / 10}
    rows = {name: _rows("rows", rates)["rows"] for name, rates in tables.items()}
    total = _rows("rows", next(iter(tables.values())))["total"]
    return {"scanners": _rows("rows", scanner)["rows"], "total": total, **rows}


def _observed(unit: str) -> dict[str, Any]:
    days = float(ADDRESSES * AUGUST)
    return {
        unit: days - ADDRESSES,
        f"compare_{unit}": days,
        f"registered_{unit}": days,
        f"compare_registered_{unit}": days,
        "sensors": 4,
        "compare_sensors": 4,
    }


def _wave(name: str, place: int) -> float:
    """Something that goes up and down by the day, differently for each name."""
    seed = sum(map(ord, name))
    return 1 + 0.25 * sin(place * 0.7 + seed) + 0.15 * sin(place * 2.3 + seed * 3)


def _rate(name: str, rate: float, place: int) -> float:
    if name in {"42/TCP", "23/TCP"}:
        return rate * (4 if 42 <= place < 48 else 0.3) * _wave(name, place)
    if name == "2967/TCP" and place > 50:
        return rate * 2.4 * _wave(name, place)
    return rate * _wave(name, place)


def _series(subjects: Mapping[str, float], parts: Mapping[str, float], inner: str) -> dict[str, Any]:
    return {name: _days(name, rate, parts, inner) for name, rate in subjects.items()}


def _days(name: str, rate: float, parts: Mapping[str, float], inner: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for place, day in enumerate(DAYS):
        if place == UNOBSERVED:
            found.append({"day": day.isoformat(), "rate": None, inner: {}})
            continue
        of_day = _rate(name, rate, place)
        weights = {part: weight * _wave(name + part, place) for part, weight in parts.items()}
        whole = sum(weights.values())
        found.append(
            {
                "day": day.isoformat(),
                "rate": of_day,
                inner: {part: of_day * weight / whole for part, weight in weights.items()},
            }
        )
    return found


def _rows(name: str, rates: Mapping[str, float]) -> dict[str, Any]:
    days = ADDRESSES * AUGUST
    august = {key: Figure(round(rate * days), 40 + place) for place, (key, rate) in enumerate(rates.items())}
    july = {
        key: Figure(round(rate * days * _wave(key, 1)), 30 + place)
        for place, (key, rate) in enumerate(rates.items())
    }
    rows = [asdict(row) for row in rank_rows(august, july, days, days)]
    total = compare(
        "total",
        Figure(sum(figure.count for figure in august.values()), 900),
        Figure(sum(figure.count for figure in july.values()), 800),
        days,
        days,
    )
    return {"total": asdict(total), name: rows, "countries": []}


def _cross(subjects: Mapping[str, float]) -> dict[str, dict[str, int]]:
    days = ADDRESSES * AUGUST
    return {
        key: {code: round(rate * share * days * _wave(key + code, 3)) for code, share in COUNTRIES.items()}
        for key, rate in subjects.items()
    }


def _countries(subjects: Mapping[str, float]) -> list[dict[str, Any]]:
    whole = sum(subjects.values())
    rows: list[dict[str, Any]] = _rows("rows", {code: whole * share for code, share in COUNTRIES.items()})[
        "rows"
    ]
    return rows


def _access() -> dict[str, Any]:
    leading = dict(list(PORTS.items())[:5])
    whole = sum(PORTS.values())
    countries = {code: whole * share for code, share in list(COUNTRIES.items())[:5]}
    services = _rows("rows", {"53/UDP": 0.8, "123/UDP": 0.2})["rows"]
    return {
        **_observed("address_days"),
        **_rows("ports", PORTS),
        "countries": _countries(PORTS),
        "home_ports": _rows("rows", {key: rate * COUNTRIES["JP"] for key, rate in PORTS.items()})["rows"],
        "networks": _rows("rows", {"4134": 60.0, "2516": 30.0})["rows"],
        "classes": _rows("rows", {"probe": 290.0, "backscatter": 8.0, "reflected": 1.0, "other": 0.1})[
            "rows"
        ],
        "tools": _rows("rows", {"zmap": 20.0, "masscan": 10.0, "mirai": 2.0})["rows"],
        "by_sensor": [_sensor(name) for name in ("fukuoka-01", "osaka-01", "tokyo-01")],
        "ports_by_country": _cross(PORTS),
        "tools_by_port": {"445/TCP": {"zmap": 4_000, "masscan": 100}, "23/TCP": {"mirai": 9_000}},
        "reflected": [{**row, "bytes": 400 * row["count"]} for row in services],
        "without_surveys": _without(
            ports={key: rate * 0.9 for key, rate in PORTS.items()},
            countries={code: whole * share * 0.9 for code, share in COUNTRIES.items()},
        ),
        "backscatter": {
            "attacks": [
                {
                    "victim": "192.0.2.1",
                    "country": "RU",
                    "protocol": 6,
                    "port": 80,
                    "first": "2009-08-12T03:00:00+09:00",
                    "last": "2009-08-12T03:41:00+09:00",
                    "packets": 9_000,
                    "most_in_a_minute": 700,
                    "victim_packets": 3.9e11,
                }
            ],
            "attacks_seen": 1,
            "attack_floor": {"addresses": 100.0, "packets_a_second": 2.1e7, "packets": 1.1e9},
            "countries": _countries({"backscatter": 8.0}),
            "sources": [
                {
                    "source": "192.0.2.1",
                    "country": "RU",
                    "packets": 9_000,
                    "rate": 9_000 / (ADDRESSES * AUGUST),
                    "first": "2009-08-12T03:00:00+09:00",
                    "last": "2009-08-14T21:00:00+09:00",
                }
            ],
            "series": _days("backscatter", 8.0, COUNTRIES, "countries"),
        },
        "series": {
            "total": _days("total", whole, COUNTRIES, "countries"),
            "ports": _series(
                leading | {"42/TCP": 0.2, "23/TCP": 5.0, "554/TCP": 0.01}, COUNTRIES, "countries"
            ),
            "countries": _series(countries, PORTS, "ports"),
        },
    }


def _sensor(name: str) -> dict[str, Any]:
    return {
        "sensor": name,
        "days": 992.0,
        "registered_days": 1_024.0,
        "rate": 300.0 * _wave(name, 0),
        "rate_low": 290.0 * _wave(name, 0),
        "rate_high": 310.0 * _wave(name, 0),
        "compare_rate": None,
        "sources": 700,
    }


def _signatures() -> dict[str, Any]:
    by_signature = _rows("rows", {"1": 5.0, "2": 3.0, "3": 1.3, "4": 0.2})["rows"]
    countries = dict(list(COUNTRIES.items())[:5])
    whole = sum(CATEGORIES.values())
    return {
        **_observed("address_days"),
        **_rows("categories", CATEGORIES),
        "countries": _countries(CATEGORIES),
        "categories_by_country": _cross(CATEGORIES),
        "by_signature": [{**row, "message": MESSAGES[row["key"]]} for row in by_signature],
        "signatures_by_country": _cross({"1": 5.0, "2": 3.0, "3": 1.3, "4": 0.2}),
        "series": {
            "total": _days("signatures", whole, CATEGORIES, "categories"),
            "categories": _series(CATEGORIES, COUNTRIES, "countries"),
            "countries": _series(
                {code: whole * share for code, share in countries.items()}, CATEGORIES, "categories"
            ),
        },
    }


def _bulletins() -> list[dict[str, Any]]:
    def bulletin(identity: str, title: str, key: str, **said: object) -> dict[str, Any]:
        return {
            "id": identity,
            "title": title,
            "published": "2009-08-12",
            "key": key,
            "before": 0.06,
            "after": 0.8,
            "surge": True,
            "days_elevated": 6,
            "sources": 128,
            "sensors_reached": 4,
            "sensors_observing": 4,
            "reach": "all",
            "range": "exhaustive",
            "confidence": 0.99,
            **said,
        }

    quiet = {"surge": False, "days_elevated": 0, "reach": "few", "range": "insufficient-evidence"}
    return [
        bulletin("MS09-039", "WINS", "42/TCP", noticed="2009-08-07"),
        bulletin("MS09-042", "Telnet", "23/TCP"),
        bulletin("MS09-038", "RTSP", "554/TCP", sensors_reached=1, sources=1, after=0.07, **quiet),
        bulletin("961040", "SQL Server", "1433/TCP", reach="nearly-all", sensors_reached=3),
    ]


def _findings() -> list[dict[str, Any]]:
    def finding(kind: str, subject: str, ja: str, en: str, part: str = "access") -> dict[str, Any]:
        return {
            "kind": kind,
            "part": part,
            "subject": subject,
            "from": "2009-08-20",
            "to": "2009-08-31",
            "evidence": {},
            "text": {"ja": ja, "en": en},
        }

    return [
        finding(
            "fixed-source-port",
            "2967/TCP",
            "2967/TCP に対する 8 月下旬のアクセスのほとんどは、中国を発信元とする特定の 1IP アドレスからのも"
            "ので、発信元ポートは 6000 である。",
            "Most of the accesses to 2967/TCP in late August come from one address in China with source "
            "port 6000.",
        ),
        finding(
            "backscatter-burst",
            "RU",
            "ロシアからのアクセスの増加は、特定の IP アドレスからの跳ね返りパケットによるものである。",
            "The increase of Russia is backscatter of one victim.",
        ),
        finding(
            "category-single-source",
            "DNS",
            "DNS の検知の増加の 90% は、ドイツを発信元とする特定の IP アドレスによるものである。",
            "90% of the increase of DNS detections is one address in Germany.",
            part="signatures",
        ),
        finding(
            "surge",
            "42/TCP",
            "42/TCP に対するアクセスは、8 月 12 日から 6 日間増加した。",
            "Accesses to 42/TCP rose for six days from 12 August.",
        ),
        finding(
            "new-key",
            "1521/TCP",
            "1521/TCP は、前期にはほとんど検知していない。",
            "1521/TCP was hardly seen in the previous period.",
        ),
    ]


def part_names(document: Mapping[str, Any]) -> Sequence[str]:
    """The parts of a document that a report can do without."""
    return [name for name in ("access_ipv6", "signatures", "bulletins", "findings") if name in document]
