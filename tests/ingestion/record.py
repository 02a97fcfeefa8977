"""Record batches of the versions that are written now: once, when a version is new.

    python -m tests.ingestion.record

Writes what is not there yet into `recorded/VERSION`, by the version that each body states, and the sums of
all files.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgpack  # type: ignore[import-untyped] # the package ships no types

from teiten_agent import _core
from teiten_agent.observe import CountingSettings, batch_of, gather, observe
from teiten_protocol import Batch, BatchKey, compress, encode, expand
from tests.fleet import AGENT, run
from tests.ingestion.recorded import FOLDER, SUMS, meaning
from tests.store.building import batch, made_up

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR_NS = 3_600 * 10**9
FLOOD_START = 1_249_052_400


def bodies(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Compressed bodies by name: what the agent makes of captures, and of every table at least a row."""
    yield "quiet", _compressed(batch(0))
    yield "every-table", _compressed(made_up(3))
    yield (
        "with-losses",
        _compressed(
            batch(
                7,
                counters={
                    "kernel_dropped": 12,
                    "lost.full_batches": 2,
                    "lost.full_packets": 40,
                    "lost.torn_batches": 1,
                    "malformed.length": 3,
                    "packets": 3,
                },
            )
        ),
    )
    yield from _replayed(directory)
    yield from _flooded(directory)


def _compressed(given: Batch) -> bytes:
    return compress(encode(given))


def _replayed(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Two hours of each sensor of the small scenario, through the agent's own command."""
    scenario = directory / "small"
    run(Path(sys.executable).with_name("teiten-scenario"), "write", "small", "--output", scenario)
    truth = json.loads((scenario / "truth.json").read_text(encoding="utf-8"))["sensors"]
    for sensor, planned in truth.items():
        configuration = directory / f"{sensor}.toml"
        configuration.write_text(
            f"[sensor]\nid = {json.dumps(sensor)}\nmonitored = {json.dumps(planned['monitored'])}\n"
            f"[spool]\ndirectory = {json.dumps(str(directory / sensor))}\n",
            encoding="utf-8",
        )
        day = planned["from"].partition("T")[0]
        span = ("--from", f"{day}T10:00:00+09:00", "--to", f"{day}T12:00:00+09:00")
        capture = scenario / planned["capture"]
        run(AGENT, "replay", "--config", configuration, "--no-upload", *span, capture)
        for number, path in enumerate(sorted((directory / sensor).glob("*.batch"))):
            yield f"replayed-{sensor}-{number}", path.read_bytes()


def _flooded(directory: Path) -> Iterator[tuple[str, bytes]]:
    """A flood that takes the source ports, then the sources from the rows."""
    capture = directory / "flood.pcap"
    records = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 101)]
    for number in range(6_000):
        packet = struct.pack(">BBHHHBBH", 0x45, 0, 40, 1, 0, 64, 6, 0)
        packet += struct.pack(
            ">IIHHIIBBHHH", number * 2654435761 % 2**32, 0xCB007109, number, 445, 7, 0, 0x50, 2, 9, 0, 0
        )
        records.append(struct.pack("<IIII", FLOOD_START, number * 10_000, 40, 40) + packet)
    capture.write_bytes(b"".join(records))
    settings = CountingSettings(max_rows=250)
    observer = settings.observer()
    intervals = [interval for interval in observe(observer, _core.Capture(str(capture))) if interval]
    last = observer.finish()
    intervals += [last] if last else []
    for number, group in enumerate(gather(intervals)):
        yield (
            f"flooded-{number}",
            _compressed(batch_of(BatchKey("tokyo-01", 1, number), settings.digest(), group)),
        )


def main() -> int:
    """Write what is not there yet."""
    with tempfile.TemporaryDirectory() as directory:
        for name, body in bodies(Path(directory)):
            version = msgpack.unpackb(expand(body))["version"]
            path = FOLDER / str(version) / f"{name}.batch"
            if path.exists():
                continue
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(body)
            meaning(path, Path(directory) / name).write(path.with_suffix(".json"))
            sys.stdout.write(f"{path.relative_to(FOLDER)}: {len(body)} bytes\n")
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(FOLDER)}"
        for path in sorted(FOLDER.glob("*/*"))
    ]
    SUMS.write_text("\n".join(sums) + "\n", encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
