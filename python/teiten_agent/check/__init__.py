"""`teiten-agent check`: why the centre shows nothing, step by step from the sensor's side.

It builds everything, starts nothing, leaves the spool as it is, and says how to mend what does not work.

============  =======================================================================================
module        looks at
============  =======================================================================================
`sensor`      what stands on the sensor itself: configuration, rules, spool, clock
`hearing`     whether packets come: filter, interface, capability, traffic
`telling`     whether the collector takes what is told: token, name, connection, certificate, collector,
              registration, delivery
============  =======================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_agent import config
from teiten_agent.check import hearing, sensor, telling
from teiten_agent.check.step import State, Step, exit_code, failed, skipped, taken
from teiten_agent.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["State", "Step", "check", "exit_code"]


def check(path: str, listen_seconds: int | None = None) -> list[Step]:
    """Go through everything that the agent needs; later steps run even if earlier ones fail.

    Args:
        path: The configuration.
        listen_seconds: How long to listen for packets. Where it is named, hearing none to a monitored address
            fails the check; by default it is some seconds, which prove nothing.
    """
    return list(_steps(path, listen_seconds))


def _steps(path: str, listen_seconds: int | None) -> Iterator[Step]:
    yield taken("extension", sensor.extension)
    try:
        configuration = config.load(path)
    except AgentError as error:
        yield failed("configuration", error)
        names = (*sensor.STEPS, *hearing.STEPS, *telling.STEPS)
        yield from skipped(names, "needs the configuration")
        return
    yield Step("configuration", State.OK, path)
    yield from sensor.steps(configuration)
    yield from hearing.steps(configuration, listen_seconds)
    yield from telling.steps(configuration)
