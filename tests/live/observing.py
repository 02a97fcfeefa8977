"""What a source of live packets gives for what is sent over a wire."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pcapy  # type: ignore[import-not-found]  # compiled, without types

from teiten_agent import _core, config
from teiten_agent.live import open_source
from tests.live.wire import HEARD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

END_OF_TIME_NS = 7_258_118_400 * 10**9
SILENT_WAITS = 3


@dataclass(slots=True)
class Observed:
    """Sums over everything that was observed."""

    keys: Counter[str] = field(default_factory=Counter)
    counters: Counter[str] = field(default_factory=Counter)


def observe(send: Callable[[], object], **settings: Any) -> Observed:  # noqa: ANN401  # of config.Capture
    """Open the heard end, have something sent, and observe until nothing more comes."""
    source = open_source(config.Capture(interface=HEARD, **settings))
    observer = _core.Observer(interval_seconds=60, span=(time.time_ns(), END_OF_TIME_NS))
    send()
    source.seal()
    observed = Observed()
    in_vain = 0
    while in_vain < SILENT_WAITS:
        ready = source.wait()
        in_vain = 0 if ready else in_vain + 1
        interval = source.advance(observer, 1000, time.time_ns()) if ready else None
        add(observed, interval)
    add(observed, observer.finish(time.time_ns()))
    observed.counters.update(source.counters())
    source.close()
    return observed


def add(observed: Observed, interval: _core.Interval | None) -> None:
    """Add an interval, if there is one."""
    if interval is not None:
        observed.counters.update(interval.counters)
        observed.keys.update({key: packets for key, (packets, _) in interval.keys().items()})


def counted(capture: Path) -> Observed:
    """What the same core counts in a file."""
    observed = Observed()
    file = _core.Capture(capture)
    observer = _core.Observer(interval_seconds=0)
    while not file.exhausted:
        add(observed, observer.advance(file))
    add(observed, observer.finish())
    return observed


def ethernet_frames(capture: Path) -> list[bytes] | None:
    """The frames of a capture as far as it can be read; None if they are no Ethernet frames."""
    reader: Any = pcapy.open_offline(str(capture))
    if reader.datalink() != pcapy.DLT_EN10MB:
        return None
    frames: list[bytes] = []
    while True:
        try:
            header, frame = reader.next()
        except pcapy.PcapError:  # what is cut short at the end of a file
            return frames
        if header is None:
            return frames
        frames.append(frame)
