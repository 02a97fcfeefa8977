"""The scenario of August 2009 has the figures of the report that it is in the likeness of."""

from __future__ import annotations

from typing import Any

import pytest

from teiten_scenario.world import describe, plan

# Tables 3-1 and 3-2 of the National Police Agency's report of August 2009: rank, rank before, rate, change.
PORTS = {
    "445/TCP": (1, 1, 142.92, 11.83),
    "135/TCP": (2, 2, 56.09, -1.19),
    "8/ICMP": (3, 3, 36.77, 6.08),
    "2967/TCP": (4, 6, 23.40, 13.31),
    "1433/TCP": (5, 4, 22.73, -4.11),
    "4899/TCP": (7, 5, 5.74, -4.74),
    "1521/TCP": (11, 13, 2.61, 0.58),
    "8088/TCP": (18, 16, 1.05, -0.32),
    "17566/TCP": (26, None, 0.46, 0.46),
    "62400/TCP": (None, 27, 0.00, -0.58),
}
COUNTRIES = {
    "CN": (1, 1, 155.71, 41.05),
    "JP": (2, 2, 78.76, 4.82),
    "US": (3, 3, 25.36, 1.37),
    "RU": (4, 4, 19.55, 4.91),
    "TW": (5, 5, 15.55, 2.19),
    "KR": (7, 6, 8.72, -2.80),
    "HK": (12, 10, 5.09, -0.52),
    "GB": (18, 14, 2.63, -1.23),
    "CL": (29, 24, 1.37, -0.53),
    "VE": (36, 26, 0.99, -0.57),
}
RISES = ["2967/TCP", "445/TCP", "8/ICMP", "1521/TCP", "17566/TCP"]
FALLS = ["4899/TCP", "1433/TCP", "135/TCP", "62400/TCP", "8088/TCP"]


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return plan(describe("npa-2009-08")).truth()


def tables(truth: dict[str, Any], group: str, part: str) -> tuple[dict[str, float], dict[str, float]]:
    """Rates of August and of July."""
    august, july = (truth["periods"][period]["groups"][group] for period in ("2009-08", "2009-07"))
    return tuple(
        {name: count / found["address_days"] for name, count in found["ipv4"][part].items()}
        for found in (august, july)
    )  # type: ignore[return-value] # two of them


def rank(rates: dict[str, float], name: str) -> int | None:
    """Place of a name by rate, from 1."""
    return sorted(rates, key=lambda other: -rates[other]).index(name) + 1 if name in rates else None


def changes(truth: dict[str, Any], part: str) -> dict[str, float]:
    """Change of every rate from July to August."""
    august, july = tables(truth, "access", part)
    return {name: august.get(name, 0) - july.get(name, 0) for name in august | july}


@pytest.mark.parametrize(("part", "table"), [("keys", PORTS), ("countries", COUNTRIES)])
def test_tables_of_ports_and_countries_are_those_of_the_report(
    truth: dict[str, Any], part: str, table: dict[str, tuple[int | None, int | None, float, float]]
) -> None:
    august, july = tables(truth, "access", part)
    for name, (now, before, rate, change) in table.items():
        assert (rank(august, name), rank(july, name)) == (now, before), name
        assert august.get(name, 0) == pytest.approx(rate, abs=0.006), name
        assert august.get(name, 0) - july.get(name, 0) == pytest.approx(change, abs=0.011), name


def test_most_risen_and_most_fallen_are_those_of_the_report(truth: dict[str, Any]) -> None:
    ports = changes(truth, "keys")
    assert sorted(ports, key=lambda name: -ports[name])[:5] == RISES
    assert sorted(ports, key=lambda name: ports[name])[:5] == FALLS
    countries = changes(truth, "countries")
    assert sorted(countries, key=lambda name: -countries[name])[:5] == ["CN", "RU", "JP", "TW", "US"]
    assert sorted(countries, key=lambda name: countries[name])[:5] == ["KR", "GB", "VE", "CL", "HK"]


def test_totals_are_those_of_the_report(truth: dict[str, Any]) -> None:
    august, july = tables(truth, "access", "countries")
    assert sum(august.values()) == pytest.approx(412.0, abs=0.05)
    assert sum(july.values()) == pytest.approx(360.1, abs=0.05)
    august, july = tables(truth, "ids", "countries")
    assert sum(august.values()) == pytest.approx(11.4, abs=0.05)
    assert sum(july.values()) == pytest.approx(11.0, abs=0.05)
    assert august["DE"] == pytest.approx(1.25, abs=0.02)
    assert 200_000 <= sum(sensor["packets"] for sensor in truth["sensors"].values()) <= 400_000


def test_the_months_events_are_there(truth: dict[str, Any]) -> None:
    events = {event["name"]: event for event in truth["events"]}
    assert events["2967/TCP from source port 6000"]["countries"].keys() == {"CN"}
    poland = events["17566/TCP for two days"]["countries"]
    assert poland["PL"] / sum(poland.values()) == pytest.approx(0.6, abs=0.08)
    assert events["42/TCP after MS09-039"]["sensors"] == ["fukuoka-01", "osaka-01", "tokyo-01"]
    assert events["23/TCP after MS09-042"]["sources"] > 40
    assert events["a misconfigured resolver asks for all records"]["sources"] == 1
    assert [
        event["countries"].keys() for event in truth["events"] if event["kind"] == "backscatter-burst"
    ] == [
        {"CN"},
        {"RU"},
        {"US"},
    ]
