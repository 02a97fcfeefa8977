"""From capture to report: what the scenario planned is what the collector states."""

from __future__ import annotations

from typing import Any

import pytest

from tests.end_to_end.conftest import Scenario
from tests.fleet import Collector

pytestmark = pytest.mark.end_to_end


def counts(rows: list[dict[str, Any]], field: str = "count") -> dict[str, int]:
    return {row["key"]: row[field] for row in rows if row[field]}


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_ports_countries_and_rates_equal_the_plan(collector: Collector, small: Scenario, family: str) -> None:
    for identity, sensor in small.enrol(collector).items():
        sensor.replay(*small.replay_arguments(identity))
    report = collector.report("2024-03-03", "--compare", "2024-03-01..2024-03-02")
    everything = {name: period["sensors"] for name, period in small.truth["periods"].items()}
    section = report["access" if family == "ipv4" else "access_ipv6"]
    days = "address_days" if family == "ipv4" else "prefix_days"
    for period, prefix in (("after", ""), ("before", "compare_")):
        sensors = everything[period].values()
        assert section[prefix + days] == pytest.approx(sum(sensor[days] for sensor in sensors))
        for table, planned in (("ports", "keys"), ("countries", "countries")):
            expected: dict[str, int] = {}
            for sensor in sensors:
                for key, count in sensor[family][planned].items():
                    expected[key] = expected.get(key, 0) + count
            assert counts(section[table], prefix + "count") == expected
        total = sum(sensor[family]["packets"] for sensor in sensors)
        assert section["total"][prefix + "count"] == total
        assert section["total"][prefix + "rate"] == pytest.approx(total / section[prefix + days])
