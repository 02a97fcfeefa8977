"""How the sensors stand, asked over HTTP: the words of `sensor list`, for readers alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from teiten_collector.door import Refusal, RefusalCode
from teiten_collector.door.rates import READINGS_A_MINUTE, Rates
from tests.door.conftest import wait_until
from tests.door.in_process import PLENTY
from tests.door.requesting import TIMEOUT_SECONDS, headers, post, send
from tests.store.building import batch

if TYPE_CHECKING:
    from tests.door.conftest import Collector


def ask(collector: Collector, token: str | None) -> requests.Response:
    authorization = {} if token is None else {"Authorization": f"Bearer {token}"}
    return requests.get(f"{collector.url}/v1/sensors", headers=authorization, timeout=TIMEOUT_SECONDS)


def listed(collector: Collector) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(collector.command("sensor", "list", "--json").stdout)
    return document


@pytest.fixture(scope="module")
def reader(collector: Collector) -> str:
    added = collector.command("reader", "add", "analysts")
    assert added.returncode == 0, added.stderr
    return added.stdout.split()[-1]


def test_a_reader_is_told_what_sensor_list_says(collector: Collector, reader: str) -> None:
    assert send(collector, batch(1, counters={"lost.full_packets": 40})).status_code == 201
    wait_until(lambda: ask(collector, reader).json() == listed(collector))
    answer = ask(collector, reader)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    told = {sensor["id"]: sensor for sensor in answer.json()["sensors"]}
    assert told["tokyo-01"]["states"] == ["behind", "losing"]
    assert told["tokyo-01"]["lost_packets"] == 40
    assert told["osaka-01"]["states"] == ["never-heard"]
    assert "teiten-agent check" in told["osaka-01"]["said"][0]


def test_a_sensor_that_is_disabled_is_told_at_once(collector: Collector, reader: str) -> None:
    assert collector.command("sensor", "add", "kobe-01", "--monitored", "192.0.2.0/28").returncode == 0
    assert collector.command("sensor", "disable", "kobe-01").returncode == 0
    (kobe,) = [sensor for sensor in ask(collector, reader).json()["sensors"] if sensor["id"] == "kobe-01"]
    assert (kobe["enabled"], kobe["states"]) == (False, ["disabled"])


def test_nobody_else_is_told(collector: Collector, reader: str) -> None:
    for token in (None, "", "nobody", reader[:-1], collector.tokens["tokyo-01"]):
        answer = ask(collector, token)
        assert (answer.status_code, answer.json()["error"]) == (401, "token")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert "tokyo-01" not in answer.text


def test_a_reader_brings_nothing_in(collector: Collector, reader: str) -> None:
    refused = post(collector, b"", changed=headers(reader))
    assert (refused.status_code, refused.json()["error"]) == (401, "token")


def test_a_reader_that_is_removed_is_refused_from_the_next_question_on(collector: Collector) -> None:
    token = json.loads(collector.command("reader", "add", "leaving", "--json").stdout)["token"]
    assert ask(collector, token).status_code == 200
    assert "leaving since 20" in collector.command("reader", "list").stdout
    assert collector.command("reader", "remove", "leaving").returncode == 0
    assert ask(collector, token).status_code == 401
    names = [
        one["name"] for one in json.loads(collector.command("reader", "list", "--json").stdout)["readers"]
    ]
    assert "leaving" not in names
    assert "there is no reader leaving" in collector.command("reader", "remove", "leaving").stderr


def test_a_reader_that_asks_without_end_is_slowed_down_and_no_other() -> None:
    now = [0.0]
    rates = Rates(PLENTY, clock=lambda: now[0])
    for _ in range(READINGS_A_MINUTE):
        rates.admit_reading("analysts")
    with pytest.raises(Refusal) as refused:
        rates.admit_reading("analysts")
    assert (refused.value.code, refused.value.retry_after) == (RefusalCode.RATE, 1)
    rates.admit_reading("dashboard")
    now[0] = 1.0
    rates.admit_reading("analysts")
