"""Whether packets come: the filter, the interface, the capability, and what is heard."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from teiten_agent.check.step import State, UnsureError, skipped, taken
from teiten_agent.errors import AnswerIsNoError, ConfigurationError
from teiten_agent.live import LostError, check_filter, check_interface, has_carrier, open_source
from teiten_agent.observe import CountingSettings
from teiten_agent.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from teiten_agent.check.step import Step
    from teiten_agent.config import Configuration

STEPS = ("filter", "interface", "capture", "traffic")

LISTEN_SECONDS = 3
"""How long to listen where nobody says: an unused address hears a packet every few seconds or minutes."""

_END_NS = 7_258_118_400 * 1_000_000_000
"""2200-01-01, the end of the times that the core takes."""

_FRAMES_AT_ONCE = 1 << 17


def steps(configuration: Configuration, listen_seconds: int | None) -> Iterator[Step]:
    """Look at each in turn."""
    capture = configuration.capture
    if not capture.interface:
        yield from skipped(STEPS, "capture.interface is empty: this configuration replays only")
        return
    yield taken("filter", lambda: check_filter(capture))
    yield taken("interface", lambda: _interface(capture.interface))
    opened = taken("capture", lambda: _capture(configuration))
    yield opened
    if opened.state is not State.OK:
        yield from skipped(("traffic",), "needs the capture")
        return
    seconds = LISTEN_SECONDS if listen_seconds is None else listen_seconds
    yield taken("traffic", lambda: _traffic(configuration, seconds, certain=listen_seconds is not None))


def _interface(name: str) -> str:
    check_interface(name)
    if not has_carrier(name):
        raise ConfigurationError(
            f"capture.interface: {name} is up and hears no other end",
            "see to the cable and the switch's port",
        )
    return f"{name} is up"


def _capture(configuration: Configuration) -> str:
    open_source(configuration.capture).close()
    return f"{configuration.capture.interface}: can be captured from by {configuration.capture.source}"


def _traffic(configuration: Configuration, seconds: int, *, certain: bool) -> str:
    """Listen, and say what was heard; without a packet to a monitored address, why that may be."""
    heard = _listen(configuration, seconds)
    packets, counted = heard["packets"], heard["counted"]
    if counted:
        return f"{packets} packets in {seconds} s, {counted} of them to monitored addresses"
    if packets:
        what = (
            f"{packets} packets in {seconds} s, and none to a monitored address"
            f" ({heard['not_monitored']} to others)"
        )
        remedy = (
            "sensor.monitored must be the addresses that are routed to this interface; on a mirror port,"
            " set capture.promiscuous = true"
        )
    elif configuration.capture.filter and (
        others := _listen(replace(configuration, capture=replace(configuration.capture, filter="")), seconds)[
            "packets"
        ]
    ):
        what = f"capture.filter let nothing through in {seconds} s, and {others} packets came without it"
        remedy = "correct capture.filter, or leave it empty"
    else:
        what = f"no packet came in {seconds} s"
        remedy = (
            "see to cable, mirror port and routing of the monitored addresses; send a packet to one of them"
        )
    if certain:
        raise AnswerIsNoError(what, remedy)
    raise UnsureError(what, f"{remedy}; or listen longer, with --listen SECONDS")


def _listen(configuration: Configuration, seconds: int) -> Counter[str]:
    """What the core counts of what comes in so many seconds."""
    settings = replace(CountingSettings.of(configuration), rules=None, interval_seconds=0)
    observer = settings.observer((time.time_ns(), _END_NS))
    source = open_source(replace(configuration.capture, threads=1))
    heard: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    try:
        with Progress("listening", seconds) as progress:
            while (left := deadline - time.monotonic()) > 0:
                progress.update(int(seconds - left))
                if source.wait() and (closed := source.advance(observer, _FRAMES_AT_ONCE, time.time_ns())):
                    heard.update(closed.counters)
    except LostError as error:
        raise AnswerIsNoError(
            f"capture.interface: {configuration.capture.interface}: {error}",
            "see to the interface (`ip link`)",
        ) from error
    finally:
        source.close()
    if last := observer.finish(time.time_ns()):
        heard.update(last.counters)
    return heard
