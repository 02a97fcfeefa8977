"""Writes the scenario's own country database, so that no test depends on another one's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mmdb_writer import MMDBWriter
from netaddr import IPNetwork, IPSet  # type: ignore[import-untyped] # the package ships no types

if TYPE_CHECKING:
    from pathlib import Path

    from teiten_scenario.description import Description


class _DatedWriter(MMDBWriter):
    """A writer that dates the database at the scenario's start, not now: same bytes every time."""

    def __init__(self, build_epoch: int) -> None:
        super().__init__(ip_version=6, database_type="teiten-scenario-country", ipv4_compatible=True)
        self._build_epoch = build_epoch

    def _build_meta(self) -> dict[str, Any]:
        meta: dict[str, Any] = super()._build_meta()
        return meta | {"build_epoch": self._build_epoch}


def write_country_database(description: Description, path: Path) -> None:
    """Write a MaxMind-format database of the countries' blocks, with records `{country: {iso_code}}`."""
    writer = _DatedWriter(description.midnight_us(description.first) // 1_000_000)
    for country in description.countries:
        blocks = IPSet([IPNetwork(str(network)) for network in country.networks])
        writer.insert_network(blocks, {"country": {"iso_code": country.code}})
    writer.to_db_file(str(path))
