"""`check` on the way from the wire to the count: each step that can fail, failing for real."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.agent.agent import Agent
from tests.agent.traffic import syn
from tests.live.running import configure
from tests.live.wire import SPOKEN, ip

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.live.wire import Wire

HERE = syn("203.0.113.1", "192.0.2.1", 445)
ELSEWHERE = syn("203.0.113.1", "198.51.100.9", 445)


@pytest.fixture
def agent(tmp_path: Path, wire: Wire) -> Agent:
    """A sensor that captures from the heard end."""
    del wire
    agent = Agent(tmp_path)
    configure(agent)
    return agent


@contextmanager
def coming(wire: Wire, frame: bytes) -> Iterator[None]:
    """A frame comes again and again."""
    ended = threading.Event()

    def send() -> None:
        while not ended.wait(0.01):
            wire.send([frame])

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def step(agent: Agent, name: str, *words: str, expect: int = 0) -> dict[str, Any]:
    document = agent.document("check", *words, expect=expect)
    (found,) = (one for one in document["steps"] if one["name"] == name)
    return dict(found)


def test_packets_to_monitored_addresses_are_heard(wire: Wire, agent: Agent) -> None:
    with coming(wire, HERE):
        assert step(agent, "traffic", "--listen", "1")["state"] == "ok"


def test_packets_to_others_alone_are_told_apart(wire: Wire, agent: Agent) -> None:
    with coming(wire, ELSEWHERE):
        found = step(agent, "traffic", "--listen", "1", expect=1)
    assert "and none to a monitored address" in found["said"]
    assert "sensor.monitored" in found["remedy"]


def test_a_filter_that_lets_nothing_through_is_told_apart(wire: Wire, agent: Agent) -> None:
    configure(agent, more='filter = "udp"')
    with coming(wire, HERE):
        found = step(agent, "traffic", "--listen", "1", expect=1)
    assert "capture.filter let nothing through" in found["said"]


def test_silence_proves_nothing_unless_one_listens_for_it(agent: Agent) -> None:
    found = step(agent, "traffic", "--listen", "1", expect=1)
    assert (found["state"], found["said"]) == ("failed", "no packet came in 1 s")
    found = step(agent, "traffic")
    assert found["state"] == "unsure"
    assert "--listen SECONDS" in found["remedy"]


def test_an_interface_that_hears_no_other_end_is_named(agent: Agent) -> None:
    ip("link", "set", SPOKEN, "down")
    found = step(agent, "interface", expect=78)
    assert "hears no other end" in found["said"]
    assert "cable" in found["remedy"]
