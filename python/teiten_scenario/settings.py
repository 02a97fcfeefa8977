"""Configuration that fits a scenario: for its collector, its agents, and the report's bulletins."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from teiten_scenario.description import Bulletin, Description, Sensor


def files(description: Description, directory: Path) -> dict[str, str]:
    """Texts of the files by name; paths in them lie in `directory`."""
    texts = {"collector.toml": _collector(description, directory.resolve())}
    for sensor in description.sensors:
        texts[f"{sensor.id}.agent.toml"] = _agent(sensor, directory.resolve())
    if description.bulletins:
        texts["bulletins.toml"] = "\n".join(_bulletin(bulletin) for bulletin in description.bulletins)
    return texts


def _collector(description: Description, directory: Path) -> str:
    groups = {group for sensor in description.sensors for group in sensor.groups}
    return (
        "[server]\n"
        'listen = "127.0.0.1:8443"\n\n'
        "[store]\n"
        f"directory = {_text(str(directory / 'store'))}\n\n"
        "[geo]\n"
        f"country_database = {_text(str(directory / 'country.mmdb'))}\n\n"
        "[report]\n"
        f"timezone = {_text(str(description.timezone))}\n"
        f"access_groups = {_texts({'access'} & groups)}\n"
        f"signature_groups = {_texts({'ids'} & groups)}\n"
    )


def _agent(sensor: Sensor, directory: Path) -> str:
    return (
        "[sensor]\n"
        f"id = {_text(sensor.id)}\n"
        f"monitored = {_texts([str(network) for network in sensor.monitored])}\n\n"
        "[uplink]\n"
        'collector = "http://127.0.0.1:8443"\n'
        f"token_file = {_text(str(directory / f'{sensor.id}.token'))}\n\n"
        "[spool]\n"
        f"directory = {_text(str(directory / f'{sensor.id}.spool'))}\n"
    )


def _bulletin(bulletin: Bulletin) -> str:
    noticed = f"noticed = {_text(bulletin.noticed.isoformat())}\n" if bulletin.noticed else ""
    return (
        "[[bulletin]]\n"
        f"id = {_text(bulletin.id)}\n"
        f"title = {_text(bulletin.title)}\n"
        f"{noticed}"
        f"published = {_text(bulletin.published.isoformat())}\n"
        f"keys = {_texts(bulletin.keys)}\n"
    )


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a JSON string is a TOML basic string


def _texts(texts: Iterable[str]) -> str:
    return json.dumps(sorted(texts), ensure_ascii=False)
