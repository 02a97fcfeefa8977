"""Conditions and releases over HTTP: the real uplink against the real door."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
import requests

from teiten_agent.config.model import Uplink as UplinkConfiguration
from teiten_agent.errors import ConfigurationError, UnreachableError
from teiten_agent.uplink import Uplink
from teiten_protocol.fleet import CONDITION_PATH, RELEASE_PATH, Condition, Order, Outcome
from tests.door.conftest import Collector
from tests.door.requesting import TIMEOUT_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = bytes(range(256)) * 4096
RELEASE = hashlib.sha256(CONTENT).hexdigest()


def uplink(collector: Collector, home: Path, sensor: str = "tokyo-01") -> Uplink:
    token = home / f"token-{sensor}"
    token.touch(mode=0o600)
    token.write_text(collector.tokens[sensor], encoding="ascii")
    return Uplink(UplinkConfiguration(collector=collector.url, token_file=str(token)))


@pytest.fixture
def rollout(collector: Collector, tmp_path: Path) -> int:
    file = tmp_path / "teiten.raucb"
    file.write_bytes(CONTENT)
    begun = collector.command(
        *("rollout", "start", str(file), "--group", "access", "--stages", "50", "100", "--soak-minutes", "0")
    )
    assert begun.returncode == 0, begun.stderr
    return int(begun.stdout.split()[-1])


def listed(collector: Collector, number: int) -> dict[str, object]:
    done = collector.command("rollout", "list", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = next(
        one for one in json.loads(done.stdout)["rollouts"] if one["number"] == number
    )
    return found


def test_a_release_reaches_the_fleet_in_stages(collector: Collector, rollout: int, tmp_path: Path) -> None:
    uplinks = {sensor: uplink(collector, tmp_path, sensor) for sensor in ("tokyo-01", "osaka-01")}
    orders = {sensor: one.report(Condition("1.0", "a")) for sensor, one in uplinks.items()}
    [first] = [sensor for sensor, order in orders.items() if order.release]
    assert orders[first] == Order(RELEASE, len(CONTENT))
    uplinks[first].fetch(orders[first], tmp_path / "bundle")
    assert (tmp_path / "bundle").read_bytes() == CONTENT

    good = Condition("2.0", "b", release=RELEASE, outcome=Outcome.GOOD)
    assert uplinks[first].report(good) == Order()
    [second] = set(uplinks) - {first}
    assert uplinks[second].report(Condition("1.0", "a")) == Order(RELEASE, len(CONTENT))
    uplinks[second].report(good)
    assert listed(collector, rollout)["done"]
    sensors = collector.command("sensor", "list").stdout
    assert f"runs 2.0, slot b, release {RELEASE[:16]} good" in sensors


def test_which_settings_of_the_operators_are_in_force_is_listed(collector: Collector, tmp_path: Path) -> None:
    uplink(collector, tmp_path).report(Condition("1.0", "a", generation=3, settings_generation=7))
    assert "rules of generation 3, settings of generation 7" in collector.command("sensor", "list").stdout
    [condition] = [
        one["condition"]
        for one in json.loads(collector.command("sensor", "list", "--json").stdout)["sensors"]
        if one["id"] == "tokyo-01"
    ]
    assert (condition["generation"], condition["settings_generation"]) == (3, 7)


def test_a_failure_is_listed_and_stops_it(collector: Collector, rollout: int, tmp_path: Path) -> None:
    for sensor in ("tokyo-01", "osaka-01"):
        failed = Condition("1.0", "a", release=RELEASE, outcome=Outcome.ROLLED_BACK, said="no upload in time")
        assert uplink(collector, tmp_path, sensor).report(failed) == Order()
    found = listed(collector, rollout)
    assert found["stopped"]
    assert "rolled-back: no upload in time" in str(found["stopped_for"])
    assert "-> stopped:" in collector.command("rollout", "list").stdout
    assert collector.command("rollout", "resume", str(rollout), "--most-failures", "2").returncode == 0
    assert listed(collector, rollout)["stopped"] is None
    assert collector.command("rollout", "stop", str(rollout)).returncode == 0
    assert collector.command("rollout", "stop", "9999").returncode == 2


@pytest.mark.usefixtures("rollout")
def test_a_fetch_goes_on_where_the_one_before_broke_off(collector: Collector, tmp_path: Path) -> None:
    (tmp_path / "bundle.part").write_bytes(CONTENT[:300_000])
    uplink(collector, tmp_path).fetch(Order(RELEASE, len(CONTENT)), tmp_path / "bundle")
    assert (tmp_path / "bundle").read_bytes() == CONTENT


@pytest.mark.usefixtures("rollout")
def test_a_damaged_part_is_thrown_away_and_not_put_in_place(collector: Collector, tmp_path: Path) -> None:
    (tmp_path / "bundle.part").write_bytes(b"x" * 300_000)
    sensor = uplink(collector, tmp_path)
    with pytest.raises(UnreachableError, match="came damaged"):
        sensor.fetch(Order(RELEASE, len(CONTENT)), tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
    sensor.fetch(Order(RELEASE, len(CONTENT)), tmp_path / "bundle")
    assert (tmp_path / "bundle").read_bytes() == CONTENT


def test_strangers_get_and_tell_nothing(collector: Collector, tmp_path: Path) -> None:
    stranger = uplink(collector, tmp_path)
    token = tmp_path / "unknown"
    token.touch(mode=0o600)
    token.write_text(f"teiten_{'0' * 16}_{'A' * 43}", encoding="ascii")
    stranger = Uplink(UplinkConfiguration(collector=collector.url, token_file=str(token)))
    with pytest.raises(ConfigurationError, match="does not know this sensor's token"):
        stranger.report(Condition("1.0"))
    answer = requests.get(f"{collector.url}{RELEASE_PATH}{RELEASE}", timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 401


def test_a_release_that_there_is_not_is_not_found(collector: Collector, tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="404"):
        uplink(collector, tmp_path).fetch(Order("0" * 64, 10), tmp_path / "bundle")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            b"{}",
            "body: must be an object of capturing, generation, outcome, release, said, settings_generation",
        ),
        (Condition("1").encode().replace(b', "settings_generation": 0', b""), ""),
        (
            Condition("1").encode().replace(b'"settings_generation": 0', b'"settings_generation": -1'),
            "settings_",
        ),
        (Condition("1").encode().replace(b'""', b'"odd"', 1), ""),
        (Condition("1").encode().replace(b"true", b"7"), "capturing: must be true or false"),
        (Condition("1").encode().replace(b'"release": ""', b'"release": "x"'), "release: must be a SHA-256"),
        (Condition("1").encode().replace(b'"outcome": ""', b'"outcome": "x"'), "outcome: must be one of"),
        (Condition("1").encode().replace(b'"1"', b'"' + b"1" * 201 + b'"'), "version: must be at most 200"),
    ],
)
def test_what_is_no_condition_is_told_where(collector: Collector, body: bytes, said: str) -> None:
    answer = requests.post(
        f"{collector.url}{CONDITION_PATH}",
        data=body,
        headers={
            "Authorization": f"Bearer {collector.tokens['tokyo-01']}",
            "Content-Type": "application/json",
        },
        timeout=TIMEOUT_SECONDS,
    )
    if said:
        assert answer.status_code == 422
        assert answer.json()["error"] == "condition"
        assert answer.json()["reason"].startswith(said)
    else:
        assert answer.status_code == 200
