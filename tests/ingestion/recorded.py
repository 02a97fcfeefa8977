"""Batches as they once came from a sensor, kept as files for ever, with what a collector makes of each.

What an old sensor sends must mean the same for every later collector: a file that is there never changes.
`record` adds some when the format has a new version.

    recorded/VERSION/NAME.batch     the compressed body, byte for byte as it goes over HTTP
    recorded/VERSION/NAME.json      `Meaning`
    recorded/SHA256SUMS             of all of them, as sha256sum(1) writes it
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from teiten_collector.store import Engine
from teiten_protocol import decode, digest, expand
from tests.fleet import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent / "recorded"
SUMS = FOLDER / "SHA256SUMS"
NETWORKS = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
"""What every recorded sensor monitors."""
TABLES = ("tuples", "detections", "quoted", "sketches", "observations")
LATER_TABLES = ("examples",)
"""Those that version 1 knows nothing of."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a batch says, and what becomes of it.

    Attributes:
        sensor: Whose it is.
        epoch: Its epoch.
        sequence: Its number.
        sha256: Of its body, in hexadecimal digits.
        rows: Rows that it brings to each table.
        packets: Packets of its tuples, by key.
        counters: Its counters.
        period: Days that a report of it covers, as `report --period` takes them.
        report: What the report says: numbers of accesses by port and of detections by signature, of both
            families. Not of countries, which change hands.
    """

    sensor: str
    epoch: int
    sequence: int
    sha256: str
    rows: dict[str, int]
    packets: dict[str, int]
    counters: dict[str, int]
    period: str
    report: dict[str, dict[str, int]]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file of one."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        """Write a file of it."""
        path.write_text(json.dumps(asdict(self), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def recordings() -> Iterator[tuple[Path, Path]]:
    """Every recorded batch with its meaning, in the order of their names."""
    for path in sorted(FOLDER.glob("*/*.batch")):
        yield path, path.with_suffix(".json")


def meaning(path: Path, directory: Path) -> Meaning:
    """What the programs of today make of a batch: read, brought in as a file, stored, and reported.

    Args:
        path: The batch.
        directory: Where a collector may be made.
    """
    body = expand(path.read_bytes())
    batch = decode(body)
    collector = Collector(directory)
    collector.command("sensor", "add", batch.key.sensor, "--monitored", *NETWORKS, "--group", "access")
    collector.command("import", path)
    with Engine(directory / "store") as engine:
        rows = {
            name: int(engine.query(f"SELECT count(*) AS rows FROM {name}").to_pylist()[0]["rows"])  # noqa: S608 - names of ours
            for name in TABLES + (() if path.parent.name == "1" else LATER_TABLES)
        }
        by_key = engine.query(
            "SELECT key, sum(packets)::BIGINT AS packets FROM tuples GROUP BY key ORDER BY key"
        ).to_pylist()
        first, last = (
            engine.query(
                "SELECT min(make_timestamp(start_ns // 1000) + INTERVAL 9 HOUR)::DATE::VARCHAR AS first,"
                " max(make_timestamp((end_ns - 1) // 1000) + INTERVAL 9 HOUR)::DATE::VARCHAR AS last"
                " FROM observations"
            )
            .to_pylist()[0]
            .values()
        )
    period = f"{first}..{last}"
    return Meaning(
        sensor=batch.key.sensor,
        epoch=batch.key.epoch,
        sequence=batch.key.sequence,
        sha256=digest(body).hex(),
        rows=rows,
        packets={row["key"]: row["packets"] for row in by_key},
        counters=dict(batch.counters),
        period=period,
        report=_numbers(collector.report(period)),
    )


def _numbers(document: dict[str, Any]) -> dict[str, dict[str, int]]:
    sections = (
        ("access", "ports"),
        ("access_ipv6", "ports"),
        ("signatures", "by_signature"),
        ("signatures_ipv6", "by_signature"),
    )
    return {
        f"{section}.{table}": {str(row["key"]): int(row["count"]) for row in document[section][table]}
        for section, table in sections
    }
