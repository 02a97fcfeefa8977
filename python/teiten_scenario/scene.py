"""What traffic and events of one mix are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from teiten_scenario.description import Description, Mix
    from teiten_scenario.population import Population
    from teiten_scenario.watch import Watch


@dataclass(frozen=True, slots=True)
class Scene:
    """A mix with who sends, what is watched, and the factor on every rate.

    Attributes:
        description: The scenario.
        mix: One of its mixes.
        scale: Factor on every rate.
        population: Sources of the mix's family.
        watched: Places of the mix's sensors.
    """

    description: Description
    mix: Mix
    scale: float
    population: Population
    watched: Watch
