"""From a description to files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from teiten_protocol.keys import Family
from teiten_scenario import frames, settings, traffic, truth, writer
from teiten_scenario.country import write_country_database
from teiten_scenario.errors import DescriptionError, OutputError
from teiten_scenario.events import Happening, happen
from teiten_scenario.packets import Packets
from teiten_scenario.population import populate
from teiten_scenario.reading import parse
from teiten_scenario.scene import Scene
from teiten_scenario.watch import watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from teiten_scenario.description import Description


@dataclass(frozen=True, slots=True)
class World:
    """A scenario with every packet planned.

    Attributes:
        description: What was described.
        seed: The seed in force.
        scale: The factor in force.
        packets: All packets of all sensors, in order of time.
        happenings: The events among them.
    """

    description: Description
    seed: int
    scale: float
    packets: Packets
    happenings: tuple[Happening, ...]

    def truth(self) -> truth.Document:
        """The counts that must come out."""
        return truth.truth(self.description, self.seed, self.scale, self.packets, self.happenings)


def built_in() -> dict[str, str]:
    """Texts of the built-in scenarios by name."""
    folder = resources.files("teiten_scenario") / "scenarios"
    return {
        entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    }


def describe(name_or_text: str) -> Description:
    """Read a built-in scenario by its name.

    Raises:
        DescriptionError: There is no such scenario.
    """
    texts = built_in()
    if name_or_text not in texts:
        raise DescriptionError(name_or_text, f"no built-in scenario; there are {', '.join(texts)}")
    return parse(texts[name_or_text])


def plan(description: Description, seed: int | None = None, scale: float = 1.0) -> World:
    """Plan every packet.

    Args:
        description: The scenario.
        seed: Instead of the description's.
        scale: Factor on every rate, above 0.

    Raises:
        DescriptionError: Rates and events contradict one another.
    """
    if seed is not None:
        description = description.with_seed(seed)
    populations = {family: populate(description, family) for family in Family}
    parts: list[Packets] = traffic.noise(description, scale, populations[Family.IPV4])
    happenings: list[Happening] = []
    for mix in description.mixes:
        watched = watch(description, mix.groups, mix.family)
        if not len(watched.sensor):
            raise DescriptionError(mix.place, f"its sensors watch nothing in IPv{int(mix.family)}")
        scene = Scene(description, mix, scale, populations[mix.family], watched)
        happened = happen(scene)
        events = Packets.join([happening.packets for happening in happened])
        parts += [events]
        parts += traffic.background(scene, events)
        happenings += happened
    packets = Packets.join(parts)
    packets.ip_length[:] = frames.ip_lengths(packets)
    return World(description, description.seed, scale, packets.by_time(), tuple(happenings))


def write(world: World, directory: Path, progress: Callable[[int], None] = lambda _: None) -> list[Path]:
    """Write captures, country database, truth, and configuration that fits.

    Args:
        world: The planned scenario.
        directory: Where to; made if absent.
        progress: Told now and then how many packets are written.

    Returns:
        The files written.

    Raises:
        OutputError: A file cannot be written.
    """
    written: list[Path] = []
    done = 0
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for position, sensor in enumerate(world.description.sensors):
            path = directory / f"{sensor.id}.pcap"
            chosen = np.flatnonzero(world.packets.sensor == position)
            with path.open("wb") as stream:
                writer.write_header(stream)
                for start in range(0, len(chosen), writer.CHUNK):
                    chunk = chosen[start : start + writer.CHUNK]
                    writer.write_packets(stream, world.packets.take(chunk))
                    done += len(chunk)
                    progress(done)
            written.append(path)
        database = directory / "country.mmdb"
        write_country_database(world.description, database)
        written.append(database)
        texts = {"truth.json": json.dumps(world.truth(), indent=1) + "\n"}
        for name, text in (texts | settings.files(world.description, directory)).items():
            path = directory / name
            path.write_text(text, encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise OutputError(f"{error.filename or directory}: cannot write ({error.strerror})") from error
    return written
