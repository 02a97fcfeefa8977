"""Refusals are counted one by one, and logged once a minute per cause."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from teiten_collector.door import Refusal, RefusalCode, Refusals, Seldom

if TYPE_CHECKING:
    import pytest


def test_a_cause_is_logged_once_a_minute_and_every_refusal_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    refusals = Refusals(clock=lambda: now[0])
    conflict = Refusal(RefusalCode.CONFLICT, "known with other content")
    for second in range(121):
        now[0] = float(second)
        refusals.record(conflict, "tokyo-01")
    assert refusals.counts() == {RefusalCode.CONFLICT: 121}
    assert [record.getMessage().split("unlogged_before=")[1].split()[0] for record in caplog.records] == [
        "0",
        "59",
        "59",
    ]


def test_one_sensor_does_not_hide_another_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals(clock=lambda: 0.0)
    for sensor in ("tokyo-01", "osaka-01", "tokyo-01"):
        refusals.record(Refusal(RefusalCode.BATCH, "no batch"), sensor)
    assert len(caplog.records) == 2


def test_what_the_transport_says_of_strangers_is_logged_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    logger = logging.getLogger("tests.transport")
    seldom = Seldom(clock=lambda: now[0])
    logger.addFilter(seldom)
    try:
        for second in range(61):
            now[0] = float(second)
            logger.warning("Invalid HTTP request received.")
        logger.warning("something else")
    finally:
        logger.removeFilter(seldom)
    assert [record.getMessage() for record in caplog.records] == [
        "Invalid HTTP request received.",
        "Invalid HTTP request received. (and 59 times more since it was last said)",
        "something else",
    ]
