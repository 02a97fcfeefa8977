"""Whatever a sensor does wrong is refused and counted, keeps nothing, and costs no other its turn."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from teiten_collector.door import RefusalCode, answers, bodies
from tests.door.in_process import door
from tests.ingestion.fake_sensor import KNOWN, MISBEHAVIOURS, NO_REQUESTS, OTHER, Answer, FakeSensor
from tests.store.building import batch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LATER = {RefusalCode.RATE, RefusalCode.BUSY, RefusalCode.SLOW, RefusalCode.STORE}
"""Refusals after which the same request may be taken, so that they say when."""


@pytest.mark.parametrize("misbehave", MISBEHAVIOURS, ids=lambda one: one.__name__)
def test_whatever_a_sensor_does_wrong_is_refused_and_costs_no_other_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, misbehave: Callable[[FakeSensor], Answer]
) -> None:
    monkeypatch.setattr(bodies, "LEAST_BODY_SECONDS", 0.5)
    monkeypatch.setattr(answers, "DRAIN_SECONDS", 0.2)
    code = MISBEHAVIOURS[misbehave]
    with door(tmp_path) as given:
        sensor = FakeSensor(given)
        assert sensor.send(KNOWN).status == 201
        answer = misbehave(sensor)
        assert (answer.status, answer.error, answer.retry_after) == (code.status, code.text, code in LATER)
        assert given.refusals.counts()[code] >= 1
        assert sum(given.store.ledger.count().values()) == 1
        honest = sensor.send_as(OTHER, batch(1, sensor=OTHER))
        assert honest.status == 201
        assert sum(given.store.ledger.count().values()) == 2


@pytest.mark.parametrize("misbehave", NO_REQUESTS, ids=lambda one: one.__name__)
def test_what_is_no_request_is_told_so_and_counted(
    tmp_path: Path, misbehave: Callable[[FakeSensor], Answer]
) -> None:
    with door(tmp_path) as given:
        assert misbehave(FakeSensor(given)).status == 400
        assert given.connections.malformed == 1
        assert sum(given.store.ledger.count().values()) == 0


def test_a_store_that_cannot_write_says_later_and_takes_the_batch_then(tmp_path: Path) -> None:
    with door(tmp_path) as given:
        sensor = FakeSensor(given)
        shutil.rmtree(given.store.journal.directory)
        assert sensor.send(KNOWN) == Answer(503, "store", retry_after=True)
        given.store.journal.directory.mkdir()
        assert sensor.send(KNOWN).status == 201
        assert given.refusals.counts() == {RefusalCode.STORE: 1}


def test_a_repeat_is_no_misbehaviour(tmp_path: Path) -> None:
    with door(tmp_path) as given:
        sensor = FakeSensor(given)
        assert [sensor.send(KNOWN).status for _ in range(3)] == [201, 200, 200]
        assert given.refusals.counts() == {}


def test_every_refusal_is_provoked_here() -> None:
    assert {*MISBEHAVIOURS.values(), RefusalCode.STORE} == set(RefusalCode)
